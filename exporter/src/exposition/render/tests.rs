use std::net::SocketAddr;

use cpumon_protocol::model::{Now, Ratio, WallTime};

use super::*;
use crate::fleet::{ConnectionId, End, Fleet, FleetSettings, Roster};

const NOW: Now = Now { mono: Moment(1_000_000), wall: WallTime(1_790_000_000_000_000) };

/// A fleet of so many, every seventh of which has left, its place being free or its gauge being down.
fn fleet(agents: u32) -> SharedFleet {
    let mut fleet = Fleet::new(FleetSettings::default(), &Roster::default(), NOW);
    for number in 0..agents {
        let peer = SocketAddr::from((std::net::Ipv4Addr::from_bits(0x0a00_0000 | number), 40_000));
        let connection = ConnectionId(number.into());
        let utilization = Ratio::from_millionths(number).unwrap();
        let place = fleet.join_original(connection, peer, utilization, NOW).unwrap();
        if number % 7 == 3 {
            let end = if number % 2 == 0 { End::Bye } else { End::Eof };
            fleet.leave(place, connection, end, NOW.mono);
        }
    }
    SharedFleet::new(fleet)
}

#[test]
fn several_threads_write_what_one_writes() {
    let ratio = |millionths| Ratio::from_millionths(millionths).unwrap();
    let thresholds = Thresholds { warning: ratio(800_000), critical: ratio(950_000) };
    for agents in [0, 1, 399, 799, 800, 801, 1_999, 5_000] {
        let fleet = fleet(agents);
        let render = |threads| Renderer::with_threads(thresholds, threads).render(&fleet, NOW.mono);
        let one = render(1);
        let page = one.families.concat();
        for threads in 2..=THREADS_MAX {
            let several = render(threads);
            assert!(several.families.concat() == page, "{agents} agents, {threads} threads");
            assert_eq!((several.up, several.down), (one.up, one.down), "{agents} agents, {threads} threads");
            let parts = (agents as usize / AGENTS_A_THREAD).clamp(1, threads);
            assert_eq!(
                several.families.len(),
                one.families.len() * parts,
                "{agents} agents, {threads} threads"
            );
        }
    }
}
