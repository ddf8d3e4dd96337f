//! Two machines that claim one name, a thousand times: one of them has it, and never do two sources take turns in one
//! series.
#![allow(clippy::unwrap_used, reason = "a test's helpers end the test")]

use std::net::SocketAddr;

use cpumon_agent::link::rendezvous::Place;
use cpumon_agent::link::{Action, Failure, Link, LinkSettings};
use cpumon_exporter::exposition::families::Thresholds;
use cpumon_exporter::exposition::own::OwnMetrics;
use cpumon_exporter::fleet::{ConnectionId, End, Fleet, FleetSettings, Roster, SharedFleet};
use cpumon_exporter::ingest::{Connection, Desk, IngestSettings, Verdict};
use cpumon_exporter::journal::Journal;
use cpumon_protocol::model::{
    AgentName, Hello, HostFacts, Micros, Moment, Now, Ratio, RunId, Sample, WallTime,
};
use fastrand::Rng;

const STEP_MS: u64 = 20;
const RACE_MS: u64 = 40_000;

/// A name is held by an agent that was heard within three of its intervals.
const HELD_MS: u64 = 3_000;

/// One that claims the name.
struct Claimant {
    number: u64,
    link: Link,
    conn: Option<Connection>,
    /// When it lives, and when in between its process does not run.
    alive: (u64, u64),
    paused: (u64, u64),
    phase: u64,
    measured: u64,
    /// When its last sample was taken.
    heard: Option<u64>,
}

struct Race {
    desk: Desk,
    now_ms: u64,
    conns: u64,
    claimants: [Claimant; 2],
}

fn desk() -> Desk {
    let ratio = |millionths| Ratio::from_millionths(millionths).unwrap();
    let thresholds = Thresholds { warning: ratio(800_000), critical: ratio(950_000) };
    Desk {
        fleet: SharedFleet::new(Fleet::new(FleetSettings::default(), &Roster::default(), Now::default())),
        metrics: OwnMetrics::new(&thresholds).unwrap(),
        journal: Journal::default(),
        settings: IngestSettings::default(),
    }
}

fn claimant(random: &mut Rng, number: u64) -> Claimant {
    let start = random.u64(0..1_500) / STEP_MS * STEP_MS;
    let paused = random.u64(5_000..25_000);
    let hello = Hello {
        agent: AgentName::new("web-1").unwrap(),
        run: RunId::from_bits(random.u128(..)),
        boot: None,
        interval: Micros::from_secs(1),
        utilization: Ratio::ZERO,
        start_time: None,
        ephemeral: false,
        facts: HostFacts::default(),
        labels: Vec::new(),
        token: None,
    };
    Claimant {
        number,
        link: Link::new(LinkSettings::default(), hello, random.u64(..)),
        conn: None,
        alive: (start, if random.bool() { RACE_MS } else { random.u64(10_000..RACE_MS) }),
        paused: (paused, paused + random.u64(0..8_000)),
        phase: start % 1_000,
        measured: 0,
        heard: None,
    }
}

impl Race {
    fn new(seed: u64) -> Self {
        let mut random = Rng::with_seed(seed);
        let claimants = [claimant(&mut random, 1), claimant(&mut random, 2)];
        Self { desk: desk(), now_ms: 0, conns: 0, claimants }
    }

    fn now(&self) -> Now {
        Now { mono: Moment(self.now_ms * 1_000), wall: WallTime(self.now_ms * 1_000) }
    }

