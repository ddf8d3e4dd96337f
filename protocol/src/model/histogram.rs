//! The distribution of all one-second samples of a run.

use super::units::{Millionths, Ratio};

/// Upper bounds of the buckets (Prometheus's `le`), in millionths. A sample is in the first bucket whose
/// bound is not below it; above the last bound is the bucket `+Inf`.
pub const BOUNDS: [u32; 12] = [
    50_000, 100_000, 200_000, 300_000, 400_000, 500_000, 600_000, 700_000, 800_000, 900_000, 950_000, 990_000,
];

/// Number of buckets, `+Inf` included.
pub const BUCKETS: usize = BOUNDS.len() + 1;

/// A running histogram: how many samples fell into each bucket, and their sum.
///
/// Totals only: any later value of the same run replaces any earlier one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// Samples in each bucket by itself, not cumulated; the last one is `+Inf`.
    pub buckets: [u64; BUCKETS],
    /// Sum of all samples.
    pub sum: Millionths,
}

impl Histogram {
    /// Counts one sample.
    pub fn observe(&mut self, sample: Ratio) {
        let bucket = BOUNDS.partition_point(|&bound| bound < sample.millionths());
        self.buckets[bucket] += 1;
        self.sum = self.sum.saturating_add(sample.into());
    }

    /// How many samples there are in all.
    pub fn count(&self) -> u64 {
        self.buckets.iter().fold(0, |sum, &bucket| sum.saturating_add(bucket))
    }

    /// Samples at or below each bound, cumulated as Prometheus shows them; the last is the count.
    pub fn cumulative(&self) -> [u64; BUCKETS] {
        let mut sum = 0u64;
        self.buckets.map(|bucket| {
            sum = sum.saturating_add(bucket);
            sum
        })
    }

    /// How many samples were above `bound`; `None` unless it is one of [`BOUNDS`].
    pub fn above(&self, bound: Ratio) -> Option<u64> {
        let index = BOUNDS.iter().position(|&b| b == bound.millionths())?;
        Some(self.buckets[index + 1..].iter().fold(0, |sum, &bucket| sum.saturating_add(bucket)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ratio(millionths: u32) -> Ratio {
        Ratio::from_millionths(millionths).unwrap()
    }

    #[test]
    fn a_bound_belongs_to_its_bucket() {
        let mut histogram = Histogram::default();
        for sample in [0, 50_000, 50_001, 800_000, 800_001, 990_000, 990_001, 1_000_000] {
            histogram.observe(ratio(sample));
        }
        assert_eq!(histogram.buckets, [2, 1, 0, 0, 0, 0, 0, 0, 1, 1, 0, 1, 2]);
        assert_eq!(histogram.count(), 8);
        assert_eq!(histogram.cumulative(), [2, 3, 3, 3, 3, 3, 3, 3, 4, 5, 5, 6, 8]);
        assert_eq!(histogram.sum, Millionths(4_680_003));
        assert_eq!(histogram.above(ratio(800_000)), Some(4));
        assert_eq!(histogram.above(ratio(123)), None);
    }
}
