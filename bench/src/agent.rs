//! What an agent costs at one sample a second, beside a bare loop that does the same three system calls.

use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use cpumon_load::process::Process;

use crate::extent::Extent;
use crate::program::{BareServer, Exporter, Program, sibling};
use crate::stats::Runs;
use crate::system_calls::SystemCalls;
use crate::table::{Row, Table, Target};

/// How long both run before they are watched: what is done once is done then.
const WARM_UP: Duration = Duration::from_secs(4);

/// How long system calls are counted.
const COUNTED: Duration = Duration::from_secs(8);

/// What stands beside the agent.
const BESIDE: &str = "bare loop";

/// What one of the two costs, run by run.
#[derive(Debug, Default)]
struct Costs {
    cpu: Runs,
    wake_ups: Runs,
    resident: Runs,
}

/// Measures an agent with all default metrics.
///
/// Both are started anew for each run, so that who happens to run first in each second, and finds the kernel's code
/// cold, is another one each time.
///
/// # Errors
///
/// When a program does not run.
pub fn measure(extent: &Extent, table: &mut Table) -> anyhow::Result<()> {
    let exporter = Exporter::start()?;
    let server = BareServer::start(&[])?;
    let mut costs = [Costs::default(), Costs::default()];
    for run in 1..=extent.runs {
        crate::progress(format_args!("agent, run {run} of {}", extent.runs));
        let programs = start_both(&exporter, &server)?;
        let processes = [programs[0].process(), programs[1].process()];
        let before = [look(processes[0])?, look(processes[1])?];
        let begun = Instant::now();
        thread::sleep(extent.agent_window);
        let samples = begun.elapsed().as_secs_f64();
        for ((costs, process), before) in costs.iter_mut().zip(processes).zip(before) {
            let after = look(process)?;
            costs.cpu.push((after.0 - before.0).as_secs_f64() * 1e6 / samples);
            costs.wake_ups.push((after.1 - before.1) as f64 / samples);
            costs.resident.push(process.resident()? as f64 / 1e6);
        }
    }
    let [ours, limit] = costs;
    let row =
        |what: &str, unit, ours, limit| Row::new(format!("agent: {what}"), unit, ours).beside(BESIDE, limit);
    table.push(&row("CPU a sample at 1 Hz", "us", ours.cpu, limit.cpu).target(Target::TimesBeside(1.5)));
    table.push(&row("wake-ups a sample", "", ours.wake_ups, limit.wake_ups));
    table.push(&row("resident memory", "MB", ours.resident, limit.resident).target(Target::AtMost(3.0)));
    let [agent, bare] = start_both(&exporter, &server)?;
    let what = "system calls a sample";
    match system_calls(&agent).and_then(|ours| Ok((ours, system_calls(&bare)?))) {
        Ok((ours, limit)) => table.push(&row(what, "", ours, limit)),
        Err(why) => table.not_measured(&format!("agent: {what}"), &format!("{why:#}")),
    }
    Ok(())
}

/// An agent and a bare loop that have run for a while, at any distance from each other.
fn start_both(exporter: &Exporter, server: &BareServer) -> anyhow::Result<[Program; 2]> {
    let agent = start(exporter.ingest.to_string())?;
    thread::sleep(Duration::from_millis(fastrand::u64(..1_000)));
    let bare = Program::start(Command::new(sibling("bare-agent")?).arg(server.address.to_string()))?;
    thread::sleep(WARM_UP);
    Ok([agent, bare])
}

/// Starts one that pushes to this exporter.
pub(crate) fn start(exporter: String) -> anyhow::Result<Program> {
    let mut command = Command::new(sibling("cpumon-agent")?);
    command
        .env_clear()
        .env("AGENT_EXPORTERS", exporter)
        .env("AGENT_NAME", "bench")
        .env("AGENT_HEALTH_SOCKET", format!("@cpumon-bench-{}", std::process::id()))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    Program::start(&mut command)
}

fn look(process: Process) -> anyhow::Result<(Duration, u64)> {
    Ok((process.cpu_time()?, process.wake_ups()?))
}

/// System calls of a program for each second.
fn system_calls(program: &Program) -> anyhow::Result<Runs> {
    let counting = SystemCalls::count(program.id())?;
    let begun = Instant::now();
    thread::sleep(COUNTED);
    let seconds = begun.elapsed().as_secs_f64();
    Ok(Runs::from_iter([counting.end()? as f64 / seconds]))
}
