//! Other programs for the same work, in turns with ours: what they cost, and ratios within a run.
//!
//! The peers get the lighter end of it. The Pushgateway takes one value a push, where our frames carry fifty series;
//! node_exporter collects the CPU alone.

mod agents;
mod programs;
mod senders;
mod servers;

use crate::extent::Extent;
use crate::table::Table;

/// Measures servers, then agents.
///
/// # Errors
///
/// When a program that is there does not run. One that is missing is told of in the table.
pub fn measure(extent: &Extent, table: &mut Table) -> anyhow::Result<()> {
    servers::measure(extent, table)?;
    agents::measure(extent, table)
}
