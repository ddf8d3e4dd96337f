//! From the wire's objects to the model's values, each number and text checked on the way.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;

use crate::limits::{CORES_PER_FRAME, LABEL_KEY_MAX, LABELS_MAX, TEXT_MAX, TOP_PROCESSES_MAX};
use crate::model::name::AgentName;
use crate::model::{
    Cgroup, CoreTimes, Cores, CpuTimes, GuestTimes, Hello, Histogram, HostFacts, Label, Micros, Millionths,
    Mode, Ratio, RunId, Sample, Token, TopProcess, WallTime,
};
use crate::reject::{RejectReason, Rejection};
use crate::wire::client::{self, Kind};
use crate::wire::{VERSION, canonical, number, original};

use super::machine;
use super::received::Received;

/// The longest interval that an agent may promise.
const INTERVAL_MS_MAX: u64 = 60_000;

/// What a text of an agent's must be.
const TEXT_RIGHT: &str = "at most 128 bytes without control characters";

/// What the first object says of the dialect.
pub(super) enum Opening {
    Original,
    V1(Kind),
}

pub(super) fn text(object: &[u8]) -> Result<&str, Rejection> {
    std::str::from_utf8(object)
        .map_err(|_| Rejection::new(RejectReason::NotUtf8, "these bytes are not UTF-8; send JSON in UTF-8"))
}

pub(super) fn opening(object: &str) -> Result<Opening, Rejection> {
    let envelope: client::Envelope<'_> = parse(object)?;
    let Some(version) = envelope.v else {
        return Ok(Opening::Original);
    };
    if version.get() != "1" {
        return Err(bad_version());
    }
    let kind = envelope.t.ok_or_else(|| missing("t"))?;
    parse(kind.get()).map(Opening::V1)
}

pub(super) fn original(object: &str) -> Result<Received<'_>, Rejection> {
    let original::Original(percent) = parse(object)?;
    Ok(Received::Original { utilization: percent.0, object })
}

pub(super) fn hello(object: &str) -> Result<Hello, Rejection> {
    let wire: client::Hello<'_> = parse(object)?;
    let agent = AgentName::new(&wire.agent)
        .map_err(|error| Rejection::with(RejectReason::BadName, format!("the agent name {error}")))?;
    let run = RunId::new(&wire.run).ok_or_else(|| bad_text("run", "1 to 64 characters of A-Z a-z 0-9 -"))?;
    if !(1..=INTERVAL_MS_MAX).contains(&wire.interval_ms) {
        return Err(out_of_range("interval_ms", "1 to 60000"));
    }
    Ok(Hello {
        agent,
        run,
        boot: fact("boot", wire.boot)?,
        interval: Micros::from_millis(wire.interval_ms),
        utilization: wire.percent.0,
        start_time: wire.start_us.map(WallTime),
        ephemeral: wire.ephemeral,
        facts: HostFacts {
            hostname: fact("hostname", wire.hostname)?,
            version: fact("version", wire.version)?,
            os: fact("os", wire.os)?,
            kernel: fact("kernel", wire.kernel)?,
            arch: fact("arch", wire.arch)?,
            cpu_model: fact("cpu_model", wire.cpu_model)?,
        },
        labels: labels(wire.labels)?,
        token: token(wire.token)?,
    })
}

fn token(text: Option<Cow<'_, str>>) -> Result<Option<Token>, Rejection> {
    text.map(|text| Token::new(&text).ok_or_else(|| bad_text("token", TEXT_RIGHT))).transpose()
}

/// A frame after welcome. Nearly all are samples, so they are parsed as such at once.
pub(super) fn update(object: &str) -> Result<Received<'static>, Rejection> {
    let wire = match parse::<client::Update<'_>>(object) {
        Ok(wire) if matches!(wire.t, Kind::Sample | Kind::Bye) => wire,
        outcome => return other(object, outcome.err()),
    };
    if wire.v != VERSION {
        return Err(bad_version());
    }
    received(wire)
}

/// A sample at the beginning of `input`, and its length, if it is one in the form in which our agents write them. It
/// stands for what [`update`] would say; on any other input [`update`] has to be asked.
pub(super) fn canonical_sample(input: &[u8]) -> Option<(Result<Received<'static>, Rejection>, usize)> {
    canonical::sample(input).map(|(wire, length)| (received(wire), length))
}

