//! The histogram of one-second samples, reckoned anew: nothing here is the product's.

/// Upper bounds of the buckets in millionths, as documented; one bucket more has no bound.
pub const BOUNDS: [u64; 12] = [
    50_000, 100_000, 200_000, 300_000, 400_000, 500_000, 600_000, 700_000, 800_000, 900_000, 950_000, 990_000,
];

/// How many samples were at or below each bound (the last number is of all), and their sum in millionths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Distribution {
    /// Cumulated, as Prometheus has them.
    pub at_most: [u64; BOUNDS.len() + 1],
    /// Sum of all samples.
    pub sum: u64,
}

impl Distribution {
    /// Adds a sample.
    pub fn add(&mut self, sample: u64) {
        for (count, bound) in self.at_most.iter_mut().zip(BOUNDS.into_iter().chain([u64::MAX])) {
            *count += u64::from(sample <= bound);
        }
        self.sum += sample;
    }

    /// How many samples there are.
    pub const fn count(&self) -> u64 {
        self.at_most[BOUNDS.len()]
    }

    /// Whether samples can still be added to become `goal`.
    pub fn can_become(&self, goal: &Self) -> bool {
        self.sum <= goal.sum && self.at_most.iter().zip(&goal.at_most).all(|(own, goal)| own <= goal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_its_bucket() {
        let mut distribution = Distribution::default();
        for sample in [0, 50_000, 50_001, 800_000, 990_000, 990_001, 1_000_000] {
            distribution.add(sample);
        }
        assert_eq!(distribution.at_most, [2, 3, 3, 3, 3, 3, 3, 3, 4, 4, 4, 5, 7]);
        assert_eq!(distribution.sum, 3_880_002);
        assert_eq!(distribution.count(), 7);
    }

    #[test]
    fn what_can_become_what() {
        let of = |samples: &[u64]| {
            let mut distribution = Distribution::default();
            samples.iter().for_each(|&sample| distribution.add(sample));
            distribution
        };
        assert!(of(&[]).can_become(&of(&[])));
        assert!(of(&[7]).can_become(&of(&[7, 999_999])));
        assert!(!of(&[7]).can_become(&of(&[999_999])));
        assert!(!of(&[7, 8]).can_become(&of(&[15])));
        assert!(!of(&[900_000]).can_become(&of(&[])));
    }
}
