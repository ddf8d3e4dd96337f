//! What a fleet costs the exporter: samples, memory, scrapes; beside a bare server.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::ensure;
use cpumon_load::client::Dialect;
use cpumon_load::crowd::{Crowd, CrowdSettings, Pace};
use cpumon_load::process::Process;
use cpumon_protocol::model::Micros;

use crate::extent::Extent;
use crate::program::{BareServer, Exporter};
use crate::scrape::{PageFile, Scraper, series};
use crate::stats::Runs;
use crate::system_calls::SystemCalls;
use crate::table::{Row, Table, Target};

/// The longest wait until all agents are answered.
const START_MAX: Micros = Micros::from_secs(180);

/// How long a crowd runs between connecting and being watched, and between two pauses for scrapes.
const SETTLE: Micros = Micros::from_millis(1_200);

/// How many agents there are while system calls are counted, and for how long that is.
const COUNTED: (usize, Micros) = (1_000, Micros::from_secs(5));

/// The samples a second of all agents together when fleets are held against each other: a sample that comes by itself
/// costs a wake-up of its own, which has to do with how many come and not with how many agents there are.
const RATE: u64 = 10_000;

/// What agents do if they are not told otherwise.
const ONCE_A_SECOND: Pace = Pace::Every(Micros::from_secs(1));

/// What stands beside the exporter.
const BESIDE: &str = "bare epoll";

/// All runs of one fleet size.
#[derive(Debug, Default)]
struct Figures {
    cpu: Runs,
    cpu_bare: Runs,
    cpu_at_rate: Runs,
    cpu_at_rate_bare: Runs,
    wake_ups: Runs,
    wake_ups_bare: Runs,
    resident: Runs,
    plain: Runs,
    plain_static: Runs,
    gzip: Runs,
}

/// What is measured, and where its runs are: ours, and the bare server's.
type Column = (&'static str, fn(&Figures) -> (&Runs, &Runs));

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
            measure_bare(*size, extent, figures)?;
        }
    }
    let same_for_all: [Column; 3] = [
        ("CPU a sample, each agent once a second", |figures| (&figures.cpu, &figures.cpu_bare)),
        ("CPU a sample, 10,000 a second in all", |figures| (&figures.cpu_at_rate, &figures.cpu_at_rate_bare)),
        ("CPU a series scraped", |figures| (&figures.plain, &figures.plain_static)),
    ];
    for (what, figures_of) in same_for_all {
        let medians = |of: fn((&Runs, &Runs)) -> f64| {
            Runs::from_iter(all.iter().map(|(_, figures)| of(figures_of(figures))))
        };
        let (ours, bare) = (medians(|(ours, _)| ours.median()), medians(|(_, bare)| bare.median()));
        for (how, of) in [
            ("dearest over cheapest", Runs::spread as fn(&Runs) -> Runs),
            ("any over a smaller one", Runs::growth),
        ] {
            let row = Row::new(format!("all fleets: {how}, {what}"), "x", of(&ours));
            table.push(&row.beside(BESIDE, of(&bare)).target(Target::AtMost(1.3)));
        }
    }
    for (size, figures) in all {
        report(size, figures, table);
    }
    Ok(())
}

/// Counts the system calls of a sample on the exporter's side.
///
/// # Errors
///
/// When strace cannot count, a program does not run, or agents are not answered.
pub fn count_system_calls(_: &Extent, table: &mut Table) -> anyhow::Result<()> {
    let (agents, span) = COUNTED;
    let exporter = Exporter::start()?;
    let ours = system_calls(crowd(exporter.ingest, agents, Dialect::V1)?, exporter.process(), span)?;
    drop(exporter);
    let server = BareServer::start(&[])?;
    let bare = system_calls(crowd(server.address, agents, Dialect::V1)?, server.process(), span)?;
    let runs = |calls| Runs::from_iter([calls]);
    let row = Row::new(format!("{agents} agents: system calls a sample"), "", runs(ours));
    table.push(&row.beside(BESIDE, runs(bare)));
    Ok(())
}

fn system_calls(mut crowd: Crowd, process: Process, span: Micros) -> anyhow::Result<f64> {
    let counting = SystemCalls::count(process.id())?;
    let before = crowd.counts();
    crowd.run(span, |_| false)?;
    let acked = (crowd.counts() - before).acked;
    ensure!(acked > 0, "no sample was answered");
    Ok(counting.end()? as f64 / acked as f64)
}

