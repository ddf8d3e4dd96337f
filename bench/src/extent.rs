//! How much is measured.

use std::time::Duration;

/// How many runs, and how long.
#[derive(Clone, Debug)]
pub struct Extent {
    /// Runs of each measurement.
    pub runs: usize,
    /// How long an agent is watched in one run.
    pub agent_window: Duration,
    /// How many agents a fleet has; ascending.
    pub fleets: Vec<usize>,
    /// How long a fleet is watched in one run.
    pub fleet_window: Duration,
    /// How long a fleet is scraped in one run.
    pub scrape_window: Duration,
    /// How many agents come back after a restart.
    pub restart_agents: usize,
    /// How long the exporter is down before they do, in turns.
    pub downtimes: Vec<Duration>,
    /// How often that is done, each.
    pub restarts: usize,
}

/// Descriptors that an exporter keeps for other things, twice.
const RESERVE: usize = 1_024;

impl Extent {
    /// All of it: about twenty minutes. The largest fleet is what descriptors allow in one process.
    pub fn full() -> Self {
        let most = cpumon_load::descriptors::room().saturating_sub(RESERVE).min(19_000);
        Self {
            runs: 5,
            agent_window: Duration::from_secs(10),
            fleets: [1_000, 5_000, 10_000, most].into_iter().filter(|&fleet| fleet <= most).collect(),
            fleet_window: Duration::from_secs(5),
            scrape_window: Duration::from_secs(2),
            restart_agents: most.min(10_000),
            downtimes: vec![Duration::ZERO],
            restarts: 5,
        }
    }

    /// Restarts of the exporter alone, in two minutes and a half: at once, and after so long that most agents rest
    /// for the longest time that they ever do.
    pub fn restarts() -> Self {
        Self { downtimes: vec![Duration::ZERO, Duration::from_secs(30)], restarts: 3, ..Self::full() }
    }

    /// A first impression in less than two minutes.
    pub fn quick() -> Self {
        let full = Self::full();
        Self {
            runs: 2,
            agent_window: Duration::from_secs(5),
            fleets: full.fleets.into_iter().filter(|fleet| [1_000, 10_000].contains(fleet)).collect(),
            fleet_window: Duration::from_secs(3),
            scrape_window: Duration::from_secs(1),
            restarts: 1,
            ..full
        }
    }
}
