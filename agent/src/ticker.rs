//! When to sample: once a second on the monotonic clock, and never twice for one second.

use cpumon_protocol::model::{Micros, Moment};

/// The time between two ticks.
pub const PERIOD: Micros = Micros::from_secs(1);

const PERIOD_HALF: Micros = Micros(PERIOD.0 / 2);

/// A tick that comes later than this starts a new rhythm. Before that the rhythm is kept, so that late wake-ups
/// do not add up; after a pause there is one tick, not one for each second of the pause.
pub const TOLERANCE: Micros = Micros::from_millis(250);

/// The rhythm of sampling.
#[derive(Clone, Copy, Debug)]
pub struct Ticker {
    next: Moment,
}

impl Ticker {
    /// A rhythm whose first tick is at `first`.
    pub const fn starting(first: Moment) -> Self {
        Self { next: first }
    }

    /// When the next tick is due.
    pub const fn next(&self) -> Moment {
        self.next
    }

    /// Whether a tick is due at `now`; if so, it is taken, and the next one is set.
    pub fn take(&mut self, now: Moment) -> bool {
        if now < self.next {
            return false;
        }
        let in_rhythm = now.since(self.next) <= TOLERANCE;
        self.next = if in_rhythm { self.next } else { now }.plus(PERIOD);
        true
    }
}

/// How often a sample is due to be sent.
#[derive(Clone, Copy, Debug)]
pub struct Cadence {
    interval: Micros,
    next: Moment,
}

impl Cadence {
    /// One sample each `interval`, the first one at once.
    pub const fn every(interval: Micros) -> Self {
        Self { interval, next: Moment(0) }
    }

    /// Whether the sample of the tick at `now` is due; if so, the next one is due an interval later.
    pub fn take(&mut self, now: Moment) -> bool {
        // A tick that is a little early for its second is the one that is meant.
        if now.plus(PERIOD_HALF) < self.next {
            return false;
        }
        self.next = now.plus(self.interval);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_due_each_interval() {
        let due = |seconds: u64, ticks_ms: &[u64]| -> Vec<u64> {
            let mut cadence = Cadence::every(Micros::from_secs(seconds));
            ticks_ms.iter().copied().filter(|&ms| cadence.take(Moment(ms * 1_000))).collect()
        };
        assert_eq!(due(1, &[0, 1_200, 2_000, 3_250, 4_000]), [0, 1_200, 2_000, 3_250, 4_000]);
        assert_eq!(due(3, &[0, 1_000, 2_000, 3_000, 4_000, 6_200, 9_000, 10_000]), [0, 3_000, 6_200, 9_000]);
        assert_eq!(due(3, &[0, 1_000, 61_400, 62_400, 63_400, 64_400]), [0, 61_400, 64_400]);
    }

    /// Takes a tick at each of these moments (in ms); gives those that were due.
    fn taken(moments_ms: &[u64]) -> Vec<u64> {
        let mut ticker = Ticker::starting(Moment(0));
        moments_ms.iter().copied().filter(|&ms| ticker.take(Moment(ms * 1_000))).collect()
    }

    #[test]
    fn one_tick_a_second() {
        assert_eq!(taken(&[0, 1, 999, 1_000, 1_500, 2_000, 2_001]), [0, 1_000, 2_000]);
    }

    #[test]
    fn small_delays_do_not_add_up() {
        assert_eq!(taken(&[0, 1_200, 2_000, 3_250, 4_000]), [0, 1_200, 2_000, 3_250, 4_000]);
    }

    #[test]
    fn after_a_pause_one_tick_and_a_new_rhythm() {
        assert_eq!(taken(&[0, 1_000, 61_400, 61_401, 62_000, 62_399, 62_400]), [0, 1_000, 61_400, 62_400]);
    }
}
