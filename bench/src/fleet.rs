//! What a fleet costs the exporter: samples, memory, scrapes; beside a bare server.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::ensure;
use cpumon_load::client::Dialect;
use cpumon_load::crowd::{Crowd, CrowdSettings, Pace};
use cpumon_load::process::Process;
use cpumon_protocol::model::Micros;

use crate::extent::Extent;
use crate::program::{BareServer, Exporter};
use crate::scrape::{Scraper, series};
use crate::stats::Runs;
use crate::table::{Row, Table, Target};

/// The longest wait until all agents are answered.
const START_MAX: Micros = Micros::from_secs(60);

/// How long a crowd runs between connecting and being watched, and between two pauses for scrapes.
const SETTLE: Micros = Micros::from_millis(1_200);

/// All runs of one fleet size.
#[derive(Debug, Default)]
struct Figures {
    cpu: Runs,
    cpu_bare: Runs,
    resident: Runs,
    plain: Runs,
    plain_static: Runs,
    gzip: Runs,
}

/// Measures fleets of every size, in turns, so that what the machine does meanwhile is done to all of them.
///
/// # Errors
///
/// When a program does not run, or agents are not answered.
pub fn measure(extent: &Extent, table: &mut Table) -> anyhow::Result<()> {
    let mut all: Vec<(usize, Figures)> =
        extent.fleets.iter().map(|&size| (size, Figures::default())).collect();
    for run in 1..=extent.runs {
        for (size, figures) in &mut all {
            crate::progress(format_args!("fleet of {size}, run {run} of {}", extent.runs));
            measure_exporter(*size, extent, figures)?;
            figures.cpu_bare.push(measure_bare(*size, extent)?);
        }
    }
    for (size, figures) in all {
        report(size, figures, table);
    }
    Ok(())
}

fn report(size: usize, figures: Figures, table: &mut Table) {
    let Figures { cpu, cpu_bare, resident, plain, plain_static, gzip } = figures;
    let row = |what: &str, unit, runs| Row::new(format!("{size} agents: {what}"), unit, runs);
    table.push(
        &row("CPU for a million samples", "s", cpu)
            .beside("bare epoll", cpu_bare)
            .target(Target::TimesBeside(1.5)),
    );
    table.push(&row("resident memory an agent", "kB", resident).target(Target::AtMost(4.0)));
    table.push(
        &row("CPU a series scraped", "ns", plain)
            .beside("static page", plain_static)
            .target(Target::AtMost(100.0)),
    );
    table.push(&row("CPU a series scraped, gzip", "ns", gzip).target(Target::AtMost(400.0)));
}

/// A crowd of v1 agents, every one of which is answered.
///
/// # Errors
///
/// When not all of them are within a minute.
pub fn crowd(exporter: SocketAddr, agents: usize) -> anyhow::Result<Crowd> {
    let mut crowd = Crowd::new(&CrowdSettings {
        exporter,
        agents,
        dialect: Dialect::V1,
        pace: Pace::Every(Micros::from_secs(1)),
        name: "bench-".to_owned(),
    })?;
    crowd.run(START_MAX, |crowd| crowd.answered() == crowd.len())?;
    ensure!(crowd.answered() == agents, "{} of {agents} agents were answered", crowd.answered());
    crowd.run(SETTLE, |_| false)?;
    Ok(crowd)
}

fn measure_exporter(size: usize, extent: &Extent, figures: &mut Figures) -> anyhow::Result<()> {
    let exporter = Exporter::start()?;
    let resident_before = exporter.process().resident()?;
    let mut crowd = crowd(exporter.ingest, size)?;
    figures.cpu.push(watch(&mut crowd, exporter.process(), extent)?);
    let resident = exporter.process().resident()?.saturating_sub(resident_before);
    figures.resident.push(resident as f64 / 1024.0 / size as f64);

    let page = Scraper::connect(exporter.http)?.text("/metrics")?;
    let count = series(&page);
    crowd.run(SETTLE, |_| false)?;
    figures.plain.push(scrape(Scraper::connect(exporter.http)?, exporter.process(), count, extent)?);
    crowd.run(SETTLE, |_| false)?;
    let scraper = Scraper::connect(exporter.http)?.compressed();
    figures.gzip.push(scrape(scraper, exporter.process(), count, extent)?);
    drop((exporter, crowd));

    let file = PageFile::new(&page)?;
    let server = BareServer::start(&[file.0.as_os_str()])?;
    let scraper = Scraper::connect(server.address)?;
    figures.plain_static.push(scrape(scraper, server.process(), count, extent)?);
    Ok(())
}

fn measure_bare(size: usize, extent: &Extent) -> anyhow::Result<f64> {
    let server = BareServer::start(&[])?;
    let mut crowd = crowd(server.address, size)?;
    watch(&mut crowd, server.process(), extent)
}

/// CPU seconds of `process` for a million samples.
fn watch(crowd: &mut Crowd, process: Process, extent: &Extent) -> anyhow::Result<f64> {
    let (before, cpu_before) = (crowd.counts(), process.cpu_time()?);
    crowd.run(extent.fleet_window.into(), |_| false)?;
    let (counts, cpu) = (crowd.counts() - before, process.cpu_time()? - cpu_before);
    ensure!(counts.failed + counts.refused == 0, "connections were lost: {counts:?}");
    ensure!(counts.acked > 0, "no sample was answered");
    Ok(cpu.as_secs_f64() * 1e6 / counts.acked as f64)
}

/// CPU nanoseconds of `process` a series, over scrapes one after the other. The crowd rests meanwhile; its samples
/// are valid for longer than that.
fn scrape(mut scraper: Scraper, process: Process, series: usize, extent: &Extent) -> anyhow::Result<f64> {
    scraper.get("/metrics")?;
    let cpu_before = process.cpu_ticks()?;
    let begun = Instant::now();
    let mut scrapes = 0u64;
    while begun.elapsed() < extent.scrape_window {
        scraper.get("/metrics")?;
        scrapes += 1;
    }
    let cpu: Duration = process.cpu_ticks()? - cpu_before;
    Ok(cpu.as_secs_f64() * 1e9 / (scrapes * series as u64) as f64)
}

/// A page in a file that goes with this value.
struct PageFile(PathBuf);

impl PageFile {
    fn new(page: &str) -> anyhow::Result<Self> {
        let path = std::env::temp_dir().join(format!("cpumon-bench-{}.page", std::process::id()));
        fs::write(&path, page)?;
        Ok(Self(path))
    }
}

impl Drop for PageFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
