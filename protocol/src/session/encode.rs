//! From the model's values to the wire's objects.

use std::borrow::Cow;

use crate::limits::{HELLO_MAX, TEXT_MAX, TOP_PROCESSES_MAX};
use crate::model::{
    Cgroup, CoreTimes, Cores, CpuTimes, GuestTimes, Hello, Histogram, LogicalCpu, Machine, Micros,
    Millionths, Mode, Ratio, Sample, TopProcess, WallTime,
};
use crate::wire::client::{self, Kind};
use crate::wire::number::Percent;
use crate::wire::server::write_line;
use crate::wire::{VERSION, canonical};

use super::machine;

/// Appends a hello of at most [`HELLO_MAX`] bytes: where it would be longer, facts are left out, the least
/// telling first.
pub(super) fn hello(hello: &Hello, out: &mut Vec<u8>) {
    let start = out.len();
    for left_out in 0..=FACTS_BY_WORTH.len() {
        let mut wire = full_hello(hello);
        for forget in &FACTS_BY_WORTH[..left_out] {
            forget(&mut wire);
        }
        out.truncate(start);
        write_line(&wire, out);
        if out.len() - start <= HELLO_MAX {
            return;
        }
    }
}

type Forget = fn(&mut client::Hello<'_>);

/// What a hello can do without, the least telling first.
const FACTS_BY_WORTH: [Forget; 8] = [
    |hello| hello.cpu_model = None,
    |hello| hello.kernel = None,
    |hello| hello.os = None,
    |hello| hello.boot = None,
    |hello| hello.hostname = None,
    |hello| hello.arch = None,
    |hello| hello.version = None,
    |hello| hello.labels.clear(),
];

fn full_hello(hello: &Hello) -> client::Hello<'_> {
    client::Hello {
        v: VERSION,
        t: Kind::Hello,
        agent: hello.agent.as_str().into(),
        run: hello.run.as_str().into(),
        boot: hello.boot.as_deref().map(acceptable),
        interval_ms: hello.interval.as_millis(),
        percent: Percent(hello.utilization),
        start_us: hello.start_time.map(|time| time.0),
        ephemeral: hello.ephemeral,
        hostname: hello.facts.hostname.as_deref().map(acceptable),
        version: hello.facts.version.as_deref().map(acceptable),
        os: hello.facts.os.as_deref().map(acceptable),
        kernel: hello.facts.kernel.as_deref().map(acceptable),
        arch: hello.facts.arch.as_deref().map(acceptable),
        cpu_model: hello.facts.cpu_model.as_deref().map(acceptable),
        labels: hello.labels.iter().map(|(key, value)| (Cow::from(&**key), acceptable(value))).collect(),
        token: hello.token.as_ref().map(|token| token.expose().into()),
    }
}

/// The text as an exporter takes it: control characters replaced, cut to [`TEXT_MAX`] bytes. Any process may
/// name itself with an escape sequence; that must not cost its machine the connection.
pub(super) fn acceptable(text: &str) -> Cow<'_, str> {
    if text.len() <= TEXT_MAX && !text.chars().any(char::is_control) {
        return Cow::Borrowed(text);
    }
    let mut clean = text.replace(char::is_control, "?");
    clean.truncate(clean.floor_char_boundary(TEXT_MAX));
    Cow::Owned(clean)
}

/// Appends a sample.
pub(super) fn sample(seq: u64, sample: &Sample, out: &mut Vec<u8>) {
    if !canonical::write::sample(seq, sample, out) {
        write_line(&update(Kind::Sample, None, Some((seq, sample))), out);
    }
}

/// Appends a bye.
pub(super) fn bye(reason: &'static str, last: Option<(u64, &Sample)>, out: &mut Vec<u8>) {
    write_line(&update(Kind::Bye, Some(reason), last), out);
}

/// Appends per-core totals of the sample `seq`: `part` of those in `cores`, and what a machine is with a part of its
/// CPUs, if that is to be told.
pub(super) fn cores(
    seq: u64,
    cores: &Cores,
    part: &[CoreTimes],
    told: Option<(&Machine, &[LogicalCpu])>,
    out: &mut Vec<u8>,
) {
    let wire = client::Cores {
        v: VERSION,
        t: Kind::Cores,
        seq,
        asked: cores.asked,
        time_us: cores.wall.map(|WallTime(us)| us),
        boot_us: cores.boot_time.map(|WallTime(us)| us),
        machine: told.map(|(machine, cpus)| machine::encoded(machine, cpus)),
        cores: part.iter().map(core).collect(),
    };
    write_line(&wire, out);
}

fn core(core: &CoreTimes) -> client::Core {
    client::Core { core: core.core, cpu_us: cpu_times(&core.times), guest_us: guest_times(&core.guest) }
}

/// Appends an object of the original, as its client writes it.
pub(super) fn original(utilization: Ratio, out: &mut Vec<u8>) {
    #[derive(serde::Serialize)]
    struct Object {
        #[serde(rename = "The Percentage Of CPU USAGE")]
        percent: Percent,
    }
    write_line(&Object { percent: Percent(utilization) }, out);
}