/// What a sample or a bye says.
fn received(wire: client::Update<'_>) -> Result<Received<'static>, Rejection> {
    let (kind, seq) = (wire.t, wire.seq);
    let sample = wire.percent.map(|percent| sample(percent.0, wire)).transpose()?;
    match (kind, seq, sample) {
        (Kind::Bye, seq, sample) => Ok(Received::Bye { seq, sample: sample.filter(|_| seq.is_some()) }),
        (_, Some(seq), Some(sample)) => Ok(Received::Sample { seq, sample }),
        (_, None, _) => Err(missing("seq")),
        (_, _, None) => Err(missing(crate::wire::PERCENT_KEY)),
    }
}

/// A frame after welcome that is neither sample nor bye, or fails as such with `error`.
fn other(object: &str, error: Option<Rejection>) -> Result<Received<'static>, Rejection> {
    let opening = opening(object).map_err(|envelope| match envelope.reason {
        RejectReason::BadVersion => envelope,
        _ => error.clone().unwrap_or(envelope),
    });
    match opening? {
        Opening::Original => Err(changed_dialect()),
        Opening::V1(Kind::Hello) => {
            Err(Rejection::new(RejectReason::OutOfOrder, "hello is said once, as the first frame"))
        }
        Opening::V1(Kind::Cores) => cores(object),
        Opening::V1(Kind::Unknown) => Ok(Received::Unknown(Rejection::new(
            RejectReason::UnknownType,
            "this type of frame is not known here; known are hello, sample, cores, bye",
        ))),
        Opening::V1(Kind::Sample | Kind::Bye) => Err(error.unwrap_or_else(|| missing("t"))),
    }
}

fn cores(object: &str) -> Result<Received<'static>, Rejection> {
    let wire: client::Cores<'_> = parse(object)?;
    if wire.cores.len() > CORES_PER_FRAME {
        return Err(out_of_range("the number of cores in a frame", "at most 256"));
    }
    let times = wire
        .cores
        .into_iter()
        .map(|core| CoreTimes {
            core: core.core,
            times: cpu_times(&core.cpu_us),
            guest: guest_times(&core.guest_us),
        })
        .collect();
    let cores = Cores {
        asked: wire.asked,
        wall: wire.time_us.map(WallTime),
        boot_time: wire.boot_us.map(WallTime),
        times,
        machine: wire.machine.map(machine::decoded).transpose()?.map(Box::new),
    };
    Ok(Received::Cores { seq: wire.seq, cores: Box::new(cores) })
}

fn sample(utilization: Ratio, wire: client::Update<'_>) -> Result<Sample, Rejection> {
    Ok(Sample {
        utilization,
        utilization_max: ratio("max_ppm", wire.max_ppm)?,
        hottest_core: ratio("hottest_core_ppm", wire.hottest_core_ppm)?,
        histogram: wire.histogram.map(|h| Histogram { buckets: h.buckets, sum: Millionths(h.sum_ppm) }),
        cpu_times: wire.cpu_us.as_ref().map(cpu_times),
        guest_times: wire.guest_us.as_ref().map(guest_times),
        logical_cpus: wire.cpus,
        load: wire.load_ppm.map(|load| load.map(Millionths)),
        procs_running: wire.procs_running,
        context_switches: wire.context_switches,
        pressure_waiting: wire.pressure_us.map(Micros),
        missed_samples: wire.missed,
        skipped_frames: wire.skipped,
        rtt: wire.rtt_us.map(Micros),
        cgroup: wire.cgroup.map(cgroup).transpose()?,
        top_processes: top_processes(wire.top)?,
    })
}

fn cpu_times(wire: &client::CpuTimes) -> CpuTimes {
    let mut times = CpuTimes::default();
    for (mode, us) in [
        (Mode::User, wire.user),
        (Mode::Nice, wire.nice),
        (Mode::System, wire.system),
        (Mode::Idle, wire.idle),
        (Mode::Iowait, wire.iowait),
        (Mode::Irq, wire.irq),
        (Mode::Softirq, wire.softirq),
        (Mode::Steal, wire.steal),
    ] {
        times.set(mode, Micros(us));
    }
    times
}

fn guest_times(wire: &client::GuestTimes) -> GuestTimes {
    GuestTimes { user: Micros(wire.user), nice: Micros(wire.nice) }
}

fn cgroup(wire: client::Cgroup) -> Result<Cgroup, Rejection> {
    Ok(Cgroup {
        utilization: ratio("cgroup.utilization_ppm", wire.utilization_ppm)?,
        usage: wire.usage_us.map(Micros),
        limit: wire.limit_cpus_ppm.map(Millionths),
        periods: wire.periods,
        throttled_periods: wire.throttled_periods,
        throttled: wire.throttled_us.map(Micros),
    })
}

fn top_processes(wire: Vec<client::TopProcess<'_>>) -> Result<Vec<TopProcess>, Rejection> {
    if wire.len() > TOP_PROCESSES_MAX {
        return Err(out_of_range("the number of top processes", "at most 20"));
    }
    let mut processes: Vec<TopProcess> = Vec::with_capacity(wire.len());
    for process in wire {
        let (comm, cores) = (checked("top.comm", &process.comm)?, Millionths(process.cores_ppm));
        // Given twice it would be two series of one name: what is said of a command counts together.
        match processes.iter_mut().find(|known| known.comm == comm) {
            Some(known) => known.cores = known.cores.saturating_add(cores),
            None => processes.push(TopProcess { comm, cores }),
        }
    }
    Ok(processes)
}

