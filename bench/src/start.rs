//! How long the exporter takes from its start until it says that it is ready (wall time).

use std::time::Instant;

use crate::extent::Extent;
use crate::program::Exporter;
use crate::stats::Runs;
use crate::table::{Row, Table, Target};

/// Starts in one run, whose median is the run's figure.
const STARTS: usize = 10;

/// Measures it.
///
/// # Errors
///
/// When the exporter does not start.
pub fn measure(extent: &Extent, table: &mut Table) -> anyhow::Result<()> {
    // The first start brings the program into memory; it also finds the ports.
    let (ingest, http) = {
        let first = Exporter::start()?;
        (first.ingest, first.http)
    };
    let mut runs = Runs::default();
    for _ in 0..extent.runs {
        let mut figures = Runs::default();
        for _ in 0..STARTS {
            let begun = Instant::now();
            let exporter = Exporter::start_on(ingest, http)?;
            figures.push(begun.elapsed().as_secs_f64() * 1e3);
            drop(exporter);
        }
        runs.push(figures.median());
    }
    table
        .push(&Row::new("exporter: from start to ready, wall time", "ms", runs).target(Target::AtMost(10.0)));
    Ok(())
}
