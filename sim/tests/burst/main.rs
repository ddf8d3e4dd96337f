//! What no gauge shows: a burst of three seconds between two scrapes. `docs/bursts.md` tells of it; its picture
//! is made from what is measured here (`UPDATE_DOCS=1` rewrites it).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods, reason = "a test")]

mod plot;

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use cpumon_agent::recorder::{Kept, Recorder};
use cpumon_agent::sampling::{Cpu, Reading, Times};
use cpumon_exporter::exposition::families::Thresholds;
use cpumon_exporter::exposition::render::Renderer;
use cpumon_exporter::fleet::{
    Claim, ConnectionId, Fleet, FleetSettings, Place, Reported, Roster, SharedFleet,
};
use cpumon_protocol::model::{
    AgentName, CpuTimes, Hello, HostFacts, Micros, Mode, Moment, Now, Ratio, RunId, Sample, WallTime,
};

const SECOND: u64 = 1_000_000;
const SCRAPE_INTERVAL: u64 = 15;

/// The machine is busy from here on, ...
const BURST_AT: u64 = 100;
/// ... for so many seconds.
const BURST_FOR: u64 = 3;

/// What one scrape showed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scrape {
    /// When it was, in seconds.
    at: u64,
    /// `cpumon_utilization_ratio`
    gauge: f64,
    /// `cpumon_utilization_max_ratio`
    max: f64,
    /// `cpumon_samples_above_threshold_total{severity="critical"}`
    above: u64,
}

/// Busy share of the second that ends at `second`.
fn busy(second: u64) -> f64 {
    if (BURST_AT + 1..=BURST_AT + BURST_FOR).contains(&second) { 1.0 } else { 0.05 }
}

/// An agent and an exporter on one machine, for three minutes; Prometheus scrapes at `phase`, `phase` + 15, and so on.
fn scrapes(phase: u64) -> Vec<Scrape> {
    let moment = |second: u64| Now { mono: Moment(second * SECOND), wall: WallTime(second * SECOND) };
    let thresholds = Thresholds {
        warning: Ratio::from_millionths(800_000).unwrap(),
        critical: Ratio::from_millionths(950_000).unwrap(),
    };
    let renderer = Renderer::new(thresholds);
    let fleet = SharedFleet::new(Fleet::new(FleetSettings::default(), &Roster::default(), moment(0)));
    let mut recorder = Recorder::new(Kept::default());
    let mut times = CpuTimes::default();
    let mut place = None;
    let mut scrapes = Vec::new();
    for second in 0..=180 {
        spend(&mut times, busy(second));
        let reading =
            Reading { cpu: Cpu::Times(Times { total: times, ..Times::default() }), ..Reading::default() };
        if let Ok(sample) = recorder.tick(moment(second).mono, Ok(&reading)).result {
            take(&mut fleet.write(), &mut place, second, sample, moment(second));
        }
        if second > 1 && second % SCRAPE_INTERVAL == phase {
            let text = renderer.page(&fleet, moment(second).mono);
            scrapes.push(read(second, std::str::from_utf8(&text).unwrap()));
        }
    }
    scrapes
}

/// One second of four cores.
fn spend(times: &mut CpuTimes, busy: f64) {
    let all = 4 * SECOND;
    let user = (busy * all as f64) as u64;
    times.set(Mode::User, Micros(times.get(Mode::User).0 + user));
    times.set(Mode::Idle, Micros(times.get(Mode::Idle).0 + all - user));
}

fn take(fleet: &mut Fleet, place: &mut Option<Place>, seq: u64, sample: Sample, now: Now) {
    let conn = ConnectionId(1);
    let reported = Reported { seq, sample, measured_after: now.mono };
    match *place {
        Some(place) => fleet.update(place, conn, reported, now).unwrap(),
        None => {
            let endpoint = SocketAddr::from(([127, 0, 0, 1], 1));
            *place = Some(fleet.join(conn, endpoint, hello(), Claim::Shared, reported, now).unwrap());
        }
    }
}

fn hello() -> Hello {
    Hello {
        agent: AgentName::new("web-1").unwrap(),
        run: RunId::from_bits(1),
        boot: None,
        interval: Micros::from_secs(1),
        utilization: Ratio::ZERO,
        start_time: None,
        ephemeral: false,
        facts: HostFacts::default(),
        labels: Vec::new(),
        token: None,
    }
}

fn read(at: u64, text: &str) -> Scrape {
    let value = |series: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(series)).expect(series);
        line.trim().parse::<f64>().unwrap()
    };
    Scrape {
        at,
        gauge: value("cpumon_utilization_ratio{agent=\"web-1\"}"),
        max: value("cpumon_utilization_max_ratio{agent=\"web-1\",window=\"60s\"}"),
        above: value("cpumon_samples_above_threshold_total{agent=\"web-1\",severity=\"critical\"}") as u64,
    }
}

#[test]
fn the_histogram_has_every_second_wherever_the_scrapes_fall() {
    for phase in 0..SCRAPE_INTERVAL {
        let scrapes = scrapes(phase);
        let growth: Vec<u64> = scrapes.windows(2).map(|pair| pair[1].above - pair[0].above).collect();
        assert_eq!(growth.iter().sum::<u64>(), BURST_FOR, "phase {phase}");
    }
}

#[test]
fn the_maximum_shows_it_for_a_minute_wherever_the_scrapes_fall() {
    for phase in 0..SCRAPE_INTERVAL {
        let seen = scrapes(phase).iter().filter(|scrape| scrape.max == 1.0).count();
        assert!((4..=5).contains(&seen), "phase {phase}: seen by {seen} scrapes");
    }
}

#[test]
fn the_plain_gauge_misses_it_four_times_out_of_five() {
    let seen =
        (0..SCRAPE_INTERVAL).filter(|&phase| scrapes(phase).iter().any(|scrape| scrape.gauge > 0.5)).count();
    assert_eq!((seen, SCRAPE_INTERVAL), (3, 15));
}

#[test]
fn the_picture_in_the_docs_is_what_was_measured() {
    let picture = plot::svg(&scrapes(10));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/bursts.svg");
    if std::env::var("UPDATE_DOCS").is_ok() {
        fs::write(&path, &picture).unwrap();
    }
    let drawn = fs::read_to_string(&path).unwrap();
    assert!(
        drawn == picture,
        "docs/bursts.svg is not up to date; run UPDATE_DOCS=1 cargo test -p cpumon-sim --test burst"
    );
}
