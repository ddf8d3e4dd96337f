//! The end: who is back, and what became of every sample.

use cpumon_protocol::model::Micros;

use super::{Invariant, Losses, Violation, World};
use crate::totals::COUNT;

/// After the faults are over, everybody is back within this time; who sends rarely has three of its intervals more.
pub(super) const BACK_WITHIN: Micros = Micros::from_secs(15);

/// What was counted in a run.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Events.
    pub steps: u64,
    /// Faults that struck.
    pub faults: u64,
    /// Connections that the replayer made.
    pub replays: u64,
    /// Moves to an exporter that the agent prefers.
    pub moves: u64,
    /// Sample frames that were sent.
    pub frames: u64,
    /// Answers that came back.
    pub acked: u64,
    /// Pages that Prometheus got.
    pub scrapes: u64,
    /// One-second samples that agents have made.
    pub made: u64,
    /// Those that Prometheus holds in the end.
    pub counted: u64,
    /// Those that it does not hold.
    pub lost: Losses,
    /// The oldest gauge that was shown, in thousandths of its agent's interval.
    pub gauge_age_max: u64,
    /// The longest that a gauge of a dead agent was still shown, of those that send each second.
    pub dead_gauge_max: Micros,
    /// By agent: from the end of the faults to the first answer.
    pub healed: Option<Vec<Option<Micros>>>,
}

/// From a move to the first sample at the other exporter, over a slow network.
const MOVE_MAX: Micros = Micros::from_secs(2);

impl World<'_> {
    /// Whoever lives is up somewhere.
    pub(super) fn check_healed(&mut self) -> Result<(), Violation> {
        for agent in 0..self.agents.len() {
            let host = &self.agents[agent];
            let back_within = BACK_WITHIN.saturating_add(Micros(3 * (host.interval.0 - 1_000_000)));
            let Some(process) = &host.process else { continue };
            // Between bye and the first sample at the other exporter it is up nowhere, for a moment.
            let moves =
                process.second.is_some() || process.moved.is_some_and(|at| self.now.since(at) < MOVE_MAX);
            // Who was asked to stop while he was paused is started later than the others.
            if moves || self.now.since(self.plan.heal.max(process.started)) < back_within {
                continue;
            }
            let is_up = self.exporters.iter().any(|exporter| {
                let now = exporter.clock.mono(self.now);
                let mut is_up = false;
                if let Some(process) = &exporter.process {
                    process.desk.fleet().visit(0, usize::MAX, now, |view| {
                        is_up |= view.name() == host.name.as_str() && view.up() == Some(true);
                    });
                }
                is_up
            });
            if !is_up {
                let why = format!("agent {agent} lives and is not up anywhere: {:?}", process.link);
                return Err(self.violated(Invariant::BackInTime, why));
            }
        }
        let slow = self.agents.iter().map(|host| host.interval).max().unwrap_or(Micros::ZERO);
        let last = self.plan.heal.plus(BACK_WITHIN).plus(Micros(3 * slow.0.saturating_sub(1_000_000)));
        if self.now < last {
            self.queue.schedule(last, crate::events::Event::CheckHealed);
        }
        Ok(())
    }

    /// A last scrape of everything, and the account of every agent.
    pub(super) fn reckon(&mut self) -> Result<(), Violation> {
        for exporter in 0..self.exporters.len() {
            self.scrape(exporter)?;
        }
        self.evaluate()?;
        for agent in 0..self.agents.len() {
            let host = &self.agents[agent];
            let account = &mut self.accounts[agent];
            let ledger = &host.ledger;
            let newest = account.newest();
            if host.process.is_some() && newest.map(|sample| sample + 1) != Some(ledger.len()) {
                let why = format!(
                    "agent {agent} has made {} samples, Prometheus holds up to {newest:?}",
                    ledger.len()
                );
                return Err(self.violated(Invariant::NothingUnexplained, why));
            }
            let exporters = &self.exporters;
            account.close(ledger, |exporter, life| {
                exporters[exporter].process.is_some() && exporters[exporter].lives == life
            });
            if let Some(series) = account.unexplained(&ledger.truth) {
                let why = format!(
                    "agent {agent}: {} of {} are held, {:?} samples have a reason, {} were made",
                    account.held[series],
                    crate::totals::name(series),
                    account.losses,
                    ledger.truth[series]
                );
                return Err(self.violated(Invariant::NothingUnexplained, why));
            }
            self.tally.made += ledger.truth[COUNT];
            self.tally.counted += account.held[COUNT];
            self.tally.lost.add(&account.losses);
        }
        if self.tally.made != self.tally.counted + self.tally.lost.sum() {
            let why = format!("{:?} do not add up", self.tally);
            return Err(self.violated(Invariant::NothingUnexplained, why));
        }
        Ok(())
    }
}
