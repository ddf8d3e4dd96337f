//! Where each second went: into the histogram, or among the missed.
//!
//! A second that passed is counted once, in one of the two. A tick that gives a one-second sample counts for
//! one second; any other tick counts all seconds since the tick before as missed, at least one. Ticks are not
//! exactly a second apart, and what is left over is carried, so that the two sums together stay within a second
//! of the time passed, for ever.

use cpumon_protocol::model::{Histogram, Micros, Moment, Ratio};

const SECOND: i64 = Micros::from_secs(1).0 as i64;

/// The histogram, the seconds missed, and what is left over.
#[derive(Debug, Default)]
pub(super) struct Account {
    histogram: Histogram,
    missed: u64,
    last_tick: Option<Moment>,
    /// Time passed that is in neither sum yet; negative when they are ahead. In microseconds.
    carried: i64,
}

impl Account {
    pub(super) fn new(histogram: Histogram, missed: u64) -> Self {
        Self { histogram, missed, ..Self::default() }
    }

    /// The histogram, and the seconds missed.
    pub(super) const fn totals(&self) -> (Histogram, u64) {
        (self.histogram, self.missed)
    }

    /// A tick with a one-second sample.
    pub(super) fn measured(&mut self, now: Moment, sample: Ratio) {
        self.pass(now);
        self.histogram.observe(sample);
        self.carried -= SECOND;
        // Ticks that are each a little late add up to a second that no tick stands for.
        self.miss(self.carried / SECOND);
    }

    /// A tick without one. The very first tick has no time before it, so it misses none.
    pub(super) fn missed(&mut self, now: Moment) {
        let is_first = self.last_tick.is_none();
        self.pass(now);
        if !is_first {
            self.miss((self.carried + SECOND / 2).div_euclid(SECOND).max(1));
        }
    }

    fn pass(&mut self, now: Moment) {
        let span = self.last_tick.map_or(Micros::ZERO, |last| now.since(last));
        self.last_tick = Some(now);
        self.carried = self.carried.saturating_add(i64::try_from(span.0).unwrap_or(i64::MAX));
    }

    fn miss(&mut self, seconds: i64) {
        let seconds = seconds.max(0);
        self.missed = self.missed.saturating_add(seconds.unsigned_abs());
        self.carried -= seconds.saturating_mul(SECOND);
    }
}
