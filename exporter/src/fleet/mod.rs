//! The fleet: who is there, what each agent said last, and what of it may be shown when.
//!
//! A plain value: `now` comes in with every call, nothing here waits, reads a clock or does I/O. Every rule about
//! names, takeover, staleness and forgetting is here, and nowhere else.

mod agent;
mod detail;
mod gone;
mod roster;
mod settings;
mod shared;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::hint::black_box;
use std::net::SocketAddr;

use cpumon_protocol::model::{Hello, Histogram, Micros, Moment, Now, Ratio};
use cpumon_protocol::reject::{RejectReason, Rejection};
use slab::Slab;

pub use agent::{Agent, AgentView, Client, ConnectionId, End, Info, Reported};
use agent::{Ended, Heard, Life, Retired};
pub use detail::{Detail, Looked};
use gone::LongestGone;
pub use roster::{Roster, RosterError};
pub use settings::FleetSettings;
pub use shared::SharedFleet;

/// How many replaced runs of a name are remembered.
const RETIRED_MAX: usize = 4;

/// Where an agent stands in the fleet. It is a hint: the connection decides whether it is still meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place(usize);

/// By what right an agent has its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// By one that others have too: whoever holds the name keeps it.
    Shared,
    /// By a token of its own: whoever came last is it.
    Own,
}

/// An agent whose connection has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Departure {
    /// Its name.
    pub agent: Box<str>,
    /// Whether it is not to be missed.
    pub in_peace: bool,
}

/// All agents.
#[derive(Debug)]
pub struct Fleet {
    settings: FleetSettings,
    started: Moment,
    agents: Slab<Agent>,
    by_name: HashMap<Box<str>, usize>,
    longest_gone: LongestGone,
    /// Whether the roster has other names than when it was last taken.
    names_changed: bool,
    /// How many cores' totals are kept; counted anew by each sweep.
    cores_kept: usize,
}

impl Fleet {
    /// A fleet that begins at `now`, with those whom the settings expect and the roster remembers.
    pub fn new(settings: FleetSettings, roster: &Roster, now: Now) -> Self {
        let mut fleet = Self {
            started: now.mono,
            agents: Slab::new(),
            by_name: HashMap::new(),
            longest_gone: LongestGone::default(),
            names_changed: false,
            cores_kept: 0,
            settings,
        };
        for name in fleet.settings.expected.clone() {
            let index = fleet.entry(name.as_str());
            fleet.agents[index].expected = true;
        }
        for (name, &last_heard) in &roster.0 {
            let age = Micros(now.wall.0.saturating_sub(last_heard.0));
            let has_room =
                fleet.agents.len() < fleet.settings.max_agents || fleet.by_name.contains_key(name.as_str());
            if age < fleet.settings.forget_after && has_room {
                let until = now.mono.plus(fleet.settings.forget_after.saturating_sub(age));
                let index = fleet.entry(name.as_str());
                fleet.agents[index].remembered = Some((last_heard, until));
            }
        }
        fleet
    }

    /// Whether `hello` would be let in at `now`; says after which silence its agent will count as gone.
    /// It changes nothing that is shown: a name takes its place with its first sample.
    pub fn judge(&mut self, hello: &Hello, claim: Claim, now: Moment) -> Result<Micros, Rejection> {
        match self.by_name.get(hello.agent.as_str()).copied() {
            Some(_) if claim == Claim::Own => {}
            Some(index) => self.check_conflict(&self.agents[index], hello, now)?,
            None if self.agents.len() < self.settings.max_agents => {}
            None if self.longest_gone(now).is_some() => {}
            None => return Err(self.full()),
        }
        Ok(self.settings.stale_after(hello.interval))
    }

    /// The first sample of a connection: the agent takes its place, or takes it over.
    pub fn join(
        &mut self,
        conn: ConnectionId,
        endpoint: SocketAddr,
        hello: Hello,
        claim: Claim,
        reported: Reported,
        now: Now,
    ) -> Result<Place, Rejection> {
        self.judge(&hello, claim, now.mono)?;
        if let Some(&index) = self.by_name.get(hello.agent.as_str()) {
            check_newer(&self.agents[index], &hello, reported.seq)?;
        }
        let index = self.place_for(hello.agent.as_str(), now.mono)?;
        let ephemeral = hello.ephemeral;
        let agent = &mut self.agents[index];
        retire(agent, &hello);
        agent.replace(Life::v1(conn, endpoint, hello, reported, now));
        self.names_changed |= !ephemeral;
        Ok(Place(index))
    }

