//! The exporter's part: a connection's bytes to its answer, the fleet, its text.

use std::net::SocketAddr;

use cpumon_exporter::exposition::families::Thresholds;
use cpumon_exporter::exposition::own::OwnMetrics;
use cpumon_exporter::exposition::render::Renderer;
use cpumon_exporter::fleet::{
    Claim, ConnectionId, Fleet, FleetSettings, Place, Reported, Roster, SharedFleet,
};
use cpumon_exporter::ingest::{Connection, Desk, IngestSettings, Verdict};
use cpumon_exporter::journal::Journal;
use cpumon_load::machine::{self, Machine};
use cpumon_protocol::model::{AgentName, Micros, Moment, Now, Ratio, Sample, WallTime};
use divan::{Bencher, black_box};

use super::conversation;

const CONNECTION: ConnectionId = ConnectionId(1);

const NOW: Now = Now { mono: Moment(1_000_000), wall: WallTime(1_790_000_000_000_000) };

fn peer() -> SocketAddr {
    SocketAddr::from(([10, 1, 2, 3], 45_678))
}

fn thresholds() -> Thresholds {
    let ratio = |ppm| Ratio::from_millionths(ppm).expect("at most one");
    Thresholds { warning: ratio(800_000), critical: ratio(950_000) }
}

fn fleet(agents: usize) -> (Fleet, Vec<Place>) {
    let settings = FleetSettings { max_agents: agents, ..FleetSettings::default() };
    let mut fleet = Fleet::new(settings, &Roster::default(), NOW);
    let places = (0..agents).map(|number| {
        let name = AgentName::new(&format!("agent-{number:05}")).expect("a name");
        let hello = machine::hello(name, Micros::from_secs(1));
        fleet
            .join(CONNECTION, peer(), hello, Claim::Shared, reported(1, sample(number)), NOW)
            .expect("a place")
    });
    let places = places.collect();
    (fleet, places)
}

fn sample(seed: usize) -> Sample {
    Machine::new(seed as u64).sample(Moment(0))
}

fn reported(seq: u64, sample: Sample) -> Reported {
    Reported { seq, sample, measured_after: NOW.mono }
}

/// Bytes to answer: found, understood, kept, acknowledged.
#[divan::bench]
fn receive(bencher: Bencher<'_, '_>) {
    let desk = Desk {
        fleet: SharedFleet::new(Fleet::new(FleetSettings::default(), &Roster::default(), NOW)),
        metrics: OwnMetrics::new(&thresholds()).expect("names of metrics"),
        journal: Journal::default(),
        settings: IngestSettings { frame_rate: 1_000_000, ..IngestSettings::default() },
    };
    let mut agent = conversation();
    let mut connection = Connection::new(CONNECTION, peer(), &desk.settings, NOW.mono);
    let mut out = Vec::new();
    let greeting = agent.greeting();
    assert_eq!(connection.receive(&greeting, &desk, NOW, &mut out), Verdict::Open);
    let mut seq = 0;
    bencher
        .with_inputs(|| {
            seq += 1;
            agent.sample(seq)
        })
        .bench_local_refs(|frame| {
            out.clear();
            connection.receive(black_box(frame), &desk, NOW, &mut out)
        });
    assert!(String::from_utf8_lossy(&out).contains("ack"), "the samples were taken");
}

#[divan::bench]
fn apply(bencher: Bencher<'_, '_>) {
    let (mut fleet, places) = fleet(10_000);
    let mut turn = 0;
    let sample = sample(1);
    bencher.bench_local(|| {
        turn += 1;
        let (place, seq) = (places[turn % places.len()], (turn / places.len() + 2) as u64);
        fleet.update(place, CONNECTION, black_box(reported(seq, sample.clone())), NOW).is_ok()
    });
}

#[divan::bench(args = [1_000, 10_000])]
fn render(bencher: Bencher<'_, '_>, agents: usize) {
    let fleet = SharedFleet::new(fleet(agents).0);
    let renderer = Renderer::new(thresholds());
    bencher.bench_local(|| renderer.page(black_box(&fleet), NOW.mono).len());
}
