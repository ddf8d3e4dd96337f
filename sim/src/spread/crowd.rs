//! All agents and exporters, and what is counted about them.

use cpumon_agent::link::rendezvous::{Place, weight};
use cpumon_protocol::model::{Micros, Moment};

use super::agent::Agent;
use super::desk::{Desk, Presence};
use super::events::{Occurrence, What};
use super::scenario::Settings;
use crate::queue::Queue;

/// What is counted from one happening to the next.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Look-ups of the exporters' name in each second.
    pub(super) lookups: Vec<u32>,
    /// Attempts that failed, for whatever reason.
    pub(super) failures: u64,
    /// When each that had lost its exporter was answered by one again, in microseconds after the happening; one number
    /// for each time.
    pub(super) back: Vec<u64>,
    /// When an agent came to another exporter by a look of its own, likewise.
    pub(super) moved: Vec<u64>,
    /// Samples that came to an exporter while another one showed the same agent.
    pub(super) shown_twice: u64,
}

/// The agents, the exporters and the time.
#[derive(Debug)]
pub(super) struct Crowd {
    pub(super) now: Moment,
    pub(super) agents: Vec<Agent>,
    pub(super) desks: Vec<Desk>,
    /// What a look-up of the name gives.
    pub(super) listed: Vec<Place>,
    pub(super) queue: Queue<Moment, Occurrence>,
    /// How long an exporter takes for a hello.
    pub(super) hello_cost: Micros,
    /// How many agents are not being answered.
    pub(super) unsettled: usize,
    /// The last happening.
    pub(super) since: Moment,
    pub(super) counts: Counts,
    /// Memory for what a link sends.
    pub(super) out: Vec<u8>,
}

impl Crowd {
    /// Nobody is connected; each agent measures for the first time within the first second.
    pub(super) fn new(settings: &Settings) -> Self {
        let mut random = fastrand::Rng::with_seed(settings.seed);
        let agents: Vec<_> = (0..settings.agents)
            .filter_map(|number| Agent::new(number, settings.look_interval, &mut random))
            .collect();
        let mut crowd = Self {
            now: Moment(0),
            unsettled: agents.len(),
            agents,
            desks: (0..settings.exporters).map(Desk::new).collect(),
            listed: Vec::new(),
            queue: Queue::default(),
            hello_cost: Micros(1_000_000 / u64::from(settings.hellos_per_second.max(1))),
            since: Moment(0),
            counts: Counts::default(),
            out: Vec::new(),
        };
        crowd.list();
        for agent in 0..crowd.agents.len() {
            crowd.keep_ticking(agent);
        }
        crowd
    }

    /// What happens from now on is counted anew.
    pub(super) fn begin(&mut self) {
        self.since = self.now;
        self.counts = Counts::default();
        for desk in &mut self.desks {
            desk.begin(self.now);
        }
    }

    /// Time passes until `is_enough`, at most up to `until`.
    pub(super) fn run(&mut self, until: Moment, is_enough: impl Fn(&Self) -> bool) {
        while !is_enough(self) {
            let Some((at, occurrence)) = self.queue.next_before(until) else {
                self.now = until;
                return;
            };
            self.now = self.now.max(at);
            self.happen(occurrence);
        }
    }

    /// The name has the addresses of those that are listed.
    pub(super) fn list(&mut self) {
        self.listed = self.desks.iter().filter(|desk| desk.is_listed).map(|desk| desk.place).collect();
    }

    /// An exporter is gone. If its process alone is, its system tells everybody who was connected; if the machine is,
    /// nobody is told, and the next sample is not answered.
    pub(super) fn take_away(&mut self, desk: usize, presence: Presence) {
        self.desks[desk].end(presence);
        for number in 0..self.agents.len() {
            let agent = &mut self.agents[number];
            let (at, is_there) = (self.now.plus(agent.delay), |conn: &super::agent::Conn| conn.desk == desk);
            if agent.shown.is_some_and(|(shown, ..)| shown == desk) {
                agent.shown = None;
            }
            if agent.first.as_ref().is_some_and(is_there) {
                self.unsettle(number);
                if presence == Presence::Silent {
                    self.keep_ticking(number);
                }
            }
            let agent = &self.agents[number];
            if presence == Presence::Refusing {
                for conn in [agent.first, agent.second].into_iter().flatten().filter(is_there) {
                    self.queue.schedule(at, Occurrence::new(number, conn.id, What::Lost));
                }
            }
        }
    }

    /// An exporter is back, or there for the first time.
    pub(super) fn bring_back(&mut self, desk: usize) {
        if desk == self.desks.len() {
            self.desks.push(Desk::new(desk));
        }
        self.desks[desk].presence = Presence::Open;
    }

    /// Where each agent's samples are answered.
    pub(super) fn placement(&self) -> Vec<Option<usize>> {
        self.agents.iter().map(|agent| agent.shown.map(|(desk, ..)| desk)).collect()
    }

    /// The exporter that each agent prefers of those that are open and listed.
    pub(super) fn preferred(&self) -> Vec<Option<usize>> {
        let open: Vec<(usize, &Desk)> = (self.desks.iter().enumerate())
            .filter(|(_, desk)| desk.presence == Presence::Open && desk.is_listed)
            .collect();
        let best =
            |agent: &Agent| open.iter().max_by_key(|(_, desk)| weight(&agent.name, desk.place.address));
        self.agents.iter().map(|agent| best(agent).map(|(number, _)| *number)).collect()
    }

    /// How many agents are at another one than that.
    pub(super) fn misplaced(&self) -> usize {
        self.placement().iter().zip(self.preferred()).filter(|(at, preferred)| **at != *preferred).count()
    }

    /// Its samples are not answered any more.
    pub(super) fn unsettle(&mut self, agent: usize) {
        if std::mem::take(&mut self.agents[agent].is_settled) {
            self.unsettled += 1;
        }
    }

    /// A sample of its was answered. Says whether none was before.
    pub(super) fn settle(&mut self, agent: usize) -> bool {
        let was_settled = std::mem::replace(&mut self.agents[agent].is_settled, true);
        if !was_settled {
            self.unsettled -= 1;
        }
        !was_settled
    }

    /// It measures each second, until it is settled.
    pub(super) fn keep_ticking(&mut self, agent: usize) {
        let at = self.agents[agent].next_tick(self.now);
        if !std::mem::replace(&mut self.agents[agent].has_tick, true) {
            self.queue.schedule(at, Occurrence::new(agent, 0, What::Tick));
        }
    }
}
