//! What the page costs, in the browser and in the exporter.

use std::fmt;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::thread;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, ensure};
use cpumon_load::process::Process;
use serde::Deserialize;

use crate::PATIENCE;
use crate::browser::Browser;
use crate::exporter::Exporter;
use crate::fleet::Agents;

/// How long a fleet runs before it is measured.
const SETTLE: Duration = Duration::from_secs(5);

/// What the page is asked to do while it is watched: count what kept its thread busy.
const WATCH: &str = "window.tasks = []; \
    new PerformanceObserver(list => list.getEntries().forEach(e => window.tasks.push(e.duration))).observe({type: 'longtask'})";

/// The page on ten thousand agents.
#[derive(Clone, Copy, Debug)]
pub struct TenThousand {
    seconds: f64,
    tasks: usize,
    long_ms: f64,
    longest_ms: f64,
    heap_before: f64,
    heap_after: f64,
    /// Share of a core that the exporter used, without a page and with one.
    without: f64,
    with: f64,
}

impl fmt::Display for TenThousand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "10,000 agents at 1 Hz, one page in Chromium, {:.0} s", self.seconds)?;
        let a_second = self.long_ms / self.seconds;
        writeln!(
            f,
            "  long tasks (50 ms and more)  {a_second:.1} ms a second; {} in all, the longest {:.0} ms",
            self.tasks, self.longest_ms
        )?;
        writeln!(
            f,
            "  heap after a collection      {:.1} MB at the begin, {:.1} MB at the end",
            self.heap_before, self.heap_after
        )?;
        let (with, without) = (self.with * 100.0, self.without * 100.0);
        write!(f, "  exporter                     {with:.2} % of a core, {without:.2} % without the page")
    }
}

#[derive(Deserialize)]
struct Tasks {
    seconds: f64,
    tasks: Vec<f64>,
}

/// Watches the page on ten thousand agents for `span`.
///
/// # Errors
///
/// When a program does not run.
pub fn ten_thousand(binary: &Path, span: Duration) -> anyhow::Result<TenThousand> {
    let exporter = Exporter::start(binary, &[])?;
    let browser = Browser::start()?;
    let agents = Agents::start(exporter.ingest, "bench-", 10_000)?;
    all_up(exporter.http, 10_000)?;
    sleep(SETTLE);
    let without = share(&exporter, span / 4)?;

    browser.open(exporter.http, "/")?;
    browser.wait_for("document.getElementById('up').textContent === '10,000'")?;
    sleep(SETTLE);
    let heap_before = heap(&browser)?;
    browser.run::<()>(WATCH)?;
    let begun = Instant::now();
    let with = share(&exporter, span)?;
    let tasks: Vec<f64> = browser.run("return window.tasks")?;
    let watched = Tasks { seconds: begun.elapsed().as_secs_f64(), tasks };
    let heap_after = heap(&browser)?;
    agents.leave()?;
    Ok(TenThousand {
        seconds: watched.seconds,
        tasks: watched.tasks.len(),
        long_ms: watched.tasks.iter().sum(),
        longest_ms: watched.tasks.iter().copied().fold(0.0, f64::max),
        heap_before,
        heap_after,
        without,
        with,
    })
}

/// A hundred pages on a thousand agents.
#[derive(Clone, Copy, Debug)]
pub struct HundredPages {
    without: f64,
    with: f64,
    /// Bytes a second and page.
    bytes: f64,
}

impl fmt::Display for HundredPages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "1,000 agents at 1 Hz, 100 streams of /events that are read")?;
        let (with, without) = (self.with * 100.0, self.without * 100.0);
        writeln!(f, "  exporter                     {with:.2} % of a core, {without:.2} % without them")?;
        write!(f, "  one page is sent             {:.1} kB a second", self.bytes / 1e3)
    }
}

/// Watches the exporter while a hundred clients read its events, as pages do, for `span`.
///
/// # Errors
///
/// When a program does not run.
pub fn hundred_pages(binary: &Path, span: Duration) -> anyhow::Result<HundredPages> {
    let exporter = Exporter::start(binary, &[])?;
    let agents = Agents::start(exporter.ingest, "bench-", 1_000)?;
    all_up(exporter.http, 1_000)?;
    sleep(SETTLE);
    let without = share(&exporter, span)?;
    let http = exporter.http;
    let readers: Vec<_> = (0..100).map(|_| thread::spawn(move || read(http, SETTLE, span))).collect();
    sleep(SETTLE);
    let with = share(&exporter, span)?;
    let mut bytes = 0;
    for reader in readers {
        bytes += reader.join().map_err(|_panic| anyhow!("a reader has panicked"))??;
    }
    agents.leave()?;
    Ok(HundredPages { without, with, bytes: bytes as f64 / 100.0 / span.as_secs_f64() })
}

/// Reads events; how many bytes came in `span`, after `settle`.
fn read(http: SocketAddr, settle: Duration, span: Duration) -> anyhow::Result<usize> {
    let mut stream = TcpStream::connect(http)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET /events HTTP/1.1\r\nHost: bench\r\n\r\n")?;
    let mut buffer = vec![0; 64 * 1024];
    let (begun, mut bytes) = (Instant::now(), 0);
    while begun.elapsed() < settle + span {
        let count = stream.read(&mut buffer)?;
        ensure!(count > 0, "the stream ended");
        if begun.elapsed() > settle {
            bytes += count;
        }
    }
    Ok(bytes)
}

/// The share of a core that the exporter uses for a while.
fn share(exporter: &Exporter, span: Duration) -> anyhow::Result<f64> {
    let process = Process::new(exporter.id());
    let (begun, before) = (Instant::now(), process.cpu_ticks()?);
    sleep(span);
    Ok((process.cpu_ticks()? - before).as_secs_f64() / begun.elapsed().as_secs_f64())
}

/// The page's heap in megabytes, without what is only waiting to be collected.
fn heap(browser: &Browser) -> anyhow::Result<f64> {
    browser.cdp("HeapProfiler.collectGarbage", &serde_json::json!({}))?;
    Ok(browser.run::<f64>("return performance.memory.usedJSHeapSize")? / 1e6)
}

/// Waits until so many agents are up.
fn all_up(http: SocketAddr, agents: usize) -> anyhow::Result<()> {
    let line = format!("cpumon_exporter_agents{{state=\"up\"}} {agents}\n");
    let begun = Instant::now();
    loop {
        let mut stream = TcpStream::connect(http)?;
        stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n")?;
        let mut text = String::new();
        stream.read_to_string(&mut text).context("no metrics")?;
        if text.contains(&line) {
            return Ok(());
        }
        ensure!(begun.elapsed() < 3 * PATIENCE, "not all of {agents} agents are up");
        sleep(Duration::from_millis(500));
    }
}
