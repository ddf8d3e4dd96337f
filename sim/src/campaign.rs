//! Many seeds, one after the other.

use std::time::{Duration, Instant};

use cpumon_protocol::model::Micros;

use crate::plan::{Bounds, Plan};
use crate::sabotage::Sabotage;
use crate::time::Time;
use crate::world::{self, Failure, History, Invariant, Losses, Options, Tally, Violation};

/// One seed in so many is run a second time without one agent's faults.
const TWIN_EVERY: u64 = 10;

/// What many seeds came to.
#[derive(Debug, Default)]
pub struct Report {
    /// Seeds that were run.
    pub seeds: u64,
    /// Of these, those that were run a second time without one agent's faults.
    pub twins: u64,
    /// All tallies together.
    pub total: Tally,
    /// From the end of the faults to an agent's first answer, one for each agent that lived.
    pub back_after: Vec<Micros>,
    /// How long it took.
    pub wall: Duration,
}

/// Runs one seed; with its twin, if it is its turn.
///
/// # Errors
///
/// The first invariant that does not hold.
pub fn run_seed(seed: u64, bounds: Bounds, sabotage: Option<Sabotage>) -> Result<(Tally, bool), Failure> {
    let plan = Plan::draw(seed, bounds);
    let has_twin = seed.is_multiple_of(TWIN_EVERY);
    let options = Options { sabotage, keeps_digests: has_twin, ..Options::default() };
    let history = world::run(&plan, options)?;
    if has_twin {
        let victim = (seed / TWIN_EVERY) as usize % plan.agents.len();
        let twin = world::run(&plan.without_faults_of(victim), options)?;
        compare(seed, victim, &history, &twin)?;
    }
    Ok((history.tally, has_twin))
}

/// Everybody but the victim has to look the same in both histories.
fn compare(seed: u64, victim: usize, history: &History, twin: &History) -> Result<(), Failure> {
    let differs = |(scrape, (one, other)): (usize, (&Vec<u64>, &Vec<u64>))| {
        let agent = (0..one.len()).find(|&agent| agent != victim && one[agent] != other[agent])?;
        Some(format!("without the faults of agent {victim}, page {scrape} shows agent {agent} differently"))
    };
    let difference = history.digests.iter().zip(&twin.digests).enumerate().find_map(differs);
    let lengths = (history.digests.len(), twin.digests.len());
    let difference = difference.or_else(|| (lengths.0 != lengths.1).then(|| format!("{lengths:?} pages")));
    match difference {
        Some(detail) => {
            let violation = Violation { invariant: Invariant::Independent, at: Time(0), detail };
            Err(Failure { seed, violation, trace: history.trace.clone() })
        }
        None => Ok(()),
    }
}

/// Runs the seeds of the range until one fails. `progress` is told after each one.
///
/// # Errors
///
/// The first seed that fails.
pub fn run(
    seeds: std::ops::Range<u64>,
    bounds: Bounds,
    mut progress: impl FnMut(&Report),
) -> Result<Report, Failure> {
    let start = Instant::now();
    let mut report = Report::default();
    for seed in seeds {
        let (tally, has_twin) = run_seed(seed, bounds, None)?;
        report.add(&tally, has_twin);
        report.wall = start.elapsed();
        progress(&report);
    }
    Ok(report)
}

impl Report {
    fn add(&mut self, tally: &Tally, has_twin: bool) {
        self.seeds += 1;
        self.twins += u64::from(has_twin);
        let total = &mut self.total;
        for (sum, part) in [
            (&mut total.steps, tally.steps),
            (&mut total.faults, tally.faults),
            (&mut total.replays, tally.replays),
            (&mut total.moves, tally.moves),
            (&mut total.frames, tally.frames),
            (&mut total.acked, tally.acked),
            (&mut total.scrapes, tally.scrapes),
            (&mut total.made, tally.made),
            (&mut total.counted, tally.counted),
        ] {
            *sum += part;
        }
        total.lost.add(&tally.lost);
        total.gauge_age_max = total.gauge_age_max.max(tally.gauge_age_max);
        total.dead_gauge_max = total.dead_gauge_max.max(tally.dead_gauge_max);
        self.back_after.extend(tally.healed.iter().flatten().flatten());
    }

    /// Median and maximum of the times to come back.
    pub fn back(&self) -> (Micros, Micros) {
        let mut sorted = self.back_after.clone();
        sorted.sort_unstable();
        let at = |index: usize| sorted.get(index).copied().unwrap_or(Micros::ZERO);
        (at(sorted.len() / 2), at(sorted.len().saturating_sub(1)))
    }

    /// The losses.
    pub const fn lost(&self) -> &Losses {
        &self.total.lost
    }
}
