//! What a crowd has done, in numbers.

use std::ops::Sub;

use cpumon_protocol::model::Micros;

/// Counts since a crowd began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections that were opened.
    pub opened: u64,
    /// Connections, and attempts to open one, that failed.
    pub failed: u64,
    /// Connections that the exporter refused with an error frame.
    pub refused: u64,
    /// Sample frames sent.
    pub sent: u64,
    /// Sample frames answered.
    pub acked: u64,
    /// Sample frames whose connection ended before the answer.
    pub lost: u64,
}

impl Counts {
    /// Sample frames that wait for their answer.
    pub const fn in_flight(&self) -> u64 {
        self.sent.saturating_sub(self.acked + self.lost)
    }
}

impl Sub for Counts {
    type Output = Self;

    /// What came since `earlier`.
    fn sub(self, earlier: Self) -> Self {
        Self {
            opened: self.opened - earlier.opened,
            failed: self.failed - earlier.failed,
            refused: self.refused - earlier.refused,
            sent: self.sent - earlier.sent,
            acked: self.acked - earlier.acked,
            lost: self.lost - earlier.lost,
        }
    }
}

/// How long answers took: a histogram of constant relative precision (1.6 %) and constant size.
#[derive(Clone, Debug)]
pub struct Latencies {
    buckets: Vec<u64>,
    count: u64,
    max: Micros,
}

/// Buckets for each doubling; below this number each microsecond has its own.
const STEPS: u64 = 64;
const STEPS_BITS: u32 = STEPS.ilog2();

impl Default for Latencies {
    fn default() -> Self {
        let buckets = bucket(u64::MAX) + 1;
        Self { buckets: vec![0; buckets], count: 0, max: Micros::ZERO }
    }
}

impl Latencies {
    /// Notes one.
    pub fn note(&mut self, latency: Micros) {
        if let Some(count) = self.buckets.get_mut(bucket(latency.0)) {
            *count += 1;
        }
        self.count += 1;
        self.max = self.max.max(latency);
    }

    /// The latency that `per_mille` of 1,000 answers did not exceed; zero when there were none.
    pub fn quantile(&self, per_mille: u64) -> Micros {
        let rank = (self.count * per_mille).div_ceil(1_000).max(1);
        let mut seen = 0;
        for (index, count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return Micros(upper_bound(index as u64)).min(self.max);
            }
        }
        Micros::ZERO
    }

    /// The longest.
    pub const fn max(&self) -> Micros {
        self.max
    }
}

/// The bucket of `value`: its leading [`STEPS_BITS`] + 1 bits, and how many follow.
fn bucket(value: u64) -> usize {
    let dropped = (u64::BITS - value.leading_zeros()).saturating_sub(STEPS_BITS + 1);
    let index = u64::from(dropped) * STEPS + (value >> dropped);
    index as usize
}

/// The largest value of a bucket.
fn upper_bound(index: u64) -> u64 {
    let dropped = (index / STEPS).saturating_sub(1);
    let leading = index - dropped * STEPS;
    (leading << dropped) + ((1 << dropped) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_lies_within_a_64th_of_its_buckets_bound() {
        let values = (0..10_000).chain((1..58).map(|shift| (1 << shift) + 12_345)).chain([u64::MAX / 3]);
        for value in values {
            let bound = upper_bound(bucket(value) as u64);
            assert!(value <= bound && bound - value <= value / STEPS, "{value} {bound}");
        }
    }

    #[test]
    fn quantiles_of_known_latencies() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.quantile(500), Micros(0));
        for us in 1..=1_000 {
            latencies.note(Micros(us));
        }
        let near = |got: Micros, expected: u64| got.0.abs_diff(expected) <= expected / 64;
        assert!(near(latencies.quantile(500), 500), "{:?}", latencies.quantile(500));
        assert!(near(latencies.quantile(990), 990), "{:?}", latencies.quantile(990));
        assert_eq!(latencies.quantile(1_000), Micros(1_000));
        assert_eq!(latencies.max(), Micros(1_000));
    }
}
