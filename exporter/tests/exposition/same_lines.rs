//! Any fleet: the crate's encoder and our writer make the same lines.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use cpumon_exporter::fleet::{End, FleetSettings};
use cpumon_protocol::model::{
    AgentName, Cgroup, Cores, CpuTimes, GuestTimes, Hello, Histogram, Micros, Millionths, Sample, TopProcess,
    WallTime,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::fleets::{Story, Who, at, fleet, page};
use crate::reader::Exposition;
use crate::{reference, values};

/// As far as a float tells whole numbers apart, with room for a sum of all buckets.
const EXACT: u64 = 1 << 48;

/// Totals that a float holds exactly, so that both sides can agree to the last digit.
fn exact(sample: Sample) -> Sample {
    let count = |count: Option<u64>| count.map(|count| count % EXACT);
    let micros = |span: Micros| Micros(span.0 % EXACT);
    let millionths = |value: Millionths| Millionths(value.0 % EXACT);
    Sample {
        histogram: sample.histogram.map(|histogram| Histogram {
            buckets: histogram.buckets.map(|bucket| bucket % EXACT),
            sum: millionths(histogram.sum),
        }),
        cpu_times: sample.cpu_times.map(|times| CpuTimes(times.0.map(micros))),
        guest_times: sample
            .guest_times
            .map(|guest| GuestTimes { user: micros(guest.user), nice: micros(guest.nice) }),
        load: sample.load.map(|load| load.map(millionths)),
        procs_running: count(sample.procs_running),
        context_switches: count(sample.context_switches),
        pressure_waiting: sample.pressure_waiting.map(micros),
        missed_samples: count(sample.missed_samples),
        skipped_frames: count(sample.skipped_frames),
        rtt: sample.rtt.map(micros),
        cgroup: sample.cgroup.map(|cgroup| Cgroup {
            usage: cgroup.usage.map(micros),
            limit: cgroup.limit.map(millionths),
            periods: count(cgroup.periods),
            throttled_periods: count(cgroup.throttled_periods),
            throttled: cgroup.throttled.map(micros),
            ..cgroup
        }),
        top_processes: once_each(sample.top_processes),
        ..sample
    }
}

/// Each command once, as an agent sends them.
fn once_each(processes: Vec<TopProcess>) -> Vec<TopProcess> {
    let mut seen = BTreeSet::new();
    let processes = processes.into_iter().filter(|process| seen.insert(process.comm.clone()));
    processes.map(|process| TopProcess { cores: Millionths(process.cores.0 % EXACT), ..process }).collect()
}

/// Totals of cores that a float holds, each core once, as an agent sends them.
fn cores() -> impl Strategy<Value = Cores> {
    values::cores(3, values::any_text()).prop_map(|mut cores| {
        let mut seen = BTreeSet::new();
        cores.times.retain(|core| seen.insert(core.core));
        for core in &mut cores.times {
            core.times = CpuTimes(core.times.0.map(|time| Micros(time.0 % EXACT)));
        }
        cores
    })
}

fn who() -> impl Strategy<Value = Who> {
    let v1 = (values::hello(values::any_text()), values::sample(values::any_text())).prop_map(
        |(hello, sample)| {
            let start_time = hello.start_time.map(|time| WallTime(time.0 % EXACT));
            Who::V1(Box::new(Hello { start_time, ..hello }), Box::new(exact(sample)))
        },
    );
    prop_oneof![4 => v1, 1 => vec(values::ratio(), 1..5).prop_map(Who::Original)]
}

fn story() -> impl Strategy<Value = Story> {
    let end = prop::sample::select(&End::ALL[..]);
    let leaves = option::of(((0..20_000_000u64).prop_map(Micros), end));
    let endpoint = (any::<IpAddr>(), any::<u16>()).prop_map(|(ip, port)| SocketAddr::new(ip, port));
    (who(), endpoint, (0..150_000_000u64).prop_map(Micros), option::of(cores()), leaves)
        .prop_map(|(who, endpoint, joins, cores, leaves)| Story { who, endpoint, joins, cores, leaves })
}

/// The lines of a page, by family.
fn lines(page: &str) -> BTreeMap<String, BTreeSet<&str>> {
    let mut families = BTreeMap::new();
    let mut family = String::new();
    // A label's value may hold any other line end.
    for line in page.split_terminator('\n') {
        if let Some(name) = line.strip_prefix("# HELP ").and_then(|rest| rest.split(' ').next()) {
            family = name.to_owned();
        }
        let is_new = families.entry(family.clone()).or_insert_with(BTreeSet::new).insert(line);
        assert!(is_new, "twice: {line}");
    }
    families
}

proptest! {
    #[test]
    fn the_crates_encoder_and_our_writer_make_the_same_lines(stories in vec(story(), 0..10), end in 0..250_000_000u64) {
        let expected = vec![AgentName::new("expected").unwrap()];
        let now = at(Micros(end)).mono;
        let fleet = fleet(FleetSettings { expected, ..FleetSettings::default() }, &stories);
        let crates = reference::page(&fleet, now);
        let ours = page(fleet, now);
        prop_assert_eq!(lines(&ours), lines(&crates));
        let read = Exposition::parse(&ours);
        prop_assert!(read.is_ok(), "{:?} in {}", read.err(), ours);
    }
}
