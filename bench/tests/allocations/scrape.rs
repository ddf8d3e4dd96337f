//! A scrape: the memory of the last one, and none for a series.

use std::net::SocketAddr;

use cpumon_exporter::exposition::families::Thresholds;
use cpumon_exporter::exposition::render::Renderer;
use cpumon_exporter::fleet::{Claim, ConnectionId, Fleet, FleetSettings, Reported, Roster, SharedFleet};
use cpumon_load::machine::{self, Machine};
use cpumon_protocol::model::{AgentName, Micros, Moment, Now, Ratio, WallTime};

const NOW: Now = Now { mono: Moment(1_000_000), wall: WallTime(1_790_000_000_000_000) };

/// What a rendering may ask for: a list of its families' texts, a list of agents and a label for each of the 64 that are
/// shown at a time.
const LISTS: u64 = 2 + 64 * 4;

/// A list for each 64 places of the fleet, which has at most twice as many as agents.
const PLACES_A_LIST: u64 = 64;

fn fleet(agents: u64) -> SharedFleet {
    let mut fleet = Fleet::new(FleetSettings::default(), &Roster::default(), NOW);
    for number in 0..agents {
        let hello =
            machine::hello(AgentName::new(&format!("agent-{number:05}")).unwrap(), Micros::from_secs(1));
        let sample = Machine::new(number).sample(Moment(0));
        let reported = Reported { seq: 1, sample, measured_after: NOW.mono };
        let peer = SocketAddr::from(([10, 1, 2, 3], 45_678));
        fleet.join(ConnectionId(number), peer, hello, Claim::Shared, reported, NOW).unwrap();
    }
    SharedFleet::new(fleet)
}

#[test]
fn a_series_needs_no_memory_of_its_own() {
    let ratio = |millionths| Ratio::from_millionths(millionths).unwrap();
    for agents in [64, 6_400] {
        let fleet = fleet(agents);
        let renderer = Renderer::new(Thresholds { warning: ratio(800_000), critical: ratio(950_000) });
        let first = renderer.render(&fleet, NOW.mono);
        assert_eq!(first.up as u64, agents);
        drop(first);
        let used = allocation_counter::measure(|| drop(renderer.render(&fleet, NOW.mono)));
        let most = LISTS + (2 * agents).div_ceil(PLACES_A_LIST);
        assert!(
            used.count_total <= most,
            "{} allocations for {agents} agents, at most {most}",
            used.count_total
        );
    }
}