    /// A further sample of the connection `conn`, whose agent stands at `place`.
    pub fn update(
        &mut self,
        place: Place,
        conn: ConnectionId,
        reported: Reported,
        now: Now,
    ) -> Result<(), Rejection> {
        let life = self.held(place, conn)?;
        match &mut life.run {
            Some((_, last)) if reported.seq > *last => *last = reported.seq,
            _ => return Err(stale()),
        }
        life.sample = reported.sample;
        life.heard = Heard { at: now.mono, wall: now.wall, measured_after: reported.measured_after };
        Ok(())
    }

    /// The first sample of a client of the original: it is known by its `endpoint`.
    pub fn join_original(
        &mut self,
        conn: ConnectionId,
        endpoint: SocketAddr,
        utilization: Ratio,
        now: Now,
    ) -> Result<Place, Rejection> {
        let index = self.place_for(&endpoint.to_string(), now.mono)?;
        self.agents[index].replace(Life::original(conn, endpoint, now));
        let place = Place(index);
        self.update_original(place, conn, utilization, now)?;
        Ok(place)
    }

    /// A further sample of a client of the original. Its histogram is kept here, since it keeps none.
    pub fn update_original(
        &mut self,
        place: Place,
        conn: ConnectionId,
        utilization: Ratio,
        now: Now,
    ) -> Result<(), Rejection> {
        let life = self.held(place, conn)?;
        life.sample.utilization = utilization;
        life.sample.histogram.get_or_insert_with(Histogram::default).observe(utilization);
        life.heard = Heard { at: now.mono, wall: now.wall, measured_after: now.mono };
        Ok(())
    }

    /// The connection `conn` has ended; whose it was, unless another connection holds the name.
    pub fn leave(&mut self, place: Place, conn: ConnectionId, end: End, now: Moment) -> Option<Departure> {
        let agent = self.agents.get_mut(place.0)?;
        let life = agent.life.as_mut().filter(|life| life.holder == Some(conn))?;
        life.holder = None;
        let in_peace = end == End::Bye || life.ephemeral;
        life.ended = Some(Ended { at: now, in_peace });
        self.longest_gone.somebody_left();
        agent.disconnects[end as usize] += 1;
        if let Some(look) = &mut agent.look {
            look.wake();
        }
        self.names_changed |= end == End::Bye;
        Some(Departure { agent: agent.name.clone(), in_peace })
    }

    /// Forgets those whose time is over.
    pub fn sweep(&mut self, now: Moment) {
        let settings = &self.settings;
        let by_name = &mut self.by_name;
        let before = by_name.len();
        self.agents.retain(|_, agent| {
            let keep = !agent.is_forgotten(settings, now);
            if !keep {
                by_name.remove(&agent.name);
            }
            keep
        });
        self.names_changed |= by_name.len() != before;
        self.sweep_details(now);
    }

    /// Whether those who were there before its start have had the time to come back.
    pub fn is_settled(&self, now: Moment) -> bool {
        now.since(self.started) >= self.settings.start_grace
    }

    /// How many agents are known.
    pub fn len(&self) -> usize {
        self.agents.len()
    }

    /// Whether nobody is known.
    pub fn is_empty(&self) -> bool {
        self.agents.is_empty()
    }

    /// Shows up to `count` agents from place `from` on as they are at `now`; the place to go on from, until
    /// there is none. So a long look may let go of the fleet in between.
    pub fn visit<'a>(
        &'a self,
        from: usize,
        count: usize,
        now: Moment,
        mut show: impl FnMut(AgentView<'a>),
    ) -> Option<usize> {
        let end = from.saturating_add(count);
        for index in from..end.min(self.agents.capacity()) {
            if let Some(agent) = self.agents.get(index) {
                show(agent.view(index, &self.settings, self.started, now));
            }
        }
        (end < self.agents.capacity()).then_some(end)
    }

    /// Brings what [`visit`](Self::visit) will show into the processor's cache. For many agents in a row that is waited for
    /// once; what a rule or a line asks for and is not there yet is waited for each time.
    pub fn touch(&self, from: usize, count: usize) {
        let end = from.saturating_add(count).min(self.agents.capacity());
        let agents = || (from..end).filter_map(|index| self.agents.get(index));
        black_box(agents().fold(0, |seen, agent| seen ^ agent.touch()));
        black_box(agents().fold(0, |seen, agent| seen ^ agent.touch_texts()));
    }

