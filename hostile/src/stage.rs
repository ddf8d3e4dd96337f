//! What a case runs on.

use std::path::PathBuf;

use tokio::runtime::Runtime;

use crate::case::Form;
use crate::exporter::Exporter;
use crate::page::Page;

/// What a case runs on.
#[derive(Debug)]
pub struct Stage {
    /// The exporter.
    pub exporter: Exporter,
    /// How much is to be done.
    pub form: Form,
    /// Where our agent's program is.
    pub agent: PathBuf,
    /// For the case's own tasks: one thread, so that half of the machine at most is the attackers'.
    pub runtime: Runtime,
}

impl Stage {
    /// What the exporter shows now.
    ///
    /// # Errors
    ///
    /// When there is no answer in time, or another one than success.
    pub fn page(&self) -> anyhow::Result<Page> {
        Page::now(self.exporter.http)
    }
}
