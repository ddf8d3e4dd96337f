//! A fleet that comes back after the exporter was killed and started again: how long until every agent is answered,
//! with the rests of real agents, and how slow scrapes are meanwhile (wall time).

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::ensure;
use cpumon_load::client::Dialect;
use cpumon_protocol::model::Micros;

use crate::extent::Extent;
use crate::fleet;
use crate::program::Exporter;
use crate::scrape::Scraper;
use crate::stats::Runs;
use crate::table::{Row, Table, Target};

/// The longest that is waited for the fleet.
const BACK_MAX: Micros = Micros::from_secs(60);

/// The pause between two scrapes.
const SCRAPE_EVERY: Duration = Duration::from_millis(200);

/// All runs with one downtime.
#[derive(Debug, Default)]
struct Figures {
    back: Runs,
    slowest: Runs,
}

/// Measures it.
///
/// # Errors
///
/// When a program does not run, or agents stay away.
pub fn measure(extent: &Extent, table: &mut Table) -> anyhow::Result<()> {
    let agents = extent.restart_agents;
    let mut all: Vec<(Duration, Figures)> =
        extent.downtimes.iter().map(|&down| (down, Figures::default())).collect();
    for run in 1..=extent.restarts {
        for (down, figures) in &mut all {
            let runs = extent.restarts;
            crate::progress(format_args!("restart with {agents} agents after {down:?}, run {run} of {runs}"));
            restart(agents, *down, figures)?;
        }
    }
    for (down, Figures { back, slowest }) in all {
        let row = |what: &str, runs| {
            let down = down.as_secs();
            Row::new(format!("{agents} agents, exporter down for {down} s: {what}, wall time"), "s", runs)
        };
        table.push(&row("all back after its start", back).target(Target::Never(30.0)));
        table.push(&row("slowest scrape meanwhile", slowest).target(Target::Never(1.0)));
    }
    Ok(())
}

fn restart(agents: usize, down: Duration, figures: &mut Figures) -> anyhow::Result<()> {
    let exporter = Exporter::start()?;
    let (ingest, http) = (exporter.ingest, exporter.http);
    let mut crowd = fleet::crowd(ingest, agents, Dialect::V1)?;
    drop(exporter);
    crowd.run(BACK_MAX, |crowd| crowd.answered() == 0)?;
    crowd.run(down.into(), |_| false)?;

    let begun = Instant::now();
    let exporter = Exporter::start_on(ingest, http)?;
    let is_over = AtomicBool::new(false);
    let slowest = thread::scope(|scope| {
        let scraping = scope.spawn(|| scrape_until(http, &is_over));
        let ran = crowd.run(BACK_MAX, |crowd| crowd.answered() == crowd.len());
        let took = begun.elapsed();
        is_over.store(true, Ordering::Relaxed);
        ran?;
        ensure!(crowd.answered() == agents, "{} of {agents} are back", crowd.answered());
        figures.back.push(took.as_secs_f64());
        scraping.join().map_err(|_| anyhow::anyhow!("the scraper has panicked"))?
    })?;
    figures.slowest.push(slowest.as_secs_f64());
    drop(exporter);
    Ok(())
}

/// Scrapes until told that it is over; the longest that one took.
fn scrape_until(http: SocketAddr, is_over: &AtomicBool) -> anyhow::Result<Duration> {
    let mut slowest = Duration::ZERO;
    let mut scraper = Scraper::connect(http)?;
    while !is_over.load(Ordering::Relaxed) {
        let begun = Instant::now();
        scraper.get("/metrics")?;
        slowest = slowest.max(begun.elapsed());
        thread::sleep(SCRAPE_EVERY);
    }
    Ok(slowest)
}
