//! Plays snapshots of `/proc/stat` through the agent's own reader and recorder and prints one JSON object for
//! each, so that its numbers can be compared with those of another program on the same snapshots.
//!
//! ```text
//! cargo run -p cpumon-agent --example replay -- 0 first.stat 1 second.stat 2 third.stat
//! ```
//!
//! The numbers are the moments of reading, in seconds. A path that does not exist is a file that cannot be read.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context, bail};
use cpumon_agent::recorder::{Change, Outcome, Recorder};
use cpumon_agent::sampling::Source;
use cpumon_agent::sampling::proc::ProcSource;
use cpumon_protocol::model::{CpuTimes, Mode, Moment, Ratio, Sample};
use serde_json::{Map, Value, json};

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (steps, []) = arguments.as_chunks::<2>() else {
        bail!("usage: replay SECONDS PATH [SECONDS PATH]...");
    };
    let scratch = tempfile::tempdir().context("cannot make a directory to play in")?;
    let stat = scratch.path().join("stat");
    let mut source = ProcSource::new(scratch.path());
    let mut recorder = Recorder::default();
    for [seconds, path] in steps {
        let at: f64 = seconds.parse().with_context(|| format!("`{seconds}` is no number of seconds"))?;
        show(&stat, Path::new(path)).with_context(|| format!("cannot show {path}"))?;
        let outcome = recorder.tick(Moment((at * 1e6) as u64), source.read());
        writeln!(io::stdout(), "{}", line(at, &outcome, &recorder))?;
    }
    Ok(())
}

/// Puts a copy of `snapshot` where the source reads.
fn show(stat: &Path, snapshot: &Path) -> io::Result<()> {
    if snapshot.exists() {
        return fs::copy(snapshot, stat).map(drop);
    }
    match fs::remove_file(stat) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn line(at: f64, outcome: &Outcome, recorder: &Recorder) -> Value {
    let (sample, missed) = match &outcome.result {
        Ok(sample) => (fields(sample), Value::Null),
        Err(missed) => (Value::Null, json!(missed.to_string())),
    };
    let kept = recorder.kept();
    json!({
        "at": at,
        "sample": sample,
        "missed": missed,
        "histogram_count": kept.histogram.count(),
        "missed_seconds": kept.missed,
        "changes": outcome.changes.iter().map(change).collect::<Vec<_>>(),
    })
}

/// Every field of a sample: ratios in millionths, times in microseconds, as they travel.
fn fields(sample: &Sample) -> Value {
    let histogram = sample.histogram.map(|h| json!({"buckets": h.buckets, "sum_millionths": h.sum.0}));
    let guest = sample.guest_times.map(|g| json!({"user": g.user.0, "nice": g.nice.0}));
    json!({
        "percent": f64::from(sample.utilization.millionths()) / 10_000.0,
        "utilization": sample.utilization.millionths(),
        "utilization_max": sample.utilization_max.map(Ratio::millionths),
        "hottest_core": sample.hottest_core.map(Ratio::millionths),
        "histogram": histogram,
        "cpu_times": sample.cpu_times.as_ref().map(modes),
        "guest_times": guest,
        "logical_cpus": sample.logical_cpus,
        "load": sample.load.map(|load| load.map(|average| average.0)),
        "procs_running": sample.procs_running,
        "context_switches": sample.context_switches,
        "pressure_waiting": sample.pressure_waiting.map(|waiting| waiting.0),
        "missed_samples": sample.missed_samples,
    })
}

fn modes(times: &CpuTimes) -> Value {
    Mode::ALL
        .iter()
        .map(|mode| (mode.label().to_owned(), json!(times.get(*mode).0)))
        .collect::<Map<_, _>>()
        .into()
}

fn change(change: &Change) -> String {
    match change {
        Change::Unreadable(error) => error.to_string(),
        Change::Standing => "the CPU times stand still".to_owned(),
        Change::Recovered => "recovered".to_owned(),
        Change::Reset { total, from, to } => format!("{} fell from {} to {}", total.label(), from.0, to.0),
    }
}
