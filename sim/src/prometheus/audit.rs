//! What Prometheus holds for an agent, and how it came to differ from the truth.
//!
//! The increase is taken as `increase()` takes it: a value below the one before it is a reset and counts whole. Beside it
//! stands an account of what the record has passed over, with the reason for each sample.

use crate::ledger::{Ledger, Made};
use crate::totals::{self, COUNT, SERIES, Totals};

use super::Point;

/// Samples that were made and that Prometheus does not hold, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// Their agent died before an exporter had answered them.
    pub unanswered: u64,
    /// The exporter that had answered them died, too, before a scrape.
    pub exporter_died: u64,
    /// Their agent came back with new totals before a scrape had seen them, or no scrape came for a minute.
    pub unscraped: u64,
    /// Their agent came back elsewhere with new totals, and was scraped there before the rules had run.
    pub unevaluated: u64,
    /// A restart that Prometheus could not see: the new totals had passed the old ones by the next scrape.
    pub hidden_restart: u64,
}

impl Losses {
    /// All of them.
    pub const fn sum(&self) -> u64 {
        self.unanswered + self.exporter_died + self.unscraped + self.unevaluated + self.hidden_restart
    }

    /// Adds those of another.
    pub const fn add(&mut self, other: &Self) {
        self.unanswered += other.unanswered;
        self.exporter_died += other.exporter_died;
        self.unscraped += other.unscraped;
        self.unevaluated += other.unevaluated;
        self.hidden_restart += other.hidden_restart;
    }
}

/// A record that fell although the agent's total did not.
#[derive(Debug)]
pub(crate) struct Fall(pub(crate) String);

/// The account of one agent.
#[derive(Debug)]
pub(crate) struct Account {
    /// What Prometheus holds: the first value and all increases.
    pub(crate) held: Totals,
    /// The last record of each series, and the sample that it is of.
    last: [Option<(u64, usize)>; SERIES],
    /// What the record has passed over.
    passed_over: Totals,
    pub(crate) losses: Losses,
}

impl Default for Account {
    fn default() -> Self {
        Self { held: [0; SERIES], last: [None; SERIES], passed_over: [0; SERIES], losses: Losses::default() }
    }
}

impl Account {
    /// The rules have recorded what these points show.
    pub(crate) fn record(
        &mut self,
        points: &[Point],
        ledger: &Ledger,
        is_alive: impl Fn(usize, u32) -> bool,
    ) -> Result<(), Fall> {
        for series in 0..SERIES {
            let Some(point) = points.iter().max_by_key(|point| point.totals[series]) else { return Ok(()) };
            let value = point.totals[series];
            let Some(sample) = ledger.find(point.totals[totals::MARK]) else { continue };
            let before = self.last[series].replace((value, sample));
            self.held[series] += match before {
                Some((last, _)) if value >= last => value - last,
                _ => value,
            };
            self.step(series, before, value, sample, ledger, &is_alive)?;
        }
        Ok(())
    }

    fn step(
        &mut self,
        series: usize,
        before: Option<(u64, usize)>,
        value: u64,
        sample: usize,
        ledger: &Ledger,
        is_alive: &impl Fn(usize, u32) -> bool,
    ) -> Result<(), Fall> {
        let epoch = ledger.get(sample).epoch(series);
        let last_epoch = before.map(|(_, last)| ledger.get(last).epoch(series));
        if let Some((last, place)) = before {
            if last_epoch > Some(epoch) || (last_epoch == Some(epoch) && value < last) {
                return Err(Fall(format!(
                    "{} went from {last} (sample {place}) back to {value} (sample {sample})",
                    totals::name(series)
                )));
            }
            if last_epoch == Some(epoch) {
                return Ok(());
            }
            if value >= last {
                self.passed_over[series] += last;
                if series == COUNT {
                    self.losses.hidden_restart += last;
                }
            }
        }
        self.pass_over(series, before, epoch, ledger, is_alive);
        Ok(())
    }

    /// Epochs up to `until` are over for Prometheus; the first of them from the record `before` on.
    fn pass_over(
        &mut self,
        series: usize,
        before: Option<(u64, usize)>,
        until: usize,
        ledger: &Ledger,
        is_alive: &impl Fn(usize, u32) -> bool,
    ) {
        let first = before.map_or(0, |(_, place)| ledger.get(place).epoch(series));
        for epoch in first..until {
            let seen = before.filter(|_| epoch == first);
            self.passed_over[series] += ledger.final_of(series, epoch) - seen.map_or(0, |(last, _)| last);
            if series == COUNT {
                for (made, added) in ledger.after(epoch, seen.map(|(_, place)| place)) {
                    *self.reason(made, is_alive) += added;
                }
            }
        }
    }

    fn reason(&mut self, made: &Made, is_alive: &impl Fn(usize, u32) -> bool) -> &mut u64 {
        match made.acked {
            _ if made.is_scraped => &mut self.losses.unevaluated,
            None => &mut self.losses.unanswered,
            Some((exporter, life)) if !is_alive(exporter, life) => &mut self.losses.exporter_died,
            Some(_) => &mut self.losses.unscraped,
        }
    }

    /// The end of the history: what is left of the last epoch is over, too, if the agent is dead.
    pub(crate) fn close(&mut self, ledger: &Ledger, is_alive: impl Fn(usize, u32) -> bool) {
        for series in 0..SERIES {
            let before = self.last[series];
            self.pass_over(series, before, ledger.last_epoch(series) + 1, ledger, &is_alive);
        }
    }

    /// The series that is above the truth, if there is one.
    pub(crate) fn above(&self, truth: &Totals) -> Option<usize> {
        (0..SERIES).find(|&series| self.held[series] > truth[series])
    }

    /// The series in which what is held and what is explained are not all that was made, if there is one.
    pub(crate) fn unexplained(&self, truth: &Totals) -> Option<usize> {
        (0..SERIES).find(|&series| self.held[series] + self.passed_over[series] != truth[series])
    }

    /// The newest sample that Prometheus holds.
    pub(crate) fn newest(&self) -> Option<usize> {
        self.last[totals::MARK].map(|(_, sample)| sample)
    }
}
