//! Several runs of one measurement.

use std::fmt;

/// The figures of several runs, in the order of the runs.
#[derive(Clone, Debug, Default)]
pub struct Runs(Vec<f64>);

impl Runs {
    /// Notes the figure of one more run.
    pub fn push(&mut self, figure: f64) {
        self.0.push(figure);
    }

    /// How many there were.
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there were none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The middle one, or the mean of the two in the middle; not a number when there were none.
    pub fn median(&self) -> f64 {
        let sorted = self.sorted();
        let middle = sorted.len() / 2;
        match (sorted.get(middle), middle.checked_sub(1).and_then(|below| sorted.get(below))) {
            (Some(&upper), Some(&lower)) if sorted.len().is_multiple_of(2) => f64::midpoint(lower, upper),
            (Some(&middle), _) => middle,
            (None, _) => f64::NAN,
        }
    }

    /// The highest; not a number when there were none.
    pub fn highest(&self) -> f64 {
        self.sorted().last().copied().unwrap_or(f64::NAN)
    }

    /// The highest over the lowest, as one figure.
    pub fn spread(&self) -> Self {
        let sorted = self.sorted();
        let bounds = sorted.first().zip(sorted.last());
        Self(bounds.map(|(lowest, highest)| highest / lowest).into_iter().collect())
    }

    /// The highest ratio of a figure to one before it, as one figure: 1 where they only fall.
    pub fn growth(&self) -> Self {
        let mut lowest = f64::INFINITY;
        let ratios = self.0.iter().map(|&figure| {
            lowest = lowest.min(figure);
            figure / lowest
        });
        Self(ratios.max_by(f64::total_cmp).into_iter().collect())
    }

    /// Each run's figure over that of the same run of `other`: what the machine did to one, it did to both.
    pub fn over(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(ours, theirs)| ours / theirs).collect())
    }

    fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted
    }
}

impl FromIterator<f64> for Runs {
    fn from_iter<I: IntoIterator<Item = f64>>(figures: I) -> Self {
        Self(figures.into_iter().collect())
    }
}

/// `18.2 (17.9 to 19.4)`: median, lowest, highest.
impl fmt::Display for Runs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sorted = self.sorted();
        let (Some(&lowest), Some(&highest)) = (sorted.first(), sorted.last()) else {
            return f.write_str("-");
        };
        let median = Figure(self.median());
        if sorted.len() == 1 {
            return write!(f, "{median}");
        }
        write!(f, "{median} ({} to {})", Figure(lowest), Figure(highest))
    }
}

/// A figure with three digits that say something.
struct Figure(f64);

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = match self.0.abs() {
            100.0.. => 0,
            10.0.. => 1,
            1.0.. => 2,
            _ => 3,
        };
        write!(f, "{:.decimals$}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_and_spread() {
        for (figures, expected) in [
            (&[][..], "-"),
            (&[2.0], "2.00"),
            (&[3.0, 1.0, 2.0], "2.00 (1.00 to 3.00)"),
            (&[400.0, 10.0, 20.0, 0.5], "15.0 (0.500 to 400)"),
        ] {
            assert_eq!(figures.iter().copied().collect::<Runs>().to_string(), expected);
        }
        assert_eq!([3.0, 1.0, 2.0].into_iter().collect::<Runs>().highest(), 3.0);
        assert!(Runs::default().highest().is_nan());
    }

    #[test]
    fn spread_is_the_highest_over_the_lowest() {
        assert_eq!([3.0, 2.0, 5.0].into_iter().collect::<Runs>().spread().to_string(), "2.50");
        assert!(Runs::default().spread().is_empty());
    }

    #[test]
    fn growth_is_over_what_came_before() {
        let growth = |figures: &[f64]| figures.iter().copied().collect::<Runs>().growth();
        assert_eq!(growth(&[4.0, 2.0, 3.0, 1.0]).to_string(), "1.50");
        assert_eq!(growth(&[4.0, 3.0]).to_string(), "1.00");
        assert!(growth(&[]).is_empty());
    }

    #[test]
    fn ratios_are_of_one_run_each() {
        let ours: Runs = [10.0, 30.0].into_iter().collect();
        let theirs: Runs = [10.0, 10.0].into_iter().collect();
        assert_eq!(ours.over(&theirs).to_string(), "2.00 (1.00 to 3.00)");
    }
}