fn update<'a>(
    kind: Kind,
    reason: Option<&'static str>,
    body: Option<(u64, &'a Sample)>,
) -> client::Update<'a> {
    let sample = body.map(|(_, sample)| sample);
    let total = |field: fn(&Sample) -> Option<u64>| sample.and_then(field);
    client::Update {
        v: VERSION,
        t: kind,
        reason: reason.map(Cow::Borrowed),
        seq: body.map(|(seq, _)| seq),
        percent: sample.map(|s| Percent(s.utilization)),
        max_ppm: sample.and_then(|s| s.utilization_max).map(Ratio::millionths),
        hottest_core_ppm: sample.and_then(|s| s.hottest_core).map(Ratio::millionths),
        histogram: sample.and_then(|s| s.histogram.as_ref()).map(histogram),
        cpu_us: sample.and_then(|s| s.cpu_times.as_ref()).map(cpu_times),
        guest_us: sample.and_then(|s| s.guest_times.as_ref()).map(guest_times),
        cpus: sample.and_then(|s| s.logical_cpus),
        load_ppm: sample.and_then(|s| s.load).map(|load| load.map(|Millionths(ppm)| ppm)),
        procs_running: total(|s| s.procs_running),
        context_switches: total(|s| s.context_switches),
        pressure_us: total(|s| s.pressure_waiting.map(|Micros(us)| us)),
        missed: total(|s| s.missed_samples),
        skipped: total(|s| s.skipped_frames),
        rtt_us: total(|s| s.rtt.map(|Micros(us)| us)),
        cgroup: sample.and_then(|s| s.cgroup.as_ref()).map(cgroup),
        top: sample.map(|s| top_processes(&s.top_processes)).unwrap_or_default(),
    }
}

fn histogram(histogram: &Histogram) -> client::Histogram {
    client::Histogram { buckets: histogram.buckets, sum_ppm: histogram.sum.0 }
}

fn cpu_times(times: &CpuTimes) -> client::CpuTimes {
    let us = |mode| times.get(mode).0;
    client::CpuTimes {
        user: us(Mode::User),
        nice: us(Mode::Nice),
        system: us(Mode::System),
        idle: us(Mode::Idle),
        iowait: us(Mode::Iowait),
        irq: us(Mode::Irq),
        softirq: us(Mode::Softirq),
        steal: us(Mode::Steal),
    }
}

fn guest_times(guest: &GuestTimes) -> client::GuestTimes {
    client::GuestTimes { user: guest.user.0, nice: guest.nice.0 }
}

fn cgroup(cgroup: &Cgroup) -> client::Cgroup {
    client::Cgroup {
        utilization_ppm: cgroup.utilization.map(Ratio::millionths),
        usage_us: cgroup.usage.map(|Micros(us)| us),
        limit_cpus_ppm: cgroup.limit.map(|Millionths(ppm)| ppm),
        periods: cgroup.periods,
        throttled_periods: cgroup.throttled_periods,
        throttled_us: cgroup.throttled.map(|Micros(us)| us),
    }
}

fn top_processes(processes: &[TopProcess]) -> Vec<client::TopProcess<'_>> {
    processes
        .iter()
        .take(TOP_PROCESSES_MAX)
        .map(|process| client::TopProcess { comm: acceptable(&process.comm), cores_ppm: process.cores.0 })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::histogram::BUCKETS;

    /// A sample that has those of its fields whose bit is set, each filled from `numbers`.
    fn filled(fields: u16, numbers: &[u64], percent: u32) -> Sample {
        let mut rest = numbers.iter().copied().cycle();
        let mut next = || rest.next().unwrap_or_default();
        let ratio = |ppm: u64| Ratio::from_millionths((ppm % 1_000_001) as u32);
        let mut bit = 0;
        let mut has = || {
            bit += 1;
            fields >> (bit - 1) & 1 == 1
        };
        Sample {
            utilization: Ratio::from_millionths(percent).unwrap(),
            utilization_max: has().then(|| ratio(next()).unwrap()),
            hottest_core: has().then(|| ratio(next()).unwrap()),
            histogram: has()
                .then(|| Histogram { buckets: [(); BUCKETS].map(|()| next()), sum: Millionths(next()) }),
            cpu_times: has().then(|| CpuTimes([(); Mode::ALL.len()].map(|()| Micros(next())))),
            guest_times: has().then(|| GuestTimes { user: Micros(next()), nice: Micros(next()) }),
            logical_cpus: has().then(|| next() as u32),
            load: has().then(|| [(); 3].map(|()| Millionths(next()))),
            procs_running: has().then(&mut next),
            context_switches: has().then(&mut next),
            pressure_waiting: has().then(|| Micros(next())),
            missed_samples: has().then(&mut next),
            skipped_frames: has().then(&mut next),
            rtt: has().then(|| Micros(next())),
            cgroup: has().then(Cgroup::default),
            top_processes: Vec::new(),
        }
    }

    fn check(seq: u64, filled: &Sample) {
        let (mut quick, mut general) = (Vec::new(), Vec::new());
        sample(seq, filled, &mut quick);
        write_line(&update(Kind::Sample, None, Some((seq, filled))), &mut general);
        assert_eq!(String::from_utf8_lossy(&quick), String::from_utf8_lossy(&general));
    }

    #[test]
    fn every_percentage_of_few_digits_is_written_as_serde_writes_it() {
        for percent in (0..=1_000_000).step_by(500).chain(0..2_000).chain([999_999, 999_990, 123_456]) {
            check(1, &filled(0, &[0], percent));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.max(2_000)))]

        #[test]
        fn a_sample_is_written_as_serde_writes_it(
            seq: u64,
            fields in prop_oneof![Just(0x1fff), any::<u16>()],
            numbers in prop::collection::vec(prop_oneof![0..2_000u64, any::<u64>()], 1..40),
            percent in 0..=1_000_000u32,
        ) {
            check(seq, &filled(fields, &numbers, percent));
        }
    }
}
