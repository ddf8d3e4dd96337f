//! Any history, with the wall clock let alone and with the wall clock set to anything at any time: the pages are
//! the same but for dates.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use cpumon_exporter::exposition::families::Thresholds;
use cpumon_exporter::exposition::own::OwnMetrics;
use cpumon_exporter::exposition::render::Renderer;
use cpumon_exporter::fleet::{ConnectionId, End, Fleet, FleetSettings, Roster, SharedFleet};
use cpumon_exporter::ingest::{Connection, Desk, IngestSettings, Verdict};
use cpumon_exporter::journal::Journal;
use cpumon_protocol::model::{Micros, Moment, Now, Ratio, WallTime};
use proptest::prelude::*;
use serde_json::json;

use crate::support::{PERCENT, hello, sample};

/// What a wall clock shows at first, in microseconds: a day in 2026.
const WALL: i64 = 1_795_000_000_000_000;

/// Two years, in microseconds.
const JUMP_MAX: i64 = 2 * 365 * 24 * 60 * 60 * 1_000_000;

const AGENTS: u16 = 4;

/// What happens.
#[derive(Clone, Debug)]
enum Event {
    /// So many milliseconds pass.
    Pass(u64),
    /// An agent connects, in a run of this number, and says hello.
    Connect { agent: u16, run: u8 },
    /// A client of the original connects and sends its first percentage.
    ConnectOriginal { port: u16 },
    /// The connection that this agent or client made last brings a sample.
    Sample(u16),
    /// It says bye.
    Bye(u16),
    /// It ends.
    End(u16, End),
    /// The exporter sweeps.
    Sweep,
    /// The wall clock is set, by so many microseconds.
    Jump(i64),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let who = 0..2 * AGENTS;
    let end = prop_oneof![Just(End::Eof), Just(End::Timeout), Just(End::Protocol)];
    let event = prop_oneof![
        8 => (0u64..1_500).prop_map(Event::Pass),
        1 => prop_oneof![3_000u64..70_000, Just(25 * 60 * 60 * 1_000)].prop_map(Event::Pass),
        3 => (0..AGENTS, 0u8..3).prop_map(|(agent, run)| Event::Connect { agent, run }),
        1 => (AGENTS..2 * AGENTS).prop_map(|port| Event::ConnectOriginal { port }),
        8 => who.clone().prop_map(Event::Sample),
        1 => who.clone().prop_map(Event::Bye),
        1 => (who, end).prop_map(|(who, end)| Event::End(who, end)),
        2 => Just(Event::Sweep),
        4 => (-JUMP_MAX..JUMP_MAX).prop_map(Event::Jump),
    ];
    prop::collection::vec(event, 1..120)
}

/// An exporter with its clocks.
struct World {
    desk: Desk,
    renderer: Renderer,
    mono: u64,
    wall: i64,
    /// Connections by who made them, and the last sample's number.
    connections: BTreeMap<u16, (Connection, u64)>,
    made: u64,
}

impl World {
    fn new() -> Self {
        let ratio = |millionths| Ratio::from_millionths(millionths).unwrap();
        let thresholds = Thresholds { warning: ratio(800_000), critical: ratio(950_000) };
        let mut world = Self {
            desk: Desk {
                fleet: SharedFleet::new(Fleet::new(
                    FleetSettings::default(),
                    &Roster::default(),
                    Now::default(),
                )),
                metrics: OwnMetrics::new(&thresholds).unwrap(),
                journal: Journal::default(),
                settings: IngestSettings::default(),
            },
            renderer: Renderer::new(thresholds),
            mono: 0,
            wall: WALL,
            connections: BTreeMap::new(),
            made: 0,
        };
        world.pass(1_000);
        world
    }

    fn now(&self) -> Now {
        let wall = self.wall.max(0).unsigned_abs();
        Now { mono: Moment(self.mono), wall: WallTime(wall) }
    }

