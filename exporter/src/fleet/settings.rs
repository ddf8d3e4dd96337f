//! How the fleet decides.

use cpumon_protocol::model::{AgentName, Micros};

/// Times and bounds of the fleet.
#[derive(Clone, Debug)]
pub struct FleetSettings {
    /// After how many of its intervals a silent agent counts as gone, ...
    pub stale_intervals: u64,
    /// ... but never before this time.
    pub stale_min: Micros,
    /// How long totals are shown after an agent's end, so that the last of them reaches Prometheus.
    pub totals_linger: Micros,
    /// How long after the start those that are not back yet are not reported as gone.
    pub start_grace: Micros,
    /// How long an agent that is gone is remembered.
    pub forget_after: Micros,
    /// Within how many of its intervals a name is still held by an agent that was heard.
    pub conflict_intervals: u64,
    /// The most agents that are known at once.
    pub max_agents: usize,
    /// The most cores, of all agents together, whose totals are kept.
    pub max_cores: usize,
    /// How long after somebody has looked at an agent's cores it is still asked for them.
    pub cores_linger: Micros,
    /// Names that are missed when they are not there, even after bye.
    pub expected: Vec<AgentName>,
}

impl Default for FleetSettings {
    fn default() -> Self {
        Self {
            stale_intervals: 5,
            stale_min: Micros::from_secs(5),
            totals_linger: Micros::from_secs(60),
            start_grace: Micros::from_secs(60),
            forget_after: Micros::from_secs(24 * 60 * 60),
            conflict_intervals: 3,
            max_agents: 10_000,
            max_cores: 100_000,
            cores_linger: Micros::from_secs(180),
            expected: Vec::new(),
        }
    }
}

impl FleetSettings {
    /// After which silence an agent that promised a sample every `interval` counts as gone.
    pub fn stale_after(&self, interval: Micros) -> Micros {
        interval.saturating_mul(self.stale_intervals).max(self.stale_min)
    }
}
