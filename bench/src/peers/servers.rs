//! Programs that take what agents push and are scraped.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::ensure;

use super::programs::{Kind, Server};
use super::senders::{Finder, Senders};
use crate::extent::Extent;
use crate::scrape::{Scraper, series};
use crate::stats::Runs;
use crate::table::{Row, Table};

/// How many agents push.
const AGENTS: usize = 1_000;

/// How long they do before anything is measured.
const SETTLE: Duration = Duration::from_millis(1_200);

/// Values looked for in one run, whose median is the run's figure; and the pause between two.
const PROBES: (u32, Duration) = (20, Duration::from_millis(61));

/// How many starts of a program are one run's figure, by their median.
const STARTS: usize = 3;

/// The peers.
const PEERS: [Kind; 3] = [Kind::Pushgateway, Kind::CheckingPushgateway, Kind::Original];

/// All runs of one program.
#[derive(Debug, Default)]
struct Figures {
    cpu: Runs,
    resident: Runs,
    scrape: Runs,
    visible: Runs,
    ready: Runs,
}

/// Measures them in turns.
pub(super) fn measure(extent: &Extent, table: &mut Table) -> anyhow::Result<()> {
    let mut all = vec![(Kind::Cpumon, Figures::default())];
    for kind in PEERS {
        match kind.start() {
            Ok(_) => all.push((kind, Figures::default())),
            Err(why) => table.not_measured(kind.name(), &format!("{why:#}")),
        }
    }
    for run in 1..=extent.runs {
        for (kind, figures) in &mut all {
            crate::progress(format_args!("{}, run {run} of {}", kind.name(), extent.runs));
            measure_one(*kind, extent, figures)?;
        }
    }
    report(&all, table);
    Ok(())
}

fn measure_one(kind: Kind, extent: &Extent, figures: &mut Figures) -> anyhow::Result<()> {
    let mut ready = Runs::default();
    for _ in 0..STARTS {
        ready.push(kind.start()?.ready_after.as_secs_f64() * 1e3);
    }
    figures.ready.push(ready.median());

    let server = kind.start()?;
    let resident_before = server.process.resident()?;
    let mut senders = Senders::start(kind, server.ingest, AGENTS)?;
    senders.run(SETTLE)?;
    let cpu_before = server.process.cpu_time()?;
    let answered = senders.run(extent.fleet_window)?;
    ensure!(answered > 0, "no sample was answered");
    let cpu = server.process.cpu_time()? - cpu_before;
    figures.cpu.push(cpu.as_secs_f64() * 1e6 / answered as f64);
    let resident = server.process.resident()?.saturating_sub(resident_before);
    figures.resident.push(resident as f64 / 1024.0 / AGENTS as f64);
    figures.scrape.push(scrape(kind, &server, extent)?);
    figures.visible.push(visible(kind, &server, &mut senders)?);
    Ok(())
}

/// CPU nanoseconds a series, over scrapes one after the other, while nobody pushes.
fn scrape(kind: Kind, server: &Server, extent: &Extent) -> anyhow::Result<f64> {
    let mut pages = Pages::of(kind, server.http);
    let count = series(&pages.text()?);
    let cpu_before = server.process.cpu_time()?;
    let begun = Instant::now();
    let mut scrapes = 0;
    while begun.elapsed() < extent.scrape_window {
        pages.text()?;
        scrapes += count;
    }
    let cpu = server.process.cpu_time()? - cpu_before;
    Ok(cpu.as_secs_f64() * 1e9 / scrapes as f64)
}

/// Milliseconds (wall time) from a push until a finished scrape shows it, while the others push.
fn visible(kind: Kind, server: &Server, senders: &mut Senders) -> anyhow::Result<f64> {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let pushing = scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                senders.run(Duration::from_millis(50))?;
            }
            anyhow::Ok(())
        });
        let figure = probe(kind, server);
        is_over.store(true, Ordering::Relaxed);
        pushing.join().map_err(|_| anyhow::anyhow!("the fleet has panicked"))??;
        figure
    })
}

fn probe(kind: Kind, server: &Server) -> anyhow::Result<f64> {
    let mut finder = Finder::connect(kind, server.ingest)?;
    let mut pages = Pages::of(kind, server.http);
    let mut figures = Runs::default();
    let (probes, pause) = PROBES;
    for number in 0..probes {
        thread::sleep(pause);
        let begun = Instant::now();
        let line_end = finder.push(5_000 + number)?;
        let page = pages.text()?;
        figures.push(begun.elapsed().as_secs_f64() * 1e3);
        ensure!(page.lines().any(|line| line.ends_with(&line_end)), "the scrape does not show {line_end}");
    }
    Ok(figures.median())
}

/// The page of a server, over a connection that stays where the server keeps it.
struct Pages {
    address: SocketAddr,
    is_kept: bool,
    kept: Option<Scraper>,
}

impl Pages {
    fn of(kind: Kind, address: SocketAddr) -> Self {
        Self { address, is_kept: kind != Kind::Original, kept: None }
    }

    fn text(&mut self) -> anyhow::Result<String> {
        let mut scraper = match self.kept.take() {
            Some(scraper) => scraper,
            None => Scraper::connect(self.address)?,
        };
        let text = scraper.text("/metrics")?;
        self.kept = self.is_kept.then_some(scraper);
        Ok(text)
    }
}

/// What is measured, its unit, and where its runs are.
type Column = (&'static str, &'static str, fn(&Figures) -> &Runs);

fn report(all: &[(Kind, Figures)], table: &mut Table) {
    let columns: [Column; 5] = [
        ("CPU for a million samples", "s", |figures| &figures.cpu),
        ("resident memory an agent", "kB", |figures| &figures.resident),
        ("CPU a series scraped", "ns", |figures| &figures.scrape),
        ("from push to visible, wall time", "ms", |figures| &figures.visible),
        ("from start to ready, wall time", "ms", |figures| &figures.ready),
    ];
    let Some(((_, ours), peers)) = all.split_first() else { return };
    for (what, unit, column) in columns {
        for (kind, theirs) in peers {
            let row = Row::new(format!("{AGENTS} agents: {what}"), unit, column(ours).clone());
            table.push(&row.beside(kind.name(), column(theirs).clone()));
        }
    }
}
