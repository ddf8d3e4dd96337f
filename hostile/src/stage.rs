//! What a case runs on.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use tokio::runtime::Runtime;

use crate::case::Form;
use crate::credentials::Credentials;
use crate::exporter::Exporter;
use crate::page::{Http, Page};

/// What a case runs on.
#[derive(Debug)]
pub struct Stage {
    /// The exporter.
    pub exporter: Exporter,
    /// Where its HTTP is, and what it asks for.
    pub http: Http,
    /// What those show who may come in, if it asks for anything.
    pub credentials: Option<Arc<Credentials>>,
    /// How much is to be done.
    pub form: Form,
    /// Where our agent's program is.
    pub agent: PathBuf,
    /// Where the exporter's program is.
    pub exporter_program: PathBuf,
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
        Page::now(&self.http)
    }

    /// What those show who may come in.
    ///
    /// # Errors
    ///
    /// When the exporter asks for nothing.
    pub fn credentials(&self) -> anyhow::Result<Arc<Credentials>> {
        self.credentials.clone().context("the exporter asks for nothing")
    }

    /// Where agents come in over TLS.
    ///
    /// # Errors
    ///
    /// When they cannot.
    pub fn ingest_tls(&self) -> anyhow::Result<SocketAddr> {
        self.exporter.ingest_tls.context("there is no listener for TLS")
    }
}
