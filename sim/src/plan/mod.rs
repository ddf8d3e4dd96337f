//! What is to happen in a seed, drawn before anything happens.

mod draw;
mod fault;

use cpumon_protocol::model::Micros;

pub use fault::{Direction, Fault, Links, Oddity};

use crate::random::{Purpose, stream};
use crate::time::Time;

/// Bounds of what is drawn.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Simulated minutes, at least 4.
    pub minutes: u64,
    /// The fewest agents, ...
    pub agents_min: usize,
    /// ... and the most.
    pub agents_max: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { minutes: 10, agents_min: 5, agents_max: 50 }
    }
}

/// From the healing of all faults to the end.
const CALM: Micros = Micros::from_secs(90);

/// From the moment when each agent makes its last sample, the next one that is due and goes out, to the end.
const SETTLE: Micros = Micros::from_secs(12);

/// A fault, and when.
#[derive(Clone, Debug)]
pub struct Planned {
    /// When it strikes.
    pub at: Time,
    /// When it is over, if it is one that lasts.
    pub until: Option<Time>,
    /// The one agent that it concerns, if it concerns no other.
    pub agent: Option<usize>,
    /// What it is.
    pub fault: Fault,
}

/// What an agent is like.
#[derive(Clone, Copy, Debug)]
pub struct AgentPlan {
    /// When its process is started first.
    pub start: Time,
    /// How often it sends.
    pub interval: Micros,
    /// Whether it has a directory for its state.
    pub keeps_state: bool,
}

/// A whole history to be.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The seed it was drawn from.
    pub seed: u64,
    /// The agents.
    pub agents: Vec<AgentPlan>,
    /// For each exporter, whether its roster survives a restart.
    pub exporters: Vec<bool>,
    /// All faults.
    pub faults: Vec<Planned>,
    /// When all of them are over.
    pub heal: Time,
    /// When each agent makes its last sample, the next one that is due and goes out.
    pub freeze: Time,
    /// The end.
    pub end: Time,
}

impl Plan {
    /// The plan of `seed`.
    pub fn draw(seed: u64, bounds: Bounds) -> Self {
        let mut random = stream(seed, Purpose::Plan, 0);
        let end = Time(bounds.minutes.max(4) * 60_000_000);
        let heal = Time(end.0 - CALM.0);
        let agents = (0..random.usize(bounds.agents_min..=bounds.agents_max))
            .map(|_| AgentPlan {
                start: Time(random.u64(0..5_000_000)),
                interval: Micros::from_secs([1, 1, 1, 1, 1, 1, 2, 5][random.usize(0..8)]),
                keeps_state: random.bool(),
            })
            .collect::<Vec<_>>();
        let exporters = (0..random.usize(1..=4)).map(|_| random.bool()).collect::<Vec<_>>();
        let faults = draw::faults(seed, agents.len(), exporters.len(), heal);
        Self { seed, agents, exporters, faults, heal, freeze: Time(end.0 - SETTLE.0), end }
    }

    /// The same without the faults that concern this agent alone.
    pub fn without_faults_of(&self, agent: usize) -> Self {
        let faults = self.faults.iter().filter(|planned| planned.agent != Some(agent)).cloned().collect();
        Self { faults, ..self.clone() }
    }
}
