//! The truth about one agent: what it has read, so what it must have measured, and so what may be shown of it.
//!
//! An agent counts a sample when it measured 0.5 s to 1.5 s, by its own clock. From outside that is certain only
//! well inside or outside of these bounds. A reading in between is unsure until something that is shown settles
//! it: only one of the two possibilities fits, as no two samples are alike.

mod settle;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::distribution::Distribution;
use crate::machine::{CpuTimes, utilization};

/// An interval within these bounds, seen from outside, is a sample for certain.
const SURELY_COUNTED: (Duration, Duration) = (Duration::from_millis(800), Duration::from_millis(1_200));

/// From this length on it is none for certain.
const SURELY_MISSED: Duration = Duration::from_millis(2_500);

/// Within these bounds an agent counts what it has measured, by its own clock.
const COUNTED: (Duration, Duration) = (Duration::from_millis(500), Duration::from_millis(1_500));

/// An agent's totals, as they are shown or as they should be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// CPU time by mode, in microseconds.
    pub cpu: CpuTimes,
    /// All samples.
    pub samples: Distribution,
}

/// Whether a reading became a sample of the histogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// It did.
    Counted,
    /// It did not.
    Missed,
    /// Nobody can tell yet.
    Unsure {
        /// What the times seen from outside suggest.
        likely: bool,
    },
}

/// An agent read its `/proc/stat`.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// Which one.
    pub version: usize,
    /// When, as seen from outside.
    pub at: Instant,
    /// The utilization since the reading before, in millionths; none for a process's first reading, and when
    /// it found the same version again.
    pub utilization: Option<u64>,
    /// Whether that counts.
    pub weight: Weight,
    /// The account that it belongs to.
    pub account: usize,
    /// The histogram after it, once that is settled.
    pub after: Option<Distribution>,
}

/// Readings of one histogram: those of one process, or of all if the agent keeps its histogram.
#[derive(Clone, Copy, Debug)]
pub struct Account {
    /// Its first reading.
    pub first: usize,
    /// How it ended, if another one follows.
    pub end: Option<End>,
    /// The first reading that is not settled.
    settled: usize,
}

/// The end of an agent's process.
#[derive(Clone, Copy, Debug)]
pub struct End {
    /// When it was certainly over.
    pub at: Instant,
    /// Whether it was killed; else it said bye.
    pub killed: bool,
    /// Whether an exporter was taking its samples until then.
    pub connected: bool,
}

/// Why something that is shown cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Untrue {
    /// These CPU seconds never were.
    #[error("its CPU seconds are those of no moment")]
    NeverWas,
    /// These CPU seconds were, but the agent cannot know.
    #[error("the agent has not read these CPU seconds (version {version})")]
    NeverRead {
        /// Of its `/proc/stat`.
        version: usize,
    },
    /// The reading is not one that an agent sends.
    #[error("the agent has measured nothing at reading {reading}")]
    NoSample {
        /// Counted from the agent's first.
        reading: usize,
    },
    /// It has another histogram.
    #[error(
        "its histogram has {shown} samples at reading {reading}, where {possible} are right, or others of them"
    )]
    OtherSamples {
        /// Counted from the agent's first.
        reading: usize,
        /// How many there are.
        shown: u64,
        /// How many there can be at most.
        possible: u64,
    },
}

/// All that is known of one agent.
#[derive(Debug)]
pub struct History {
    keeps: bool,
    times: Vec<CpuTimes>,
    versions: HashMap<CpuTimes, usize>,
    readings: Vec<Reading>,
    /// The first reading of each version that was read.
    first_readings: HashMap<usize, usize>,
    accounts: Vec<Account>,
    /// Whether the process has not read anything yet.
    fresh: bool,
}

impl History {
    /// An agent that has not read anything yet; `keeps` says whether it keeps its histogram over a restart.
    pub fn new(keeps: bool) -> Self {
        Self {
            keeps,
            times: Vec::new(),
            versions: HashMap::new(),
            readings: Vec::new(),
            first_readings: HashMap::new(),
            accounts: vec![Account { first: 0, end: None, settled: 0 }],
            fresh: true,
        }
    }

    /// Its machine has another CPU time now; gives the number of this version.
    pub fn machine_is_at(&mut self, times: CpuTimes) -> usize {
        let version = self.times.len();
        self.times.push(times);
        self.versions.insert(times, version);
        version
    }

