//! A scrape: the memory of the last one, and none for a series.

use std::net::SocketAddr;

use cpumon_exporter::exposition::families::Thresholds;
use cpumon_exporter::exposition::render::Renderer;
use cpumon_exporter::fleet::{Claim, ConnectionId, Fleet, FleetSettings, Reported, Roster, SharedFleet};
use cpumon_load::machine::{self, Machine};
use cpumon_protocol::model::{AgentName, Micros, Moment, Now, Ratio, WallTime};

const NOW: Now = Now { mono: Moment(1_000_000), wall: WallTime(1_790_000_000_000_000) };

/// What a rendering may ask for, however large it is.
const ONCE: u64 = 8;

/// A list for each 64 places of the fleet, which has at most twice as many as agents.
const PLACES_A_LIST: u64 = 64;

/// A handle for each chunk, of which there is at least one, and the list in which memory for them is kept.
const OF_A_CHUNK: u64 = 2;

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
        // Whoever reads a page takes chunk after chunk, and keeps none.
        let scrape = || {
            let mut rendering = renderer.begin(NOW.mono);
            while rendering.look(&fleet) {}
            assert_eq!(rendering.up as u64, agents);
            std::iter::from_fn(|| rendering.next()).count() as u64
        };
        let chunks = scrape();
        let used = allocation_counter::measure(|| assert_eq!(scrape(), chunks));
        let most = ONCE + (2 * agents).div_ceil(PLACES_A_LIST) + OF_A_CHUNK * chunks;
        assert!(
            used.count_total <= most,
            "{} allocations for {agents} agents, at most {most}",
            used.count_total
        );
    }
}
