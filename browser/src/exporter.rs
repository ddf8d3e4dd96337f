//! The exporter's program, running.

use std::io::{BufRead, BufReader, Lines};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// An exporter; it ends with this value.
#[derive(Debug)]
pub struct Exporter {
    binary: PathBuf,
    child: Child,
    log: Lines<BufReader<ChildStderr>>,
    /// Where agents connect.
    pub ingest: SocketAddr,
    /// Where the page is.
    pub http: SocketAddr,
}

impl Exporter {
    /// Starts the program on ports of its own.
    ///
    /// # Errors
    ///
    /// When it does not listen.
    pub fn start(binary: &Path, variables: &[(&str, &str)]) -> anyhow::Result<Self> {
        let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
        Self::start_on(binary, anywhere, anywhere, variables)
    }

    fn start_on(
        binary: &Path,
        ingest: SocketAddr,
        http: SocketAddr,
        variables: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        let mut child = Command::new(binary)
            .env_clear()
            .env("EXPORTER_INGEST_LISTEN", ingest.to_string())
            .env("EXPORTER_HTTP_LISTEN", http.to_string())
            .env("EXPORTER_LOG_FORMAT", "json")
            // Few lines: nobody reads them while it runs.
            .env("EXPORTER_LOG", "error,cpumon_exporter::run=info")
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", binary.display()))?;
        let log = child.stderr.take().context("the exporter has no log")?;
        let log = BufReader::new(log).lines();
        let mut exporter = Self { binary: binary.to_owned(), child, log, ingest, http };
        let fields = exporter.event("listening")?;
        let address = |name: &str| fields[name].as_str().and_then(|text| text.parse().ok());
        (exporter.ingest, exporter.http) = address("ingest").zip(address("http")).context("no addresses")?;
        Ok(exporter)
    }

    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to stop and waits until it has; its status, and the last line of its log.
    ///
    /// # Errors
    ///
    /// When it has ended already.
    pub fn stop(&mut self) -> anyhow::Result<(ExitStatus, String)> {
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        // It ends by itself, within its own limit.
        let last = self.log.by_ref().last().context("it said nothing")??;
        Ok((self.child.wait()?, last))
    }

    /// Starts it anew where it was.
    ///
    /// # Errors
    ///
    /// When it does not listen.
    pub fn start_again(&mut self) -> anyhow::Result<()> {
        *self = Self::start_on(&self.binary.clone(), self.ingest, self.http, &[])?;
        Ok(())
    }

    /// The fields of the next line of the log with this message.
    fn event(&mut self, message: &str) -> anyhow::Result<Value> {
        loop {
            let line = self.log.next().with_context(|| format!("the log ended without {message:?}"))??;
            let mut event: Value = serde_json::from_str(&line).unwrap_or_default();
            if event["message"] == message {
                return Ok(event["fields"].take());
            }
        }
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