fn report(size: usize, figures: Figures, table: &mut Table) {
    let Figures { cpu, cpu_bare, cpu_at_rate, cpu_at_rate_bare, wake_ups, wake_ups_bare, .. } = figures;
    let Figures { resident, plain, plain_static, gzip, .. } = figures;
    let row = |what: &str, unit, runs| Row::new(format!("{size} agents: {what}"), unit, runs);
    table.push(
        &row("CPU for a million samples", "s", cpu).beside(BESIDE, cpu_bare).target(Target::TimesBeside(1.5)),
    );
    table.push(&row("wake-ups a sample", "", wake_ups).beside(BESIDE, wake_ups_bare));
    let at_rate = row("CPU for a million samples, 10,000 a second", "s", cpu_at_rate);
    table.push(&at_rate.beside(BESIDE, cpu_at_rate_bare));
    table.push(&row("resident memory an agent", "kB", resident).target(Target::AtMost(4.0)));
    table.push(
        &row("CPU a series scraped", "ns", plain)
            .beside("static page", plain_static)
            .target(Target::AtMost(100.0)),
    );
    table.push(&row("CPU a series scraped, gzip", "ns", gzip).target(Target::AtMost(400.0)));
}

/// A crowd that sends once a second, every one of which is answered.
///
/// # Errors
///
/// When not all of them are within three minutes: a busy machine makes some of them try again.
pub fn crowd(exporter: SocketAddr, agents: usize, dialect: Dialect) -> anyhow::Result<Crowd> {
    let mut crowd = Crowd::new(&CrowdSettings {
        exporter,
        agents,
        dialect,
        pace: ONCE_A_SECOND,
        name: "bench-".to_owned(),
        token: None,
    })?;
    crowd.run(START_MAX, |crowd| crowd.answered() == crowd.len())?;
    ensure!(crowd.answered() == agents, "{} of {agents} agents were answered", crowd.answered());
    crowd.run(SETTLE, |_| false)?;
    Ok(crowd)
}

fn measure_exporter(size: usize, extent: &Extent, figures: &mut Figures) -> anyhow::Result<()> {
    let exporter = Exporter::start()?;
    let resident_before = exporter.process().resident()?;
    let mut crowd = crowd(exporter.ingest, size, Dialect::V1)?;
    let watched = watch(&mut crowd, exporter.process(), extent)?;
    figures.cpu.push(watched.cpu);
    figures.wake_ups.push(watched.wake_ups);
    figures.cpu_at_rate.push(watch_at_rate(&mut crowd, exporter.process(), extent)?);
    let resident = exporter.process().resident()?.saturating_sub(resident_before);
    figures.resident.push(resident as f64 / 1024.0 / size as f64);

    crowd.set_pace(ONCE_A_SECOND);
    let page = Scraper::connect(exporter.http)?.text("/metrics")?;
    let count = series(&page);
    crowd.run(SETTLE, |_| false)?;
    figures.plain.push(scrape(Scraper::connect(exporter.http)?, exporter.process(), count, extent)?);
    crowd.run(SETTLE, |_| false)?;
    let scraper = Scraper::connect(exporter.http)?.compressed();
    figures.gzip.push(scrape(scraper, exporter.process(), count, extent)?);
    drop((exporter, crowd));

    let file = PageFile::new(page.as_bytes())?;
    let server = BareServer::start(&[file.path()])?;
    let scraper = Scraper::connect(server.address)?;
    figures.plain_static.push(scrape(scraper, server.process(), count, extent)?);
    Ok(())
}

fn measure_bare(size: usize, extent: &Extent, figures: &mut Figures) -> anyhow::Result<()> {
    let server = BareServer::start(&[])?;
    let mut crowd = crowd(server.address, size, Dialect::V1)?;
    let watched = watch(&mut crowd, server.process(), extent)?;
    figures.cpu_bare.push(watched.cpu);
    figures.wake_ups_bare.push(watched.wake_ups);
    figures.cpu_at_rate_bare.push(watch_at_rate(&mut crowd, server.process(), extent)?);
    Ok(())
}

/// What samples cost a process in CPU seconds for a million, when the whole crowd sends as many as any other crowd.
fn watch_at_rate(crowd: &mut Crowd, process: Process, extent: &Extent) -> anyhow::Result<f64> {
    crowd.set_pace(Pace::Every(Micros(crowd.len() as u64 * 1_000_000 / RATE)));
    crowd.run(SETTLE, |_| false)?;
    Ok(watch(crowd, process, extent)?.cpu)
}

/// What samples cost a process.
struct Watched {
    /// CPU seconds for a million of them.
    cpu: f64,
    /// Wake-ups for each.
    wake_ups: f64,
}

fn watch(crowd: &mut Crowd, process: Process, extent: &Extent) -> anyhow::Result<Watched> {
    let before = (crowd.counts(), process.cpu_time()?, process.wake_ups()?);
    crowd.run(extent.fleet_window.into(), |_| false)?;
    let counts = crowd.counts() - before.0;
    let (cpu, wake_ups) = (process.cpu_time()? - before.1, process.wake_ups()? - before.2);
    ensure!(counts.failed + counts.refused == 0, "connections were lost: {counts:?}");
    ensure!(counts.acked > 0, "no sample was answered");
    let samples = counts.acked as f64;
    Ok(Watched { cpu: cpu.as_secs_f64() * 1e6 / samples, wake_ups: wake_ups as f64 / samples })
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