    fn step(&mut self, index: usize) {
        let (now, ms) = (self.now(), self.now_ms);
        let claimant = &mut self.claimants[index];
        let is_alive = (claimant.alive.0..claimant.alive.1).contains(&ms);
        if !is_alive {
            if let Some(conn) = claimant.conn.take() {
                conn.close(End::Eof, &self.desk, now.mono);
            }
            return;
        }
        if (claimant.paused.0..claimant.paused.1).contains(&ms) {
            return;
        }
        let mut out = Vec::new();
        if ms % 1_000 == claimant.phase {
            claimant.measured += 1;
            let mark = Some(claimant.number * 1_000_000 + claimant.measured);
            let sample = Sample { context_switches: mark, ..Sample::default() };
            let action = claimant.link.tick(now.mono, sample, true, &mut out);
            self.act(index, action, out);
        }
        let mut out = Vec::new();
        let action = self.claimants[index].link.expired(now.mono, &mut out);
        self.act(index, action, out);
    }

    /// Carries what the link says to the exporter and back, until both are silent.
    fn act(&mut self, index: usize, action: Action, mut out: Vec<u8>) {
        let now = self.now();
        let claimant = &mut self.claimants[index];
        match action {
            Action::None => {}
            Action::Resolve => {
                let place = Place { address: ([10, 1, 0, 1], 8080).into(), exporter: 0 };
                let action = claimant.link.resolved(now.mono, Ok(&[place]));
                return self.act(index, action, out);
            }
            Action::Open(_) => {
                self.conns += 1;
                let peer = SocketAddr::from(([10, 0, 0, index as u8], 1));
                let id = ConnectionId(self.conns);
                claimant.conn = Some(Connection::new(id, peer, &self.desk.settings, now.mono));
                let action = claimant.link.connected(now.mono, &mut out);
                return self.act(index, action, out);
            }
            Action::Close => {
                if let Some(conn) = claimant.conn.take() {
                    conn.close(End::Eof, &self.desk, now.mono);
                }
                return;
            }
            Action::OpenSecond(_) | Action::CloseSecond | Action::Switch => {
                assert_eq!(action, Action::None, "there is no other exporter");
            }
        }
        if out.is_empty() {
            return;
        }
        let Some(conn) = &mut claimant.conn else { return };
        let mut answers = Vec::new();
        let verdict = conn.receive(&out, &self.desk, now, &mut answers);
        if String::from_utf8_lossy(&answers).contains("\"ack\"") {
            claimant.heard = Some(self.now_ms);
        }
        let mut said = Vec::new();
        let action = claimant.link.receive(now.mono, &answers, &mut said);
        if let Verdict::Close(end) = verdict {
            if let Some(conn) = claimant.conn.take() {
                conn.close(end, &self.desk, now.mono);
            }
            let action = claimant.link.failed(now.mono, Failure::Closed);
            assert_eq!(action, Action::None, "there is no other exporter");
            return;
        }
        self.act(index, action, said);
    }

    /// Whose sample the exporter has.
    fn source(&self) -> Option<u64> {
        let mut mark = None;
        self.desk.fleet().visit(0, usize::MAX, self.now().mono, |view| {
            mark = view.totals().and_then(|sample| sample.context_switches);
        });
        mark.map(|mark| mark / 1_000_000)
    }
}

/// How often the name changed hands.
fn run(seed: u64) -> u64 {
    let mut race = Race::new(seed);
    let mut changes = 0;
    let mut holder: Option<u64> = None;
    while race.now_ms < RACE_MS {
        for index in 0..2 {
            let before = holder.and_then(|number| race.claimants.iter().find(|one| one.number == number));
            let was_held = before.is_some_and(|one| {
                one.conn.is_some() && one.heard.is_some_and(|heard| race.now_ms - heard < HELD_MS)
            });
            race.step(index);
            let source = race.source();
            if source != holder && source.is_some() {
                let now_ms = race.now_ms;
                assert!(!was_held, "seed {seed}: {source:?} took it from {holder:?} at {now_ms} ms");
                changes += u64::from(holder.is_some());
                holder = source;
            }
        }
        race.now_ms += STEP_MS;
    }
    assert!(holder.is_some(), "seed {seed}: nobody has it");
    changes
}

#[test]
fn one_name_has_one_source() {
    let changes: u64 = (0..1_000).map(run).sum();
    assert!(changes > 300, "the name changed hands {changes} times only");
}
