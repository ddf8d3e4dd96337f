//! The exporter's part: a connection's bytes to its answer, the fleet, its text.

use std::net::SocketAddr;

use cpumon_exporter::exposition::families::Thresholds;
use cpumon_exporter::exposition::own::OwnMetrics;
use cpumon_exporter::exposition::render::{Renderer, Rendering};
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

/// The first half of a page: every agent into columns.
#[divan::bench(args = [1_000, 10_000])]
fn look(bencher: Bencher<'_, '_>, agents: usize) {
    let (fleet, renderer) = shared(agents);
    bencher.with_inputs(|| renderer.begin(NOW.mono)).bench_local_refs(|rendering| look_at(rendering, &fleet));
}

/// The same when nothing of them is in the processor's cache, as it is after some seconds of other work.
#[divan::bench(args = [1_000, 10_000])]
fn look_cold(bencher: Bencher<'_, '_>, agents: usize) {
    let (fleet, renderer) = shared(agents);
    let mut other = vec![0_u8; 128 << 20];
    bencher
        .with_inputs(|| {
            other.iter_mut().step_by(64).for_each(|byte| *byte = byte.wrapping_add(1));
            renderer.begin(NOW.mono)
        })
        .bench_local_refs(|rendering| look_at(rendering, &fleet));
}

/// The second half: columns into text.
#[divan::bench(args = [1_000, 10_000])]
fn write(bencher: Bencher<'_, '_>, agents: usize) {
    let (fleet, renderer) = shared(agents);
    let looked_at = || {
        let mut rendering = renderer.begin(NOW.mono);
        look_at(&mut rendering, &fleet);
        rendering
    };
    bencher.with_inputs(looked_at).bench_local_refs(|rendering| {
        std::iter::from_fn(|| rendering.next()).map(|chunk| chunk.len()).sum::<usize>()
    });
}

fn shared(agents: usize) -> (SharedFleet, Renderer) {
    (SharedFleet::new(fleet(agents).0), Renderer::new(thresholds()))
}

fn look_at(rendering: &mut Rendering, fleet: &SharedFleet) {
    while rendering.look(black_box(fleet)) {}
}