    /// It has read this version.
    pub fn has_read(&mut self, version: usize, at: Instant) {
        let before = if self.fresh { None } else { self.readings.last() };
        let times = self.times.get(version).copied().unwrap_or_default();
        let utilization = before.and_then(|before| utilization(&self.cpu(before), &times));
        let interval = before.map(|before| at.duration_since(before.at));
        let weight = match (utilization, interval) {
            (Some(_), Some(interval)) => weight(interval),
            _ => Weight::Missed,
        };
        let account = self.accounts.len() - 1;
        self.first_readings.entry(version).or_insert(self.readings.len());
        self.readings.push(Reading { version, at, utilization, weight, account, after: None });
        self.fresh = false;
    }

    /// Its process is over. What it reads from now on, another process reads.
    pub fn has_ended(&mut self, end: End) {
        let next = self.readings.len();
        if let Some(last) = self.readings.last_mut()
            && end.killed
            && last.weight == Weight::Counted
            && last.after.is_none()
        {
            // Killed between reading and keeping.
            last.weight = Weight::Unsure { likely: true };
        }
        if !self.keeps {
            if let Some(account) = self.accounts.last_mut() {
                account.end = Some(end);
            }
            self.accounts.push(Account { first: next, end: None, settled: next });
        }
        self.fresh = true;
    }

    /// What an exporter knew when its last process ended was never seen.
    pub fn end_was_unseen(&mut self) {
        if let Some(end) = self.accounts.iter_mut().rev().find_map(|account| account.end.as_mut()) {
            end.connected = false;
        }
    }

    /// Which reading it is whose totals are shown.
    ///
    /// # Errors
    ///
    /// When these totals never were.
    pub fn recognise(&mut self, shown: &Totals) -> Result<usize, Untrue> {
        let &version = self.versions.get(&shown.cpu).ok_or(Untrue::NeverWas)?;
        let &reading = self.first_readings.get(&version).ok_or(Untrue::NeverRead { version })?;
        if self.readings[reading].utilization.is_none() {
            return Err(Untrue::NoSample { reading });
        }
        let possible = match self.readings[reading].after {
            Some(after) => after,
            None => self.settle(reading, &shown.samples),
        };
        if possible == shown.samples {
            return Ok(reading);
        }
        Err(Untrue::OtherSamples { reading, shown: shown.samples.count(), possible: possible.count() })
    }

    /// Decides what nothing has decided so far by what is likely: of these samples nothing was ever shown.
    pub fn settle_the_rest(&mut self) {
        for reading in &mut self.readings {
            if let Weight::Unsure { likely } = reading.weight {
                reading.weight = if likely { Weight::Counted } else { Weight::Missed };
            }
        }
    }

    /// Whether the agent keeps its histogram over a restart.
    pub const fn keeps(&self) -> bool {
        self.keeps
    }

    /// Every reading so far.
    pub fn readings(&self) -> &[Reading] {
        &self.readings
    }

    /// Every account so far.
    pub fn accounts(&self) -> &[Account] {
        &self.accounts
    }

    /// CPU time as of a reading.
    pub fn cpu(&self, reading: &Reading) -> CpuTimes {
        self.times.get(reading.version).copied().unwrap_or_default()
    }

    /// The last reading that gave a sample: what its agent has said last, if it could say it.
    pub fn last_sample(&self) -> Option<usize> {
        self.readings.iter().rposition(|reading| reading.utilization.is_some())
    }

    /// How many samples were counted in the readings of an account up to `last`.
    pub fn counted(&self, account: usize, last: usize) -> u64 {
        let first = self.accounts.get(account).map_or(usize::MAX, |account| account.first);
        let readings = self.readings.get(first..=last).unwrap_or_default();
        let counted = |reading: &&Reading| reading.account == account && reading.weight == Weight::Counted;
        readings.iter().filter(counted).count() as u64
    }
}

/// What an interval, seen from outside, says about its sample.
fn weight(interval: Duration) -> Weight {
    if (SURELY_COUNTED.0..=SURELY_COUNTED.1).contains(&interval) {
        Weight::Counted
    } else if interval >= SURELY_MISSED {
        Weight::Missed
    } else {
        Weight::Unsure { likely: (COUNTED.0..=COUNTED.1).contains(&interval) }
    }
}
