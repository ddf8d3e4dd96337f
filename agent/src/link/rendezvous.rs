//! Rendezvous hashing: which of many exporters an agent prefers, decided by each agent alone.
//!
//! Every pair of an agent's name and an exporter's address has a weight that is a hash of both, and the agent
//! prefers the heaviest. So agents spread evenly without anybody who assigns them; an exporter that is added takes
//! its share from all others alike, and one that is lost leaves its share to all others alike. Nobody else moves.

use std::cmp::Reverse;
use std::net::{IpAddr, SocketAddr};

use cpumon_protocol::model::AgentName;
use siphasher::sip::SipHasher13;

/// Where an exporter listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its address.
    pub address: SocketAddr,
    /// Which of the configured exporters it came from, counted from 0.
    pub exporter: usize,
}

/// How much the agent prefers this address: SipHash-1-3 with a key of zeros over the name, a zero byte, the
/// address as 16 bytes (IPv4 as `::ffff:a.b.c.d`) and the port, most significant byte first.
///
/// Agents of all versions and systems must agree on it, or an upgrade would move a whole fleet.
pub fn weight(agent: &AgentName, address: SocketAddr) -> u64 {
    let ip = match address.ip().to_canonical() {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    };
    let mut bytes = Vec::with_capacity(AgentName::MAX_LEN + 1 + 16 + 2);
    bytes.extend_from_slice(agent.as_str().as_bytes());
    bytes.push(0);
    bytes.extend_from_slice(&ip.octets());
    bytes.extend_from_slice(&address.port().to_be_bytes());
    SipHasher13::new().hash(&bytes)
}

/// Puts `places` in the order in which the agent prefers them, each address once.
pub fn order(agent: &AgentName, places: &mut Vec<Place>) {
    places.sort_by_cached_key(|place| (Reverse(weight(agent, place.address)), place.address, place.exporter));
    places.dedup_by_key(|place| place.address);
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn agent(number: usize) -> AgentName {
        AgentName::new(&format!("web-{number}")).unwrap()
    }

    fn place(address: SocketAddr) -> Place {
        Place { address, exporter: 0 }
    }

    fn first(agent: &AgentName, addresses: &[SocketAddr]) -> SocketAddr {
        let mut places: Vec<_> = addresses.iter().copied().map(place).collect();
        order(agent, &mut places);
        places[0].address
    }

    fn addresses(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<SocketAddr>> {
        let address = prop_oneof![
            (any::<[u8; 4]>(), any::<u16>()).prop_map(SocketAddr::from),
            (any::<[u8; 16]>(), any::<u16>()).prop_map(SocketAddr::from),
        ];
        proptest::collection::hash_set(address, count).prop_map(|set| set.into_iter().collect())
    }

    #[test]
    fn weights_are_what_an_implementation_of_its_own_gives() {
        // In Python, whose hash of bytes is SipHash-1-3:
        // PYTHONHASHSEED=0 python3 -c 'print(hash(b"web-1\0" + bytes(10) + b"\xff\xff\n\0\0\7\x1f\x90") & 2**64-1)'
        for (address, expected) in WEIGHTS {
            assert_eq!(weight(&agent(1), address.parse().unwrap()), expected, "{address}");
        }
    }

    const WEIGHTS: [(&str, u64); 3] = [
        ("10.0.0.7:8080", 6_831_999_740_065_414_290),
        ("[::ffff:10.0.0.7]:8080", 6_831_999_740_065_414_290),
        ("[2001:db8::7]:8080", 9_617_765_488_085_779_545),
    ];

    #[test]
    fn each_exporter_gets_its_share() {
        const AGENTS: usize = 6_000;
        for exporters in [2usize, 3, 10, 30] {
            let places: Vec<SocketAddr> =
                (0..exporters).map(|n| SocketAddr::from(([10, 0, 0, n as u8], 8080))).collect();
            let mut shares = vec![0usize; exporters];
            for number in 0..AGENTS {
                let chosen = first(&agent(number), &places);
                shares[places.iter().position(|place| *place == chosen).unwrap()] += 1;
            }
            // Five standard deviations of a fair choice.
            let fair = AGENTS as f64 / exporters as f64;
            let tolerance = 5.0 * (fair * (1.0 - 1.0 / exporters as f64)).sqrt();
            for share in shares {
                assert!((share as f64 - fair).abs() < tolerance, "{share} of {fair} ± {tolerance}");
            }
        }
    }

    #[test]
    fn an_exporter_that_is_added_takes_its_share_from_all_alike() {
        const AGENTS: usize = 6_000;
        let before: Vec<SocketAddr> = (0..9u8).map(|n| SocketAddr::from(([10, 0, 0, n], 8080))).collect();
        let mut after = before.clone();
        after.push(SocketAddr::from(([10, 0, 0, 9], 8080)));
        let mut taken = [0usize; 9];
        for number in 0..AGENTS {
            let (old, new) = (first(&agent(number), &before), first(&agent(number), &after));
            if old != new {
                assert_eq!(new, after[9], "an agent moved between two that were there before");
                taken[before.iter().position(|place| *place == old).unwrap()] += 1;
            }
        }
        let moved: usize = taken.iter().sum();
        assert!((480..720).contains(&moved), "{moved} of {AGENTS}, a tenth would be fair");
        assert!(taken.iter().all(|taken| (25..110).contains(taken)), "{taken:?}");
    }

    proptest! {
        /// Whoever is added or lost, nobody moves but to the one, or from the other.
        #[test]
        fn only_the_share_of_one_moves(before in addresses(1..20), added: [u8; 4], number: usize) {
            let added = SocketAddr::from((added, 8080));
            prop_assume!(!before.contains(&added));
            let mut after = before.clone();
            after.push(added);
            let (old, new) = (first(&agent(number), &before), first(&agent(number), &after));
            prop_assert!(new == old || new == added);
        }

        #[test]
        fn the_order_is_whole_and_the_same_whatever_the_order_before(
            addresses in addresses(1..40), number: usize, seed: u64,
        ) {
            let agent = agent(number);
            let mut once: Vec<_> = addresses.iter().copied().map(place).collect();
            // Two names may have an address in common.
            let mut twice = [once.clone(), once.clone()].concat();
            fastrand::Rng::with_seed(seed).shuffle(&mut twice);
            order(&agent, &mut once);
            order(&agent, &mut twice);
            prop_assert_eq!(&once, &twice);
            let of_once: HashSet<_> = once.iter().map(|place| place.address).collect();
            prop_assert_eq!(of_once, addresses.into_iter().collect());
            prop_assert!(once.is_sorted_by_key(|place| Reverse(weight(&agent, place.address))));
        }
    }
}
