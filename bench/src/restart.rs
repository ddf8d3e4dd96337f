//! A fleet that comes back after the exporter was killed and started again: how long until every agent is answered,
//! with the rests of real agents, and how slow scrapes are meanwhile (wall time).

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::ensure;
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

/// Measures it.
///
/// # Errors
///
/// When a program does not run, or agents stay away.
pub fn measure(extent: &Extent, table: &mut Table) -> anyhow::Result<()> {
    let agents = extent.restart_agents;
    let (mut back, mut slowest) = (Runs::default(), Runs::default());
    for run in 1..=extent.restarts {
        crate::progress(format_args!("restart with {agents} agents, run {run} of {}", extent.restarts));
        let exporter = Exporter::start()?;
        let (ingest, http) = (exporter.ingest, exporter.http);
        let mut crowd = fleet::crowd(ingest, agents)?;
        drop(exporter);
        crowd.run(BACK_MAX, |crowd| crowd.answered() == 0)?;

        let begun = Instant::now();
        let exporter = Exporter::start_on(ingest, http)?;
        let is_over = AtomicBool::new(false);
        let slowest_scrape = thread::scope(|scope| {
            let scraping = scope.spawn(|| scrape_until(http, &is_over));
            let ran = crowd.run(BACK_MAX, |crowd| crowd.answered() == crowd.len());
            let took = begun.elapsed();
            is_over.store(true, Ordering::Relaxed);
            ran?;
            ensure!(crowd.answered() == agents, "{} of {agents} are back", crowd.answered());
            back.push(took.as_secs_f64());
            scraping.join().map_err(|_| anyhow::anyhow!("the scraper has panicked"))?
        })?;
        slowest.push(slowest_scrape.as_secs_f64());
        drop(exporter);
    }
    let row = |what: &str, runs| Row::new(format!("{agents} agents: {what}, wall time"), "s", runs);
    table.push(&row("all back after the exporter's restart", back).target(Target::AtMost(30.0)));
    table.push(&row("slowest scrape meanwhile", slowest).target(Target::AtMost(1.0)));
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
