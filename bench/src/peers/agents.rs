//! Programs that run on the watched machine: ours, which pushes, the original's client, which does too, and
//! node_exporter, which is scraped.

use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use cpumon_load::process::Process;

use super::programs::{Kind, Server, path, wait_until_ready};
use crate::agent;
use crate::extent::Extent;
use crate::program::{Program, free_address};
use crate::scrape::Scraper;
use crate::stats::Runs;
use crate::table::{Row, Table};

/// How long all run before they are watched.
const WARM_UP: Duration = Duration::from_secs(4);

/// A program under watch, and what has to be there for it.
struct Agent {
    name: &'static str,
    program: Program,
    _server: Option<Server>,
    /// It is scraped once a second.
    scraper: Option<Scraper>,
    cpu: Runs,
}

/// Measures them side by side, over the same seconds.
pub(super) fn measure(extent: &Extent, table: &mut Table) -> anyhow::Result<()> {
    let exporter = Kind::Cpumon.start()?;
    let ours = agent::start(exporter.ingest.to_string())?;
    let mut all = vec![Agent {
        name: "cpumon",
        program: ours,
        _server: Some(exporter),
        scraper: None,
        cpu: Runs::default(),
    }];
    for (name, start) in
        [("node_exporter, CPU alone", start_node_exporter as fn(_) -> _), ("the original", start_original)]
    {
        match start(name) {
            Ok(agent) => all.push(agent),
            Err(why) => table.not_measured(name, &format!("{why:#}")),
        }
    }
    watch(&mut all, WARM_UP)?;
    for run in 1..=extent.runs {
        crate::progress(format_args!("agents, run {run} of {}", extent.runs));
        let cpu = |agent: &Agent| agent.program.process().cpu_time();
        let before = all.iter().map(cpu).collect::<Result<Vec<_>, _>>()?;
        let seconds = watch(&mut all, extent.agent_window)?;
        for (agent, before) in all.iter_mut().zip(before) {
            let used = agent.program.process().cpu_time()? - before;
            agent.cpu.push(used.as_secs_f64() * 1e6 / seconds);
        }
    }
    report(&all, table)
}

/// Scrapes once a second whoever waits for it; for how many seconds.
fn watch(all: &mut [Agent], span: Duration) -> anyhow::Result<f64> {
    let begun = Instant::now();
    let mut seconds = 0;
    while begun.elapsed() < span {
        for scraper in all.iter_mut().filter_map(|agent| agent.scraper.as_mut()) {
            scraper.text("/metrics")?;
        }
        seconds += 1;
        thread::sleep(Duration::from_secs(seconds).saturating_sub(begun.elapsed()));
    }
    Ok(begun.elapsed().as_secs_f64())
}

fn start_node_exporter(name: &'static str) -> anyhow::Result<Agent> {
    let address = free_address()?;
    let mut command = Command::new(path("NODE_EXPORTER")?);
    command
        .args(["--collector.disable-defaults", "--collector.cpu", "--web.disable-exporter-metrics"])
        .arg(format!("--web.listen-address={address}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let program = Program::start(&mut command)?;
    wait_until_ready(address, "/metrics")?;
    Ok(Agent {
        name,
        program,
        _server: None,
        scraper: Some(Scraper::connect(address)?),
        cpu: Runs::default(),
    })
}

fn start_original(name: &'static str) -> anyhow::Result<Agent> {
    let server = Kind::Original.start()?;
    let mut command = Command::new(path("PYTHON")?);
    command.arg(path("ORIGINAL_CLIENT")?);
    command.args(["127.0.0.1".to_owned(), server.ingest.port().to_string()]);
    let program = Program::start(command.stdout(Stdio::null()).stderr(Stdio::null()))?;
    Ok(Agent { name, program, _server: Some(server), scraper: None, cpu: Runs::default() })
}

fn report(all: &[Agent], table: &mut Table) -> anyhow::Result<()> {
    let resident = |process: Process| anyhow::Ok(Runs::from_iter([process.resident()? as f64 / 1e6]));
    let Some((ours, peers)) = all.split_first() else { return Ok(()) };
    for peer in peers {
        let row = Row::new("agent: CPU a second", "us", ours.cpu.clone());
        table.push(&row.beside(peer.name, peer.cpu.clone()));
    }
    for peer in peers {
        let row = Row::new("agent: resident memory", "MB", resident(ours.program.process())?);
        table.push(&row.beside(peer.name, resident(peer.program.process())?));
    }
    Ok(())
}
