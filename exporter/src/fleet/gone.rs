//! Who makes room for a new name in a full fleet: the longest gone first.
//!
//! To look at all agents for each new name would cost a millisecond of the fleet's lock, thousands of times a second
//! while somebody invents names. So one look finds the next few hundred: whoever goes after it has gone later than all
//! of them, and those who came back are passed over.

use std::collections::VecDeque;

use cpumon_protocol::model::{Micros, Moment};
use slab::Slab;

use super::FleetSettings;
use super::agent::Agent;

/// How many are found by one look.
const FOUND_MAX: usize = 256;

/// For how long a look that found nobody stands. Who leaves is noticed at once, who falls silent after this time.
const NOBODY_FOR: Micros = Micros::from_millis(100);

/// The longest gone, in order.
#[derive(Debug, Default)]
pub(super) struct LongestGone {
    /// Since when, and at which place.
    found: VecDeque<(Moment, usize)>,
    /// Until when nobody is looked for.
    nobody_until: Option<Moment>,
}

impl LongestGone {
    /// An agent's connection has ended.
    pub(super) fn somebody_left(&mut self) {
        self.nobody_until = None;
    }

    /// The place of the agent that has been gone for the longest at `now`; none while all live.
    pub(super) fn first(
        &mut self,
        agents: &Slab<Agent>,
        settings: &FleetSettings,
        now: Moment,
    ) -> Option<usize> {
        if let Some(first) = self.first_found(agents, settings, now) {
            return Some(first);
        }
        if self.nobody_until.is_some_and(|until| now < until) {
            return None;
        }
        let mut gone: Vec<(Moment, usize)> =
            agents.iter().filter_map(|(index, agent)| Some((since(agent, settings, now)?, index))).collect();
        if gone.len() > FOUND_MAX {
            gone.select_nth_unstable(FOUND_MAX);
            gone.truncate(FOUND_MAX);
        }
        gone.sort_unstable();
        self.found = gone.into();
        self.nobody_until = self.found.is_empty().then(|| now.plus(NOBODY_FOR));
        self.first_found(agents, settings, now)
    }

    /// The first of those found that is still gone, and has been all the while.
    fn first_found(&mut self, agents: &Slab<Agent>, settings: &FleetSettings, now: Moment) -> Option<usize> {
        while let Some(&(gone_since, index)) = self.found.front() {
            let still = agents.get(index).and_then(|agent| since(agent, settings, now));
            if still == Some(gone_since) {
                return Some(index);
            }
            self.found.pop_front();
        }
        None
    }
}

/// Since when an agent is gone that may make room.
fn since(agent: &Agent, settings: &FleetSettings, now: Moment) -> Option<Moment> {
    if agent.expected { None } else { agent.gone_since(settings, now) }
}
