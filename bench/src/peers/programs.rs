//! Where the peers are, and how they are started.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use cpumon_load::process::Process;

use crate::program::{Exporter, Program, free_address};
use crate::scrape::Scraper;

/// The longest that a program may take to become ready.
const READY_MAX: Duration = Duration::from_secs(20);

/// A program that takes what agents push and is scraped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Cpumon,
    Pushgateway,
    /// The same with the check that it makes by default: each push is held against all that is there.
    CheckingPushgateway,
    Original,
}

impl Kind {
    /// What stands in the table.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Cpumon => "cpumon",
            Self::Pushgateway => "pushgateway",
            Self::CheckingPushgateway => "pushgateway, checking",
            Self::Original => "the original",
        }
    }

    /// Starts it and waits until it answers over HTTP.
    pub(super) fn start(self) -> anyhow::Result<Server> {
        let begun = Instant::now();
        if self == Self::Cpumon {
            let exporter = Exporter::start()?;
            let (ingest, http) = (exporter.ingest, exporter.http);
            return Ok(Server {
                _program: None,
                process: exporter.process(),
                _exporter: Some(exporter),
                ingest,
                http,
                ready_after: begun.elapsed(),
            });
        }
        let (ingest, http) = (free_address()?, free_address()?);
        let (mut command, ready) = match self {
            Self::Original => {
                let mut command = Command::new(path("PYTHON")?);
                command.arg(path("ORIGINAL_SERVER")?);
                command.args([ingest.port().to_string(), http.port().to_string()]);
                (command, "/metrics")
            }
            _ => {
                let mut command = Command::new(path("PUSHGATEWAY")?);
                command.arg(format!("--web.listen-address={http}"));
                if self == Self::Pushgateway {
                    command.arg("--push.disable-consistency-check");
                }
                (command, "/-/ready")
            }
        };
        let program = Program::start(command.stdout(Stdio::null()).stderr(Stdio::null()))?;
        wait_until_ready(http, ready)?;
        let ingest = if self == Self::Original { ingest } else { http };
        let process = program.process();
        Ok(Server {
            _program: Some(program),
            _exporter: None,
            process,
            ingest,
            http,
            ready_after: begun.elapsed(),
        })
    }
}

/// A running server; it ends with this value.
pub(super) struct Server {
    _program: Option<Program>,
    _exporter: Option<Exporter>,
    pub(super) process: Process,
    /// Where it is pushed to.
    pub(super) ingest: SocketAddr,
    /// Where it is scraped.
    pub(super) http: SocketAddr,
    pub(super) ready_after: Duration,
}

/// Waits until `address` answers a request of `page` with 200.
pub(super) fn wait_until_ready(address: SocketAddr, page: &str) -> anyhow::Result<()> {
    let deadline = Instant::now() + READY_MAX;
    while Scraper::connect(address).and_then(|mut scraper| scraper.get(page)).is_err() {
        if Instant::now() > deadline {
            bail!("nobody answers on {address} after {READY_MAX:?}");
        }
        thread::sleep(Duration::from_micros(500));
    }
    Ok(())
}

/// The path of a program or file that `scripts/bench-peers` has found.
pub(super) fn path(variable: &str) -> anyhow::Result<PathBuf> {
    #[allow(clippy::disallowed_methods, reason = "a script hands paths over; no configuration")]
    let path = std::env::var_os(variable).filter(|path| !path.is_empty());
    let how = match variable {
        "PUSHGATEWAY" => {
            "prometheus-pushgateway is not installed (on Debian: apt-get install prometheus-pushgateway)"
        }
        "NODE_EXPORTER" => {
            "prometheus-node-exporter is not installed (on Debian: apt-get install prometheus-node-exporter)"
        }
        _ => "start it by scripts/bench-peers, which finds the original and its Python",
    };
    path.map(PathBuf::from).context(how)
}
