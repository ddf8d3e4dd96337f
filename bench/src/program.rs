//! The programs under measurement, as processes that end with their values.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use cpumon_load::process::Process;

use crate::scrape::Scraper;

/// The longest that a program may take to become ready.
const READY_MAX: Duration = Duration::from_secs(10);

/// A process that is killed when this value is dropped.
#[derive(Debug)]
pub struct Program(Child);

impl Program {
    /// Starts `command` without standard input and without a log.
    ///
    /// # Errors
    ///
    /// Names the program that cannot be started.
    pub fn start(command: &mut Command) -> anyhow::Result<Self> {
        command.stdin(Stdio::null());
        let child = command.spawn().with_context(|| format!("cannot start {:?}", command.get_program()))?;
        Ok(Self(child))
    }

    /// What it costs.
    pub fn process(&self) -> Process {
        Process::new(self.0.id())
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The path of a program that was built together with this one.
///
/// # Errors
///
/// When it is not there.
pub fn sibling(name: &str) -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("cannot tell where this program is")?;
    let path = own.with_file_name(name);
    if !path.exists() {
        bail!("{} is not there; build it as scripts/bench does", path.display());
    }
    Ok(path)
}

/// A running exporter.
#[derive(Debug)]
pub struct Exporter {
    program: Program,
    /// Where agents connect.
    pub ingest: SocketAddr,
    /// Where it is scraped.
    pub http: SocketAddr,
}

impl Exporter {
    /// Starts one on free ports, with room for as many agents as there are descriptors.
    ///
    /// # Errors
    ///
    /// When it does not become ready.
    pub fn start() -> anyhow::Result<Self> {
        let (ingest, http) = (free_address()?, free_address()?);
        Self::start_on(ingest, http)
    }

    /// Starts one on these addresses.
    ///
    /// # Errors
    ///
    /// When it does not become ready.
    pub fn start_on(ingest: SocketAddr, http: SocketAddr) -> anyhow::Result<Self> {
        let mut exporter = Self::spawn(ingest, http)?;
        exporter.wait_until_ready()?;
        Ok(exporter)
    }

    /// Starts one and does not wait.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub fn spawn(ingest: SocketAddr, http: SocketAddr) -> anyhow::Result<Self> {
        let mut command = Command::new(sibling("cpumon-exporter")?);
        command
            .env_clear()
            .env("EXPORTER_INGEST_LISTEN", ingest.to_string())
            .env("EXPORTER_HTTP_LISTEN", http.to_string())
            .env("EXPORTER_MAX_AGENTS", "100000")
            .env("EXPORTER_MAX_CONNECTIONS", "100000")
            .env("EXPORTER_LOG", "error");
        Ok(Self { program: Program::start(&mut command)?, ingest, http })
    }

    /// Waits for it to say that it is ready.
    ///
    /// # Errors
    ///
    /// When it does not within ten seconds.
    pub fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + READY_MAX;
        loop {
            if Scraper::connect(self.http).and_then(|mut scraper| scraper.get("/-/ready")).is_ok() {
                return Ok(());
            }
            if let Some(status) = self.program.0.try_wait()? {
                bail!("the exporter ended with {status} instead of becoming ready");
            }
            if Instant::now() > deadline {
                bail!("the exporter is not ready after {READY_MAX:?}");
            }
            thread::sleep(Duration::from_micros(100));
        }
    }

    /// What it costs.
    pub fn process(&self) -> Process {
        self.program.process()
    }
}

/// A running `bare-server`.
#[derive(Debug)]
pub struct BareServer {
    program: Program,
    /// Where it listens.
    pub address: SocketAddr,
}

impl BareServer {
    /// Starts one; with a file as argument it serves that.
    ///
    /// # Errors
    ///
    /// When it does not say its port.
    pub fn start(arguments: &[&OsStr]) -> anyhow::Result<Self> {
        let mut command = Command::new(sibling("bare-server")?);
        let mut program = Program::start(command.args(arguments).stdout(Stdio::piped()))?;
        let stdout = program.0.stdout.take().ok_or_else(|| anyhow!("bare-server has no output"))?;
        let mut line = String::new();
        BufReader::new(stdout.take(64)).read_line(&mut line).context("bare-server says nothing")?;
        let port: u16 = line.trim().parse().with_context(|| format!("bare-server said {line:?}"))?;
        Ok(Self { program, address: SocketAddr::from(([127, 0, 0, 1], port)) })
    }

    /// What it costs.
    pub fn process(&self) -> Process {
        self.program.process()
    }
}

/// An address of this machine on whose port nobody listens now.
pub(crate) fn free_address() -> anyhow::Result<SocketAddr> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").context("no port is free")?;
    Ok(listener.local_addr()?)
}
