//! `cpumon-load`: the program.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, ensure};
use cpumon_load::crowd::Crowd;
use cpumon_load::descriptors;
use cpumon_load::options::{HELP, Options, Request};
use cpumon_load::process::Process;
use cpumon_load::report::{Cost, Report, Restart};
use cpumon_protocol::model::Micros;

/// The longest wait for all agents to be answered.
const START_MAX: Micros = Micros::from_secs(60);

/// The longest wait for the exporter to go away, and then for all to be back.
const RESTART_MAX: Micros = Micros::from_secs(120);

/// How long goodbyes may take.
const FAREWELL: Micros = Micros::from_secs(3);

fn main() -> ExitCode {
    let printed = match Request::parse(std::env::args_os().skip(1)) {
        Ok(Request::Help) => write!(io::stdout(), "{HELP}").map_err(anyhow::Error::from),
        Ok(Request::Run(options)) => run(&options).and_then(|report| Ok(write!(io::stdout(), "{report}")?)),
        Err(error) => {
            let _ = writeln!(io::stderr(), "cpumon-load: {error}");
            return ExitCode::from(64);
        }
    };
    match printed {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "cpumon-load: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> anyhow::Result<Report> {
    let agents = options.crowd.agents;
    let room = descriptors::room();
    ensure!(
        agents <= room,
        "{agents} agents need as many descriptors, and there are {room}; raise ulimit -n"
    );
    let exporter = options.pid.map(Process::new);
    let resident_before = exporter.map(Process::resident).transpose().context("cannot look at --pid")?;

    let mut crowd = Crowd::new(&options.crowd)?;
    let begun = Instant::now();
    crowd.run(START_MAX, |crowd| crowd.answered() == crowd.len())?;
    let all_answered = (crowd.answered() == crowd.len()).then(|| Micros::from(begun.elapsed()));

    let (before, _) = (crowd.counts(), crowd.take_latencies());
    let cpu_before = exporter.map(Process::cpu_time).transpose()?;
    let begun = Instant::now();
    let last = options.frames.map_or(u64::MAX, |frames| before.acked.saturating_add(frames));
    crowd.run(options.span, |crowd| crowd.counts().acked >= last)?;
    let span = Micros::from(begun.elapsed());
    let mut report = Report {
        agents,
        all_answered,
        span,
        counts: crowd.counts() - before,
        counts_before: before,
        latencies: crowd.take_latencies(),
        cost: None,
        restart: None,
    };
    if let (Some(exporter), Some(cpu_before), Some(resident_before)) = (exporter, cpu_before, resident_before)
    {
        let cpu = exporter.cpu_time()?.saturating_sub(cpu_before);
        report.cost = Some(Cost { cpu, resident_before, resident_after: exporter.resident()? });
    }
    if options.restart {
        report.restart = Some(restart(&mut crowd)?);
    }
    crowd.leave(FAREWELL)?;
    Ok(report)
}

/// Waits for the exporter to go away and come back.
fn restart(crowd: &mut Crowd) -> anyhow::Result<Restart> {
    crowd.run(RESTART_MAX, |crowd| crowd.answered() < crowd.len())?;
    ensure!(crowd.answered() < crowd.len(), "the exporter did not go away within two minutes");
    let gone = Instant::now();
    // The others notice it in the same moment, but not in the same round of events.
    crowd.run(RESTART_MAX, |crowd| crowd.answered() == 0)?;
    crowd.run(RESTART_MAX, |crowd| crowd.answered() > 0)?;
    let first_back = Micros::from(gone.elapsed());
    crowd.run(RESTART_MAX, |crowd| crowd.answered() == crowd.len())?;
    let is_whole = crowd.answered() == crowd.len();
    Ok(Restart { first_back, all_back: is_whole.then(|| Micros::from(gone.elapsed())) })
}