    fn pass(&mut self, millis: u64) {
        let Micros(micros) = Micros::from_millis(millis);
        self.mono += micros;
        self.wall = self.wall.saturating_add_unsigned(micros);
    }

    fn happen(&mut self, event: &Event) {
        match *event {
            Event::Pass(millis) => self.pass(millis),
            Event::Connect { agent, run } => {
                let mut hello = hello(&format!("agent-{agent}"), &format!("run-{run}"));
                hello["start_us"] = json!(1_000 + u64::from(run));
                self.connect(agent, &hello.to_string());
            }
            Event::ConnectOriginal { port } => self.connect(port, &json!({PERCENT: 25}).to_string()),
            Event::Sample(who) => {
                let is_original = who >= AGENTS;
                self.say(who, |seq| if is_original { json!({PERCENT: seq % 100}) } else { sample(seq) });
            }
            Event::Bye(who) => self.say(who, |_| json!({"v": 1, "t": "bye", "reason": "stop"})),
            Event::End(who, end) => self.end(who, end),
            Event::Sweep => {
                let now = self.now().mono;
                self.desk.fleet().sweep(now);
            }
            Event::Jump(micros) => self.wall = self.wall.saturating_add(micros),
        }
    }

    fn connect(&mut self, who: u16, first: &str) {
        // Who connects again has lost the connection before without a word.
        self.end(who, End::Eof);
        self.made += 1;
        let peer = SocketAddr::from(([10, 0, 0, 1], who + 1));
        let id = ConnectionId(self.made);
        let connection = Connection::new(id, peer, &self.desk.settings, self.now().mono);
        // A run's samples are numbered on from one connection to the next.
        self.connections.insert(who, (connection, self.made * 1_000));
        self.receive(who, first.as_bytes());
    }

    fn say(&mut self, who: u16, frame: impl FnOnce(u64) -> serde_json::Value) {
        if let Some((_, seq)) = self.connections.get_mut(&who) {
            *seq += 1;
            let frame = frame(*seq).to_string();
            self.receive(who, frame.as_bytes());
        }
    }

    fn receive(&mut self, who: u16, bytes: &[u8]) {
        let now = self.now();
        let Some((connection, _)) = self.connections.get_mut(&who) else { return };
        if let Verdict::Close(end) = connection.receive(bytes, &self.desk, now, &mut Vec::new()) {
            self.end(who, end);
        }
    }

    fn end(&mut self, who: u16, end: End) {
        if let Some((connection, _)) = self.connections.remove(&who) {
            connection.close(end, &self.desk, self.now().mono);
        }
    }

    /// What is shown of agents, less what is a date: when one was heard, and the place in order that one without a
    /// start of its own gets by the exporter's clock.
    fn page(&self) -> String {
        let page = self.renderer.page(&self.desk.fleet, self.now().mono);
        let text = String::from_utf8(page).unwrap();
        let dates =
            ["cpumon_agent_last_sample_timestamp_seconds{", "cpumon_agent_sample_order{agent=\"10.0.0.1:"];
        let is_date = |line: &&str| dates.iter().any(|date| line.starts_with(date));
        text.lines().filter(|line| !is_date(line)).collect::<Vec<_>>().join("\n")
    }

    /// Who would be missed after a restart.
    fn missed(&self) -> Vec<String> {
        self.desk.fleet().roster().0.keys().map(|name| name.as_str().to_owned()).collect()
    }
}

proptest! {
    #[test]
    fn setting_the_wall_clock_changes_no_page(events in events()) {
        let (mut calm, mut jumping) = (World::new(), World::new());
        for (index, event) in events.iter().enumerate() {
            if !matches!(event, Event::Jump(_)) {
                calm.happen(event);
            }
            jumping.happen(event);
            prop_assert_eq!(calm.page(), jumping.page(), "after event {}, {:?}", index, event);
            prop_assert_eq!(calm.missed(), jumping.missed());
        }
    }
}