    /// The roster, if its names have changed since the last call.
    pub fn roster_if_changed(&mut self) -> Option<Roster> {
        std::mem::take(&mut self.names_changed).then(|| self.roster())
    }

    /// Who is to be missed after a restart, and when they were last heard.
    pub fn roster(&self) -> Roster {
        Roster(self.agents.iter().filter_map(|(_, agent)| agent.for_roster()).collect())
    }

    /// The life that `conn` holds at `place`.
    fn held(&mut self, place: Place, conn: ConnectionId) -> Result<&mut Life, Rejection> {
        self.agents
            .get_mut(place.0)
            .and_then(|agent| agent.life.as_deref_mut())
            .filter(|life| life.holder == Some(conn))
            .ok_or(Rejection::new(RejectReason::Replaced, "another connection has taken over this name"))
    }

    /// A name belongs to the run that was heard lately.
    fn check_conflict(&self, agent: &Agent, hello: &Hello, now: Moment) -> Result<(), Rejection> {
        let Some(life) = &agent.life else { return Ok(()) };
        let silent = now.since(life.heard.at);
        let is_same = life.run.as_ref().is_some_and(|(run, _)| *run == hello.run);
        let is_held =
            life.holder.is_some() && silent < life.interval.saturating_mul(self.settings.conflict_intervals);
        if is_same || !is_held {
            return Ok(());
        }
        Err(Rejection::with(
            RejectReason::NameConflict,
            format!(
                "the name {} is in use by another agent, heard {} ms ago; set AGENT_NAME to a name of its own",
                hello.agent,
                silent.as_millis()
            ),
        ))
    }

    /// The place of `name`; where there is none and the fleet is full, the longest gone makes room.
    fn place_for(&mut self, name: &str, now: Moment) -> Result<usize, Rejection> {
        let is_new = !self.by_name.contains_key(name);
        if is_new && self.agents.len() >= self.settings.max_agents {
            let oldest = self.longest_gone(now).ok_or_else(|| self.full())?;
            let agent = self.agents.remove(oldest);
            self.by_name.remove(&agent.name);
            self.names_changed = true;
        }
        Ok(self.entry(name))
    }

    fn entry(&mut self, name: &str) -> usize {
        if let Some(&index) = self.by_name.get(name) {
            return index;
        }
        let index = self.agents.insert(Agent::new(name));
        self.by_name.insert(name.into(), index);
        index
    }

    fn longest_gone(&mut self, now: Moment) -> Option<usize> {
        self.longest_gone.first(&self.agents, &self.settings, now)
    }

    fn full(&self) -> Rejection {
        Rejection::with(
            RejectReason::FleetFull,
            format!(
                "the fleet is full with {} living agents; raise EXPORTER_MAX_AGENTS",
                self.settings.max_agents
            ),
        )
    }
}

/// A sample counts once: within a run only what is newer, and of a run that was replaced only what is newer
/// than what was known when that happened.
fn check_newer(agent: &Agent, hello: &Hello, seq: u64) -> Result<(), Rejection> {
    let current = agent.life.as_ref().and_then(|life| life.run.as_ref()).map(|(run, last)| (run, *last));
    let retired = agent.retired.iter().map(|retired| (&retired.run, retired.seq));
    let known = current.into_iter().chain(retired).find(|(run, _)| **run == hello.run);
    match known {
        Some((_, last)) if seq <= last => Err(stale()),
        _ => Ok(()),
    }
}

/// Remembers the run that the one of `hello` replaces.
fn retire(agent: &mut Agent, hello: &Hello) {
    agent.retired.retain(|retired| retired.run != hello.run);
    let current = agent.life.as_ref().and_then(|life| life.run.clone());
    if let Some((run, seq)) = current.filter(|(run, _)| *run != hello.run) {
        if agent.retired.len() == RETIRED_MAX {
            agent.retired.remove(0);
        }
        agent.retired.push(Retired { run, seq });
    }
}

const fn stale() -> Rejection {
    Rejection::new(
        RejectReason::Stale,
        "this sample is not newer than what is known; count seq up within a run",
    )
}
