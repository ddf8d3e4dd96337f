//! A small fleet with one of everything, as a page that a human has read.

use std::fs;
use std::path::Path;

use cpumon_exporter::fleet::{End, FleetSettings};
use cpumon_protocol::model::{
    AgentName, Cgroup, CoreTimes, Cores, CpuTimes, GuestTimes, Hello, Histogram, HostFacts, Micros,
    Millionths, Mode, Ratio, RunId, Sample, TopProcess, WallTime,
};

use crate::fleets::{Story, Who, at, fleet, page};
use crate::promtool;

/// The page. After a change that is meant, look at the difference and copy the new one over it.
const GOLDEN: &str = "tests/golden/fleet.prom";

fn ratio(percent: u32) -> Ratio {
    Ratio::from_millionths(percent * 10_000).unwrap()
}

fn hello(agent: &str, facts: HostFacts) -> Hello {
    Hello {
        agent: AgentName::new(agent).unwrap(),
        run: RunId::from_bits(1),
        boot: None,
        interval: Micros::from_secs(1),
        utilization: Ratio::ZERO,
        start_time: None,
        ephemeral: false,
        facts,
        labels: Vec::new(),
        token: None,
    }
}

/// An agent with everything, opt-in metrics included.
fn full() -> Who {
    let text = |text: &str| Some(text.into());
    let facts = HostFacts {
        hostname: text("web \"one\""),
        version: text("0.1.0"),
        os: text("Debian GNU/Linux 13"),
        kernel: text("6.12.48"),
        arch: text("x86_64"),
        cpu_model: text("back\\slash"),
    };
    let labels = vec![("dc".into(), "fra".into()), ("role".into(), "db".into())];
    let start_time = Some(WallTime(1_699_999_000_250_000));
    let mut histogram = Histogram::default();
    for percent in 0..=100 {
        histogram.observe(ratio(percent));
    }
    let mut times = CpuTimes::default();
    for (seconds, mode) in (1..).zip(Mode::ALL) {
        times.set(mode, Micros(seconds * 1_010_000));
    }
    let sample = Sample {
        utilization: ratio(50),
        utilization_max: Some(ratio(100)),
        hottest_core: Some(ratio(75)),
        histogram: Some(histogram),
        cpu_times: Some(times),
        guest_times: Some(GuestTimes { user: Micros(500_000), nice: Micros::ZERO }),
        logical_cpus: Some(8),
        load: Some([Millionths(1_500_000), Millionths(250_000), Millionths(10_000)]),
        procs_running: Some(3),
        context_switches: Some(123_456_789),
        pressure_waiting: Some(Micros(1)),
        missed_samples: Some(2),
        skipped_frames: Some(1),
        rtt: Some(Micros(850)),
        cgroup: Some(Cgroup {
            utilization: Some(ratio(20)),
            usage: Some(Micros::from_secs(60)),
            limit: Some(Millionths(1_500_000)),
            periods: Some(600),
            throttled_periods: Some(6),
            throttled: Some(Micros(30_000)),
        }),
        top_processes: vec![
            TopProcess { comm: "rustc".into(), cores: Millionths(1_750_000) },
            TopProcess { comm: "ld".into(), cores: Millionths(999_999) },
        ],
    };
    Who::V1(Box::new(Hello { labels, start_time, ..hello("web-1", facts) }), Box::new(sample))
}

/// An agent that says no more than it must.
fn plain(agent: &str) -> Who {
    let mut histogram = Histogram::default();
    histogram.observe(ratio(1));
    let sample = Sample { utilization: ratio(1), histogram: Some(histogram), ..Sample::default() };
    Who::V1(Box::new(hello(agent, HostFacts::default())), Box::new(sample))
}

/// The fleet: alive, long dead, just dead, left, one of the original's, and one that never came.
fn golden_fleet() -> String {
    let seconds = Micros::from_secs;
    let story = |who, host, joins: u64, leaves: Option<(u64, End)>| Story {
        who,
        endpoint: ([10, 0, 0, host], 40_000 + u16::from(host)).into(),
        joins: seconds(joins),
        cores: None,
        leaves: leaves.map(|(after, end)| (seconds(after), end)),
    };
    let mut stories = [
        story(full(), 1, 100, None),
        story(plain("dead"), 2, 10, Some((1, End::Eof))),
        story(plain("dying"), 3, 80, Some((1, End::Timeout))),
        story(plain("left"), 4, 90, Some((1, End::Bye))),
        story(plain("silent"), 5, 90, None),
        story(Who::Original(vec![ratio(10), ratio(99), ratio(100)]), 6, 100, None),
    ];
    let mut times = CpuTimes::default();
    times.set(Mode::User, Micros(40_630_000));
    times.set(Mode::Idle, Micros(450_620_000));
    let core = |core| CoreTimes { core, times, guest: GuestTimes::default() };
    stories[0].cores = Some(Cores { times: vec![core(0), core(7)], ..Cores::default() });
    // What was asked for by somebody who looks is not for all.
    stories[1].cores = Some(Cores { asked: true, times: vec![core(1)], ..Cores::default() });
    let expected = vec![AgentName::new("never-seen").unwrap()];
    page(fleet(FleetSettings { expected, ..FleetSettings::default() }, &stories), at(seconds(101)).mono)
}

#[test]
fn a_fleet_with_one_of_everything_is_the_golden_page() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join(GOLDEN);
    let page = golden_fleet();
    if page != fs::read_to_string(&golden).unwrap_or_default() {
        let new = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fleet.prom");
        fs::write(&new, page).unwrap();
        let (golden, new) = (golden.display(), new.display());
        panic!("it is another page now: diff -u {golden} {new}; if that is meant: cp {new} {golden}");
    }
}

#[test]
fn promtool_accepts_the_golden_page() {
    promtool::check_metrics(&golden_fleet());
}
