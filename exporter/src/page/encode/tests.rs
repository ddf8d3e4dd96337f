//! Who is told the events knows what the fleet knows: any fleet, any second to begin in.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use cpumon_protocol::model::{AgentName, Hello, HostFacts, Micros, Millionths, Moment, Ratio, RunId, Sample};
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::fleet::{Claim, ConnectionId, End, Fleet, FleetSettings, Place, Reported, Roster, SharedFleet};

const SECOND: u64 = 1_000_000;

const ABOUT: About = About {
    thresholds: Thresholds {
        warning: Ratio::from_millionths(800_000).unwrap(),
        critical: Ratio::from_millionths(950_000).unwrap(),
    },
    ingest_port: 8080,
};

fn at(second: u64) -> Now {
    Now { mono: Moment(second * SECOND), wall: WallTime((1_000_000 + second) * SECOND) }
}

/// A page, as far as it is told: what it shows of the agent at each place.
#[derive(Clone, Debug, Default, PartialEq)]
struct Reader(BTreeMap<usize, Shown>);

#[derive(Clone, Debug, PartialEq)]
struct Shown {
    name: String,
    cpus: Option<u64>,
    state: String,
    since: Option<u64>,
    cells: [Option<u64>; Column::ALL.len()],
}

impl Reader {
    fn told(&mut self, bytes: &[u8], kind: &str) {
        let text = std::str::from_utf8(bytes).unwrap();
        let data =
            text.strip_prefix(&format!("event: {kind}\ndata: ")).unwrap().strip_suffix("\n\n").unwrap();
        assert!(!data.contains('\n'));
        let event: Value = serde_json::from_str(data).unwrap_or_else(|error| panic!("{error}: {data}"));
        let list = |key: &str| event[key].as_array().unwrap().clone();
        let place = |value: &Value| usize::try_from(value.as_u64().unwrap()).unwrap();
        if kind == "fleet" {
            self.0.clear();
        } else {
            for gone in list("forgotten") {
                self.0.remove(&place(&gone));
            }
        }
        for agent in list("agents") {
            let name = agent[1].as_str().unwrap().to_owned();
            let new = Shown { name, cpus: None, state: "up".to_owned(), since: None, cells: [None; 4] };
            let shown = self.0.entry(place(&agent[0])).or_insert_with(|| new.clone());
            if shown.name != new.name {
                *shown = new;
            }
            shown.cpus = agent[2].as_u64();
        }
        for state in list("states") {
            let shown = self.0.get_mut(&place(&state[0])).unwrap();
            (shown.state, shown.since) = (state[1].as_str().unwrap().to_owned(), state[2].as_u64());
        }
        for column in Column::ALL {
            for run in list(column.key()) {
                let (first, values) = run.as_array().unwrap().split_first().unwrap();
                assert!(!values.is_empty());
                for (offset, value) in values.iter().enumerate() {
                    let shown = self.0.get_mut(&(place(first) + offset)).unwrap();
                    shown.cells[column as usize] = value.as_u64();
                }
            }
        }
    }

    /// What it should show.
    fn of(roll: &Roll) -> Self {
        let shown = |(place, entry): (usize, Option<&Entry>)| {
            let Entry { name, row, .. } = entry?;
            let shown = Shown {
                name: name.to_string(),
                cpus: row.logical_cpus.map(u64::from),
                state: row.state.word().to_owned(),
                since: row.silent_since.map(|since| since.0 / 1_000),
                cells: row.cells,
            };
            Some((place, shown))
        };
        Self(roll.entries().filter_map(shown).collect())
    }
}

/// A fleet to which something happens each second.
struct World {
    fleet: SharedFleet,
    held: BTreeMap<u8, (Place, ConnectionId)>,
    connections: u64,
    second: u64,
}

#[derive(Clone, Debug)]
enum Happening {
    Sample { agent: u8, utilization: u32, load: Option<u64>, cpus: u32 },
    End { agent: u8, in_peace: bool },
    Pause { seconds: u64 },
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        6 => (0..12u8, 0..=1_000_000u32, proptest::option::of(0..40_000_000u64), 1..3u32)
            .prop_map(|(agent, utilization, load, cpus)| Happening::Sample { agent, utilization, load, cpus }),
        2 => (0..12u8, any::<bool>()).prop_map(|(agent, in_peace)| Happening::End { agent, in_peace }),
        1 => (1..90u64).prop_map(|seconds| Happening::Pause { seconds }),
    ]
}

