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

    /// The rest after a failure; `healthy_since` says since when the failed connection had been healthy.
    pub(super) fn after_failure(&mut self, now: Moment, healthy_since: Option<Moment>) -> Micros {
        if healthy_since.is_some_and(|since| now.since(since) >= self.settings.reset_after) {
            self.failures = 0;
        }
        self.failures = self.failures.saturating_add(1);
        let Micros(min) = self.settings.min;
        let ceiling = min.saturating_mul(1 << self.failures.min(32)).min(self.settings.max.0).max(min);
        Micros(self.random.u64(min..=ceiling))
    }

    /// The rest that an error frame asked for, spread over its second half.
    pub(super) fn after_error(&mut self, asked: Micros) -> Micros {
        let Micros(longest) = asked.min(self.settings.max_after_error).max(self.settings.min);
        Micros(self.random.u64((longest / 2).max(self.settings.min.0)..=longest))
    }

    /// How many attempts in a row have failed.
    pub(super) fn failures(&self) -> u32 {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rests_grow_up_to_the_longest_and_start_over_after_health() {
        let settings = BackoffSettings::default();
        let mut backoff = Backoff::new(settings, 1);
        let now = Moment(1_000_000_000);
        let rests: Vec<u64> = (0..200).map(|_| backoff.after_failure(now, None).0).collect();
        for (index, &rest) in rests.iter().enumerate() {
            let ceiling = (500_000u64 << (index + 1).min(20)).min(10_000_000);
            assert!((500_000..=ceiling).contains(&rest), "rest {index} is {rest}");
        }
        assert!(
            rests.iter().any(|&rest| rest > 9_000_000) && rests[20..].iter().any(|&rest| rest < 2_000_000)
        );
        assert!(backoff.after_failure(now, Some(Moment(now.0 - 29_000_000))).0 <= 10_000_000);
        assert!(backoff.failures() > 200);
        assert!(backoff.after_failure(now, Some(Moment(now.0 - 30_000_000))).0 <= 1_000_000);
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
