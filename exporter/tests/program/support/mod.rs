//! What the tests of the program share.

mod client;
mod exporter;
#[path = "../../support/exposition.rs"]
mod exposition;
mod fleet;
mod frames;
mod page;
mod process;
#[path = "../../support/promtool.rs"]
pub(crate) mod promtool;

use std::time::Duration;

pub(crate) use client::{Agent, Client, LARGE_OBJECTS, stuff};
pub(crate) use exporter::{Exporter, wait_until};
pub(crate) use exposition::{Exposition, Labels, Series};
pub(crate) use fleet::HonestFleet;
pub(crate) use frames::{PERCENT, hello, sample};
pub(crate) use page::Page;
pub(crate) use process::{Output, Process, program, run};

/// The longest that anything here may take before it counts as hung.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
