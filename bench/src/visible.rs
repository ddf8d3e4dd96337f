//! How long it takes from the sending of a sample until a finished scrape shows it (wall time), with a thousand
//! clients beside.
//!
//! Once with agents and all that they tell, some fifty series each, beside a bare server that sends the same page out of
//! memory; and once with the original's clients, which tell one value each, as the servers that we are compared with are
//! told.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use cpumon_load::client::Dialect;
use cpumon_load::machine::{self, Machine};
use cpumon_protocol::model::{AgentName, Micros, Moment, Ratio, Sample};
use cpumon_protocol::session::agent::{AgentSession, Answer};

use crate::extent::Extent;
use crate::fleet;
use crate::program::{BareServer, Exporter};
use crate::scrape::{PageFile, Scraper};
use crate::stats::Runs;
use crate::table::{Row, Table, Target};

/// How many clients send beside the one that is looked for.
const CLIENTS: usize = 1_000;

/// Samples looked for in one run, whose median is the run's figure.
const PROBES: u32 = 25;

/// The pause between two of them: to fall on any moment of the others' second, and no more of them in a second than the
/// exporter takes from one agent without making it wait.
const PAUSE: Duration = Duration::from_millis(213);

/// The longest that it may take.
const TARGET: Target = Target::AtMost(3.0);

/// Measures it.
///
/// # Errors
///
/// When a program does not run, or a scrape does not show what was acknowledged.
pub fn measure(extent: &Extent, table: &mut Table) -> anyhow::Result<()> {
    let (agents, page) = beside(Dialect::V1, extent)?;
    let what = format!("{CLIENTS} agents: from push to visible, wall time");
    let row = Row::new(what, "ms", agents).beside("static page", fetch(&page, extent)?);
    table.push(&row.target(TARGET));
    let (original, _) = beside(Dialect::Original, extent)?;
    let what = format!("{CLIENTS} clients of the original: the same");
    table.push(&Row::new(what, "ms", original).target(TARGET));
    Ok(())
}

/// The same with clients of one dialect beside, and the page as it was at last.
fn beside(dialect: Dialect, extent: &Extent) -> anyhow::Result<(Runs, Vec<u8>)> {
    let exporter = Exporter::start()?;
    let mut crowd = fleet::crowd(exporter.ingest, CLIENTS, dialect)?;
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let sending = scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                crowd.run(Micros::from_millis(100), |_| false)?;
            }
            anyhow::Ok(())
        });
        let probed = probe(&exporter, extent.runs);
        is_over.store(true, Ordering::Relaxed);
        sending.join().map_err(|_| anyhow::anyhow!("the crowd has panicked"))??;
        probed
    })
}

/// How long it takes to fetch `page` from the bare server.
fn fetch(page: &[u8], extent: &Extent) -> anyhow::Result<Runs> {
    let file = PageFile::new(page)?;
    let server = BareServer::start(&[file.path()])?;
    let mut scraper = Scraper::connect(server.address)?;
    medians(extent.runs, |_| {
        let begun = Instant::now();
        scraper.page("/metrics")?;
        Ok(begun.elapsed())
    })
}

fn probe(exporter: &Exporter, runs: usize) -> anyhow::Result<(Runs, Vec<u8>)> {
    let mut probe = Probe::connect(exporter.ingest)?;
    let (mut scraper, mut text) = (Scraper::connect(exporter.http)?, String::new());
    let medians = medians(runs, |number| {
        // No two of them are alike.
        let millionths = 100_000 + number;
        let begun = Instant::now();
        probe.push(millionths)?;
        let page = scraper.page("/metrics")?;
        let took = begun.elapsed();
        text = page.text()?;
        let line = format!("cpumon_utilization_ratio{{agent=\"probe\"}} 0.{millionths:06}");
        let line = line.trim_end_matches('0');
        let is_shown = text.lines().any(|shown| shown == line);
        ensure!(is_shown, "the scrape does not show {line}");
        Ok(took)
    })?;
    Ok((medians, text.into_bytes()))
}

/// The median of each run, in milliseconds, of what `probe` took; it is told how many there were before.
fn medians(runs: usize, mut probe: impl FnMut(u32) -> anyhow::Result<Duration>) -> anyhow::Result<Runs> {
    let mut medians = Runs::default();
    for run in 0..runs {
        let mut figures = Runs::default();
        for step in 0..PROBES {
            thread::sleep(PAUSE);
            figures.push(probe(run as u32 * PROBES + step)?.as_secs_f64() * 1e3);
        }
        medians.push(figures.median());
    }
    Ok(medians)
}

/// One agent, on a socket that waits.
pub(crate) struct Probe {
    stream: TcpStream,
    session: AgentSession,
    machine: Machine,
    seq: u64,
}

impl Probe {
    /// Says hello as `probe`.
    pub(crate) fn connect(exporter: SocketAddr) -> anyhow::Result<Self> {
        let mut stream = TcpStream::connect(exporter)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        let hello = machine::hello(AgentName::new("probe")?, Micros::from_secs(1));
        let mut bytes = Vec::new();
        let session = AgentSession::start(&hello, &mut bytes);
        stream.write_all(&bytes)?;
        let mut probe = Self { stream, session, machine: Machine::new(1), seq: 0 };
        match probe.answer()? {
            Answer::Welcome { .. } => Ok(probe),
            other => bail!("hello is answered {other:?}"),
        }
    }

    /// Sends a sample and waits until it is acknowledged.
    pub(crate) fn push(&mut self, millionths: u32) -> anyhow::Result<()> {
        let utilization = Ratio::from_millionths(millionths).context("more than one")?;
        let sample = Sample { utilization, ..self.machine.sample(Moment(0)) };
        self.seq += 1;
        let mut bytes = Vec::new();
        self.session.sample(self.seq, &sample, &mut bytes);
        self.stream.write_all(&bytes)?;
        match self.answer()? {
            Answer::Ack { seq, .. } if seq == self.seq => Ok(()),
            other => bail!("sample {} is answered {other:?}", self.seq),
        }
    }

    fn answer(&mut self) -> anyhow::Result<Answer> {
        let mut buffer = [0; 1024];
        loop {
            let length = self.stream.read(&mut buffer)?;
            ensure!(length > 0, "the exporter closed the connection");
            let mut input = buffer.get(..length).unwrap_or_default();
            if let Some(answer) = self.session.receive(&mut input)? {
                return Ok(answer);
            }
        }
    }
}
