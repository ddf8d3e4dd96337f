use std::net::SocketAddr;

use cpumon_protocol::model::{Now, Ratio, WallTime};

use super::*;
use crate::exposition::chunks::CHUNK;
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

fn renderer() -> Renderer {
    let ratio = |millionths| Ratio::from_millionths(millionths).unwrap();
    Renderer::new(Thresholds { warning: ratio(800_000), critical: ratio(950_000) })
}

/// A rendering that has seen all of `fleet`.
fn begun(renderer: &Renderer, fleet: &SharedFleet) -> Rendering {
    let mut rendering = renderer.begin(NOW.mono);
    while rendering.look(fleet) {}
    rendering
}

#[test]
fn a_page_is_what_was_there_when_it_was_begun() {
    let (renderer, fleet) = (renderer(), fleet(3_000));
    let expected = renderer.page(&fleet, NOW.mono);
    let mut rendering = begun(&renderer, &fleet);
    fleet.write().sweep(NOW.mono.plus(Micros::from_secs(1_000_000)));
    assert!(fleet.read().is_empty());
    assert!(rendering.rest() == expected);
    drop(rendering);
    assert_eq!(renderer.page(&fleet, NOW.mono), b"");
}

#[test]
fn a_page_comes_in_chunks_none_of_which_is_long_or_empty() {
    let (renderer, fleet) = (renderer(), fleet(5_000));
    let expected = renderer.page(&fleet, NOW.mono);
    let mut rendering = begun(&renderer, &fleet);
    let mut chunks = Vec::new();
    while let Some(chunk) = rendering.next() {
        chunks.push(chunk);
    }
    assert!(rendering.next().is_none());
    assert!(chunks.concat() == expected);
    assert!(chunks.len() > 2 && chunks.len() <= expected.len() / CHUNK + 1, "{}", chunks.len());
    assert!(chunks.iter().all(|chunk| (1..=CHUNK).contains(&chunk.len())));
}

/// Two scrapes at once: each has memory of its own.
#[test]
fn a_rendering_disturbs_no_other() {
    let (renderer, fleet) = (renderer(), fleet(100));
    let expected = renderer.page(&fleet, NOW.mono);
    let (mut one, mut other) = (renderer.begin(NOW.mono), renderer.begin(NOW.mono));
    while one.look(&fleet) {}
    while other.look(&fleet) {}
    assert!(one.rest() == expected && other.rest() == expected);
}

#[test]
fn agents_are_counted_as_their_lines_show_them() {
    for agents in [0, 1, 4, 64, 65, 1_000] {
        let (renderer, fleet) = (renderer(), fleet(agents));
        let page = String::from_utf8(renderer.page(&fleet, NOW.mono)).unwrap();
        let lines = |end| {
            let is_up = |line: &&str| line.starts_with("cpumon_agent_up{") && line.ends_with(end);
            page.lines().filter(is_up).count()
        };
        let rendering = begun(&renderer, &fleet);
        assert_eq!((rendering.up, rendering.down), (lines(" 1"), lines(" 0")), "{agents}");
    }
}

#[test]
fn every_head_has_room() {
    for family in FAMILIES {
        let mut head = Vec::new();
        family.write_head(&mut head);
        assert!(head.len() <= HEAD_MAX, "{}: {} bytes", family.name, head.len());
    }
}