impl World {
    fn new() -> Self {
        let settings = FleetSettings { forget_after: Micros::from_secs(100), ..FleetSettings::default() };
        let fleet = SharedFleet::new(Fleet::new(settings, &Roster::default(), at(0)));
        Self { fleet, held: BTreeMap::new(), connections: 0, second: 1 }
    }

    fn happen(&mut self, happening: &Happening) {
        let now = at(self.second);
        let mut fleet = self.fleet.write();
        match *happening {
            Happening::Sample { agent, utilization, load, cpus } => {
                let sample = Sample {
                    utilization: Ratio::from_millionths(utilization).unwrap(),
                    load: load.map(|load| [Millionths(load); 3]),
                    logical_cpus: Some(cpus),
                    ..Sample::default()
                };
                self.connections += 1;
                let reported = Reported { seq: self.connections, sample, measured_after: now.mono };
                let updated = self
                    .held
                    .get(&agent)
                    .map(|&(place, conn)| fleet.update(place, conn, reported.clone(), now));
                if !matches!(updated, Some(Ok(()))) {
                    let conn = ConnectionId(self.connections);
                    let endpoint = SocketAddr::from(([10, 0, 0, 1], 1));
                    let place =
                        fleet.join(conn, endpoint, hello(agent), Claim::Shared, reported, now).unwrap();
                    self.held.insert(agent, (place, conn));
                }
            }
            Happening::End { agent, in_peace } => {
                if let Some((place, conn)) = self.held.remove(&agent) {
                    fleet.leave(place, conn, if in_peace { End::Bye } else { End::Eof }, now.mono);
                }
            }
            Happening::Pause { seconds } => self.second += seconds,
        }
    }

    fn look(&mut self, roll: &mut Roll) -> Now {
        self.second += 1;
        let now = at(self.second);
        self.fleet.write().sweep(now.mono);
        roll.look(&self.fleet, now);
        now
    }
}

fn hello(agent: u8) -> Hello {
    Hello {
        agent: AgentName::new(&format!("agent-{agent}")).unwrap(),
        run: RunId::from_bits(u128::from(agent)),
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

proptest! {
    #[test]
    fn whoever_begins_at_any_second_knows_what_the_fleet_knows(
        seconds in proptest::collection::vec(proptest::collection::vec(happening(), 0..8), 1..30),
        late in 0..30usize,
    ) {
        let (mut world, mut roll) = (World::new(), Roll::default());
        let (mut early, mut late_reader) = (Reader::default(), None);
        let mut out = Vec::new();
        for (number, happenings) in seconds.iter().enumerate() {
            for happening in happenings {
                world.happen(happening);
            }
            let now = world.look(&mut roll);
            out.clear();
            if number == 0 {
                whole(&roll, now, &ABOUT, &mut out);
                early.told(&out, "fleet");
            } else {
                second(&roll, now, &mut out);
                early.told(&out, "second");
                if let Some(late) = &mut late_reader {
                    Reader::told(late, &out, "second");
                }
            }
            if number == late {
                let mut reader = Reader::default();
                out.clear();
                whole(&roll, now, &ABOUT, &mut out);
                reader.told(&out, "fleet");
                late_reader = Some(reader);
            }
            let expected = Reader::of(&roll);
            prop_assert_eq!(&early, &expected);
            prop_assert!(late_reader.as_ref().is_none_or(|late| *late == expected));
        }
    }
}

#[test]
fn what_does_not_change_is_not_told() {
    let (mut world, mut roll) = (World::new(), Roll::default());
    for agent in 0..10 {
        world.happen(&Happening::Sample { agent, utilization: 500_400, load: None, cpus: 2 });
    }
    let now = world.look(&mut roll);
    let mut out = Vec::new();
    whole(&roll, now, &ABOUT, &mut out);
    let expect = r#""utilization":[[0,500,500,500,500,500,500,500,500,500,500]]"#;
    assert!(String::from_utf8_lossy(&out).contains(expect), "{}", String::from_utf8_lossy(&out));

    // The change of the first is too small to be seen; between the last two are more than are worth to be told again.
    for (agent, utilization) in [(0, 500_300), (2, 510_000), (4, 520_000), (9, 530_000)] {
        world.happen(&Happening::Sample { agent, utilization, load: None, cpus: 2 });
    }
    let now = world.look(&mut roll);
    out.clear();
    second(&roll, now, &mut out);
    let told = r#"event: second
data: {"time":1000003000,"agents":[],"states":[],"forgotten":[],"utilization":[[2,510,500,520],[9,530]],"peak":[],"hottest":[],"load1":[]}

"#;
    assert_eq!(String::from_utf8_lossy(&out), told);
}
