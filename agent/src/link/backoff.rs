//! How long to rest before the next attempt to connect.

use cpumon_protocol::model::{Micros, Moment};

/// Bounds of the rests.
#[derive(Clone, Copy, Debug)]
pub struct BackoffSettings {
    /// The shortest rest.
    pub min: Micros,
    /// The longest rest after a failure.
    pub max: Micros,
    /// The longest rest that an exporter's error frame may ask for.
    pub max_after_error: Micros,
    /// How long a connection must have been healthy for the next failure to count as the first.
    pub reset_after: Micros,
}

impl Default for BackoffSettings {
    fn default() -> Self {
        Self {
            min: Micros::from_millis(500),
            max: Micros::from_secs(10),
            max_after_error: Micros::from_secs(30),
            reset_after: Micros::from_secs(30),
        }
    }
}

/// Exponential back-off with full jitter: each rest is drawn evenly between the shortest and a ceiling
/// that doubles with every failure, so that agents that lost their exporter together do not come back together.
#[derive(Debug)]
pub(super) struct Backoff {
    settings: BackoffSettings,
    failures: u32,
    random: fastrand::Rng,
}

impl Backoff {
    pub(super) fn new(settings: BackoffSettings, seed: u64) -> Self {
        Self { settings, failures: 0, random: fastrand::Rng::with_seed(seed) }
    }

    /// Whether a connection that has been healthy since then has been so for long enough for the next failure to
    /// count as the first.
    pub(super) fn is_well(&self, now: Moment, healthy_since: Option<Moment>) -> bool {
        healthy_since.is_some_and(|since| now.since(since) >= self.settings.reset_after)
    }

    /// The next failure counts as the first.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }

    /// The rest after every exporter has failed, or the only one.
    pub(super) fn after_failure(&mut self) -> Micros {
        self.failures = self.failures.saturating_add(1);
        self.rest(self.failures)
    }

    /// The rest before another exporter is tried, which has not failed: as after a first failure. It is there for those
    /// that come to it together.
    pub(super) fn before_another(&mut self) -> Micros {
        self.rest(1)
    }

    fn rest(&mut self, failures: u32) -> Micros {
        let Micros(min) = self.settings.min;
        let ceiling = min.saturating_mul(1 << failures.min(32)).min(self.settings.max.0).max(min);
        Micros(self.random.u64(min..=ceiling))
    }

    /// The rest that an error frame asked for, spread over its second half.
    pub(super) fn after_error(&mut self, asked: Micros) -> Micros {
        let Micros(longest) = asked.min(self.settings.max_after_error).max(self.settings.min);
        Micros(self.random.u64((longest / 2).max(self.settings.min.0)..=longest))
    }

    /// How long to stay before looking for a better exporter again: half of `interval` to all of it, so that those
    /// whose exporter has returned do not come to it together.
    pub(super) fn before_looking(&mut self, interval: Micros) -> Micros {
        Micros(self.random.u64(interval.0 / 2..=interval.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rests_grow_up_to_the_longest_and_start_over_after_health() {
        let settings = BackoffSettings::default();
        let mut backoff = Backoff::new(settings, 1);
        let rests: Vec<u64> = (0..200).map(|_| backoff.after_failure().0).collect();
        for (index, &rest) in rests.iter().enumerate() {
            let ceiling = (500_000u64 << (index + 1).min(20)).min(10_000_000);
            assert!((500_000..=ceiling).contains(&rest), "rest {index} is {rest}");
        }
        assert!(
            rests.iter().any(|&rest| rest > 9_000_000) && rests[20..].iter().any(|&rest| rest < 2_000_000)
        );
        backoff.reset();
        assert!(backoff.after_failure().0 <= 1_000_000);
    }

    #[test]
    fn half_a_minute_of_health_is_enough() {
        let backoff = Backoff::new(BackoffSettings::default(), 1);
        let now = Moment(1_000_000_000);
        assert!(!backoff.is_well(now, None));
        assert!(!backoff.is_well(now, Some(Moment(now.0 - 29_000_000))));
        assert!(backoff.is_well(now, Some(Moment(now.0 - 30_000_000))));
    }

    #[test]
    fn another_exporter_is_tried_soon_and_looks_are_spread() {
        let mut backoff = Backoff::new(BackoffSettings::default(), 1);
        for _ in 0..100 {
            backoff.after_failure();
            assert!((500_000..=1_000_000).contains(&backoff.before_another().0));
            let look = backoff.before_looking(Micros::from_secs(300));
            assert!((Micros::from_secs(150)..=Micros::from_secs(300)).contains(&look));
        }
    }

    #[test]
    fn an_exporter_may_ask_for_a_rest_within_bounds() {
        let mut backoff = Backoff::new(BackoffSettings::default(), 1);
        for _ in 0..100 {
            assert!((1_500_000..=3_000_000).contains(&backoff.after_error(Micros::from_secs(3)).0));
            assert!((15_000_000..=30_000_000).contains(&backoff.after_error(Micros::from_secs(9_999)).0));
            assert_eq!(backoff.after_error(Micros::ZERO), Micros::from_millis(500));
        }
    }
}