fn labels(wire: BTreeMap<Cow<'_, str>, Cow<'_, str>>) -> Result<Vec<Label>, Rejection> {
    if wire.len() > LABELS_MAX {
        return Err(bad_text("labels", "at most 8 of them"));
    }
    wire.iter()
        .map(|(key, value)| {
            let fits = (1..=LABEL_KEY_MAX).contains(&key.len())
                && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            if !fits {
                return Err(bad_text("the key of a label", "1 to 32 characters of A-Z a-z 0-9 _"));
            }
            Ok((key.as_ref().into(), checked("the value of a label", value)?))
        })
        .collect()
}

pub(super) fn fact(field: &str, text: Option<Cow<'_, str>>) -> Result<Option<Box<str>>, Rejection> {
    text.map(|text| checked(field, &text)).transpose()
}

fn checked(field: &str, text: &str) -> Result<Box<str>, Rejection> {
    if text.len() > TEXT_MAX || text.chars().any(char::is_control) {
        return Err(bad_text(field, TEXT_RIGHT));
    }
    Ok(text.into())
}

fn ratio(field: &str, ppm: Option<u32>) -> Result<Option<Ratio>, Rejection> {
    ppm.map(|ppm| Ratio::from_millionths(ppm).ok_or_else(|| out_of_range(field, "0 to 1000000"))).transpose()
}

/// Parses `object`, which is the whole of a JSON value.
fn parse<'a, T: Deserialize<'a>>(object: &'a str) -> Result<T, Rejection> {
    serde_json::from_str(object).map_err(|error| {
        let message = error.to_string();
        Rejection::with(reason(object, &error, &message), message)
    })
}

/// Tells text that is no JSON from JSON of another shape, and from numbers out of range.
fn reason(object: &str, error: &serde_json::Error, message: &str) -> RejectReason {
    let begins_with = |beginning| message.starts_with(beginning);
    if [number::OUT_OF_RANGE, "number out of range", "invalid value: integer"].into_iter().any(begins_with) {
        RejectReason::OutOfRange
    } else if begins_with(original::OTHER_DIALECT) {
        RejectReason::OutOfOrder
    } else if error.is_data() || (begins_with("trailing characters") && is_json(object)) {
        // To serde_json, what an array has beyond its type's length is an error of syntax.
        RejectReason::Schema
    } else {
        RejectReason::NotJson
    }
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

fn missing(field: &str) -> Rejection {
    Rejection::with(RejectReason::Schema, format!("missing field `{field}`"))
}

fn bad_text(field: &str, right: &str) -> Rejection {
    Rejection::with(RejectReason::BadText, format!("{field} is of another form; send {right}"))
}

pub(super) fn out_of_range(field: &str, right: &str) -> Rejection {
    Rejection::with(RejectReason::OutOfRange, format!("{field} is out of range; send {right}"))
}

const fn bad_version() -> Rejection {
    Rejection::new(RejectReason::BadVersion, "this version is not spoken here; send \"v\":1")
}

const fn changed_dialect() -> Rejection {
    Rejection::new(
        RejectReason::OutOfOrder,
        "a connection keeps the dialect of its first object; this one speaks v1",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::encode;

    #[test]
    fn our_own_samples_are_read_the_short_way() {
        let whole = Sample {
            utilization: Ratio::ONE,
            utilization_max: Some(Ratio::ONE),
            hottest_core: Some(Ratio::ONE),
            histogram: Some(Histogram::default()),
            cpu_times: Some(CpuTimes::default()),
            guest_times: Some(GuestTimes::default()),
            logical_cpus: Some(u32::MAX),
            load: Some([Millionths(1), Millionths(2), Millionths(3)]),
            procs_running: Some(1),
            context_switches: Some(1 << 60),
            pressure_waiting: Some(Micros(2)),
            missed_samples: Some(3),
            skipped_frames: Some(4),
            rtt: Some(Micros(5)),
            cgroup: Some(Cgroup { utilization: Some(Ratio::ZERO), ..Cgroup::default() }),
            top_processes: Vec::new(),
        };
        let smallest_share = Ratio::from_millionths(1).unwrap();
        for sample in [whole, Sample { utilization: smallest_share, ..Sample::default() }] {
            let mut frame = Vec::new();
            encode::sample(7, &sample, &mut frame);
            let length = frame.len();
            assert_eq!(canonical_sample(&frame), Some((Ok(Received::Sample { seq: 7, sample }), length)));
        }
    }
}
