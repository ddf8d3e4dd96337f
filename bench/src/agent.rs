//! What an agent costs at one sample a second, beside a bare loop that does the same three system calls.

use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use cpumon_load::process::Process;

use crate::extent::Extent;
use crate::program::{BareServer, Exporter, Program, sibling};
use crate::stats::Runs;
use crate::table::{Row, Table, Target};

/// How long both run before they are watched: what is done once is done then.
const WARM_UP: Duration = Duration::from_secs(4);

/// How long system calls are counted.
const COUNTED: Duration = Duration::from_secs(8);

/// Measures an agent with all default metrics.
///
/// # Errors
///
/// When a program does not run.
pub fn measure(extent: &Extent, table: &mut Table) -> anyhow::Result<()> {
    let exporter = Exporter::start()?;
    let agent = start(exporter.ingest.to_string())?;
    let server = BareServer::start(&[])?;
    let bare = Program::start(Command::new(sibling("bare-agent")?).arg(server.address.to_string()))?;
    thread::sleep(WARM_UP);

    let (mut ours, mut limit) = (Runs::default(), Runs::default());
    for _ in 0..extent.runs {
        let before = (agent.process().cpu_time()?, bare.process().cpu_time()?);
        let begun = Instant::now();
        thread::sleep(extent.agent_window);
        let seconds = begun.elapsed().as_secs_f64();
        let per_sample = |after: Duration, before: Duration| (after - before).as_secs_f64() * 1e6 / seconds;
        ours.push(per_sample(agent.process().cpu_time()?, before.0));
        limit.push(per_sample(bare.process().cpu_time()?, before.1));
    }
    table.push(
        &Row::new("agent: CPU a sample at 1 Hz", "us", ours)
            .beside("bare loop", limit)
            .target(Target::TimesBeside(1.5)),
    );
    let resident = |process: Process| process.resident().map(|bytes| bytes as f64 / 1e6);
    table.push(
        &Row::new("agent: resident memory", "MB", Runs::from_iter([resident(agent.process())?]))
            .beside("bare loop", Runs::from_iter([resident(bare.process())?]))
            .target(Target::AtMost(3.0)),
    );
    let what = "agent: system calls a sample";
    match system_calls(agent.id()) {
        Ok(calls) => table.push(&Row::new(what, "calls", Runs::from_iter([calls]))),
        Err(why) => table.not_measured(what, &format!("{why:#}")),
    }
    Ok(())
}

fn start(exporter: String) -> anyhow::Result<Program> {
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

/// Counts the system calls of a process for a while, for each second.
fn system_calls(pid: u32) -> anyhow::Result<f64> {
    let path = std::env::temp_dir().join(format!("cpumon-bench-{pid}.strace"));
    let mut strace = Command::new("strace");
    strace.args(["-f", "-c", "-p", &pid.to_string(), "-o"]).arg(&path).stderr(Stdio::null());
    let tracer = strace.spawn().context("strace cannot be run")?;
    let begun = Instant::now();
    thread::sleep(COUNTED);
    let seconds = begun.elapsed().as_secs_f64();
    let calls = end_and_read(tracer, &path);
    let _ = std::fs::remove_file(&path);
    Ok(calls? / seconds)
}

fn end_and_read(mut tracer: std::process::Child, path: &Path) -> anyhow::Result<f64> {
    // strace writes its summary when it is interrupted, and lets go of the process.
    let pid = rustix::process::Pid::from_child(&tracer);
    rustix::process::kill_process(pid, rustix::process::Signal::INT)?;
    tracer.wait()?;
    let summary = std::fs::read_to_string(path)?;
    let total = summary.lines().find(|line| line.ends_with("total")).context("strace saw nothing")?;
    // `100.00    0.000310           4        70           total`
    let calls = total.split_whitespace().nth(3).and_then(|word| word.parse().ok());
    calls.context("strace's summary is of another form")
}
