//! Which exporter is tried next.

use std::collections::VecDeque;
use std::net::SocketAddr;

use cpumon_protocol::model::AgentName;

use super::rendezvous::{self, Place};

/// What an agent knows of its exporters: who there is, which one it has, and which have failed.
#[derive(Debug)]
pub(super) struct Choice {
    agent: AgentName,
    /// Who there is, the most preferred first.
    known: Vec<Place>,
    /// The one that is connected, or tried.
    current: Option<Place>,
    /// Those that have failed since one was well.
    failed: Vec<SocketAddr>,
}

impl Choice {
    pub(super) fn new(agent: AgentName) -> Self {
        Self { agent, known: Vec::new(), current: None, failed: Vec::new() }
    }

    /// These are there now.
    pub(super) fn learn(&mut self, places: &[Place]) {
        self.known.clear();
        self.known.extend_from_slice(places);
        rendezvous::order(&self.agent, &mut self.known);
    }

    /// The most preferred that has not failed; when all have, they get another chance.
    pub(super) fn next(&mut self) -> Option<Place> {
        if !self.has_another() {
            self.failed.clear();
        }
        self.current = self.known.iter().find(|place| !self.failed.contains(&place.address)).copied();
        self.current
    }

    /// Those that are preferred to the current one, the most preferred first. The current one may be missing among
    /// those that are known, since a name server may tell of a part only: that alone is no reason to leave it.
    pub(super) fn better(&self) -> VecDeque<Place> {
        let weight = |place: &Place| rendezvous::weight(&self.agent, place.address);
        let Some(current) = &self.current else { return VecDeque::new() };
        let is_better = |place: &&Place| place.address != current.address && weight(place) > weight(current);
        self.known.iter().filter(is_better).copied().collect()
    }

    /// It is at this one now.
    pub(super) fn moved(&mut self, place: Place) {
        self.current = Some(place);
    }

    /// The current one has failed. Says whether there is another one that has not.
    pub(super) fn failed(&mut self) -> bool {
        if let Some(Place { address, .. }) = self.current.take()
            && !self.failed.contains(&address)
        {
            self.failed.push(address);
        }
        self.has_another()
    }

    /// One was well for a while: what failed before may be well again, too.
    pub(super) fn forgive(&mut self) {
        self.failed.clear();
    }

    fn has_another(&self) -> bool {
        self.known.iter().any(|place| !self.failed.contains(&place.address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(numbers: &[u8]) -> Choice {
        let mut choice = Choice::new(AgentName::new("web-1").unwrap());
        choice.learn(&places(numbers));
        choice
    }

    fn places(numbers: &[u8]) -> Vec<Place> {
        numbers.iter().map(|&n| Place { address: ([10, 0, 0, n], 8080).into(), exporter: 0 }).collect()
    }

    fn number(place: Option<Place>) -> u8 {
        match place.unwrap().address.ip() {
            std::net::IpAddr::V4(ip) => ip.octets()[3],
            std::net::IpAddr::V6(_) => panic!(),
        }
    }

    #[test]
    fn all_are_tried_in_the_order_of_preference_and_then_again() {
        let mut choice = choice(&[1, 2, 3, 4]);
        let order: Vec<u8> = choice.known.clone().into_iter().map(|place| number(Some(place))).collect();
        for round in 0..3 {
            for (index, expected) in order.iter().enumerate() {
                assert_eq!(number(choice.next()), *expected, "round {round}");
                assert_eq!(choice.failed(), index < 3);
            }
        }
    }

    #[test]
    fn addresses_come_and_go_between_attempts() {
        let mut choice = choice(&[1, 2]);
        let first = number(choice.next());
        assert!(choice.failed());
        // The one that failed has a new address, as a container that was made anew.
        let second = 3 - first;
        choice.learn(&places(&[second, 9]));
        let tried = [number(choice.next()), {
            choice.failed();
            number(choice.next())
        }];
        assert!(tried.contains(&second) && tried.contains(&9));
        choice.learn(&[]);
        assert_eq!(choice.next(), None);
        assert!(!choice.failed());
    }

    #[test]
    fn after_health_the_most_preferred_is_tried_first_again() {
        let mut choice = choice(&[1, 2, 3]);
        let first = choice.next();
        choice.failed();
        assert_ne!(choice.next(), first);
        choice.forgive();
        assert_eq!(choice.next(), first);
    }

    #[test]
    fn better_are_those_before_the_current_one_even_if_it_is_not_listed() {
        let mut choice = choice(&[1, 2, 3, 4]);
        let known = choice.known.clone();
        assert!(choice.better().is_empty(), "there is no current one");
        choice.moved(known[2]);
        assert_eq!(Vec::from(choice.better()), known[..2]);
        choice.learn(&[known[3], known[1]]);
        assert_eq!(Vec::from(choice.better()), known[1..2]);
        choice.moved(known[0]);
        assert!(choice.better().is_empty());
    }
}
