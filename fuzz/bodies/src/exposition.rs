//! The writer of `/metrics` with texts and numbers that no decoder lets through, read back by an independent parser.

use std::net::{Ipv6Addr, SocketAddr};

use cpumon_exporter::exposition::families::Thresholds;
use cpumon_exporter::exposition::render::Renderer;
use cpumon_exporter::fleet::{Claim, ConnectionId, End, Fleet, FleetSettings, Reported, Roster, SharedFleet};
use cpumon_protocol::model::{
    AgentName, Cgroup, CpuTimes, GuestTimes, Hello, Histogram, HostFacts, Micros, Millionths, Moment, Now,
    Ratio, RunId, Sample, TopProcess, WallTime,
};

use crate::reader::Exposition;

/// The fuzzer's bytes as values, zeros when they are used up.
struct Source<'a>(&'a [u8]);

impl Source<'_> {
    fn byte(&mut self) -> u8 {
        let Some((&byte, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        byte
    }

    fn number(&mut self) -> u64 {
        let width = usize::from(self.byte() % 9);
        (0..width).fold(0, |number, _| number << 8 | u64::from(self.byte()))
    }

    /// Half of the sums are small: what overflows is met often enough all the same.
    fn micros(&mut self) -> Micros {
        Micros(self.number())
    }

    fn ratio(&mut self) -> Ratio {
        let millionths = u32::try_from(self.number() % 1_000_001).unwrap_or_default();
        Ratio::from_millionths(millionths).unwrap_or_default()
    }

    fn text(&mut self) -> Box<str> {
        let length = usize::from(self.byte() % 64).min(self.0.len());
        let (text, rest) = self.0.split_at(length);
        self.0 = rest;
        String::from_utf8_lossy(text).into()
    }

    fn maybe<T>(&mut self, value: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (self.byte() & 1 == 1).then(|| value(self))
    }
}

fn hello(source: &mut Source<'_>) -> Option<Hello> {
    Some(Hello {
        agent: AgentName::new(&format!("agent-{}", source.byte() % 4)).ok()?,
        run: RunId::from_bits(u128::from(source.byte())),
        boot: source.maybe(Source::text),
        interval: Micros::from_secs(1 + u64::from(source.byte() % 60)),
        utilization: source.ratio(),
        start_time: source.maybe(|source| WallTime(source.number())),
        ephemeral: source.byte() & 1 == 1,
        facts: HostFacts {
            hostname: source.maybe(Source::text),
            version: source.maybe(Source::text),
            os: source.maybe(Source::text),
            kernel: source.maybe(Source::text),
            arch: source.maybe(Source::text),
            cpu_model: source.maybe(Source::text),
        },
        // Names of labels are checked where they are read; two that are alike are too.
        labels: (0..source.byte() % 4).map(|number| (format!("l{number}").into(), source.text())).collect(),
        token: None,
    })
}

fn sample(source: &mut Source<'_>) -> Sample {
    Sample {
        utilization: source.ratio(),
        utilization_max: source.maybe(Source::ratio),
        hottest_core: source.maybe(Source::ratio),
        // As much as can be summed: a decoder takes no more.
        histogram: source.maybe(|source| Histogram {
            buckets: std::array::from_fn(|_| source.number() >> 8),
            sum: Millionths(source.number()),
        }),
        cpu_times: source.maybe(|source| CpuTimes(std::array::from_fn(|_| source.micros()))),
        guest_times: source.maybe(|source| GuestTimes { user: source.micros(), nice: source.micros() }),
        logical_cpus: source.maybe(|source| u32::try_from(source.number() & 0xffff_ffff).unwrap_or_default()),
        load: source.maybe(|source| std::array::from_fn(|_| Millionths(source.number()))),
        procs_running: source.maybe(Source::number),
        context_switches: source.maybe(Source::number),
        pressure_waiting: source.maybe(Source::micros),
        missed_samples: source.maybe(Source::number),
        skipped_frames: source.maybe(Source::number),
        rtt: source.maybe(Source::micros),
        cgroup: source.maybe(|source| Cgroup {
            utilization: source.maybe(Source::ratio),
            usage: source.maybe(Source::micros),
            limit: source.maybe(|source| Millionths(source.number())),
            periods: source.maybe(Source::number),
            throttled_periods: source.maybe(Source::number),
            throttled: source.maybe(Source::micros),
        }),
        top_processes: source
            .maybe(|source| TopProcess { comm: source.text(), cores: Millionths(source.number()) })
            .into_iter()
            .collect(),
    }
}

/// Agents join, report and leave as the bytes say; the page is read at several moments.
pub(crate) fn run(input: &[u8]) {
    let mut source = Source(input);
    let mut now = Now { mono: Moment(0), wall: WallTime(1_700_000_000_000_000) };
    let fleet = SharedFleet::new(Fleet::new(FleetSettings::default(), &Roster::default(), now));
    let thresholds = Thresholds { warning: Ratio::ZERO, critical: Ratio::ONE };
    let renderer = Renderer::new(thresholds);
    for number in 0..6 {
        let passed = Micros::from_millis(u64::from(source.byte()) * 100);
        now = Now { mono: now.mono.plus(passed), wall: WallTime(now.wall.0 + passed.0) };
        let (connection, endpoint) = (ConnectionId(number), SocketAddr::from((Ipv6Addr::LOCALHOST, 1)));
        let (Some(hello), sample) = (hello(&mut source), sample(&mut source)) else { return };
        let hostname = hello.facts.hostname.clone();
        let reported = Reported { seq: source.number(), sample, measured_after: now.mono };
        let mut held = fleet.write();
        let joined = held.join(connection, endpoint, hello, Claim::Shared, reported, now);
        let leaves = source.byte() & 1 == 1;
        if let (Ok(place), true) = (&joined, leaves) {
            let end = End::ALL[usize::from(source.byte()) % End::ALL.len()];
            held.leave(*place, connection, end, now.mono);
        }
        drop(held);
        let page = page(&renderer, &fleet, now.mono);
        if let (Ok(_), false, Some(hostname)) = (joined, leaves, hostname) {
            let infos = page.family("cpumon_agent_info").map_or(&[][..], |infos| &infos.series);
            let is_shown = infos
                .iter()
                .any(|info| info.labels.get("hostname").is_some_and(|shown| **shown == *hostname));
            assert!(is_shown, "{hostname:?} in {infos:?}");
        }
    }
}

fn page(renderer: &Renderer, fleet: &SharedFleet, now: Moment) -> Exposition {
    let page = String::from_utf8(renderer.page(fleet, now));
    assert!(page.is_ok(), "the page is no text");
    let page = page.unwrap_or_default();
    let read = Exposition::parse(&page);
    assert!(read.is_ok(), "{:?} in {page}", read.err());
    read.unwrap_or_default()
}
