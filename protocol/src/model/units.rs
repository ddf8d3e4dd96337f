//! Integer units: whole microseconds and whole millionths.
//!
//! A float total that runs through JSON comes back one step lower now and then, which Prometheus takes for a
//! counter reset and counts all history twice. So nothing here is a float; only the exposition divides.

use std::time::Duration;

/// A span of time in whole microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Micros(pub u64);

impl Micros {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// `seconds` whole seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// `millis` whole milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000))
    }

    /// The span in whole milliseconds, rounded down.
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000
    }

    /// The sum, at most the largest span.
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference, at least zero.
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// `count` times this span, at most the largest span.
    pub const fn saturating_mul(self, count: u64) -> Self {
        Self(self.0.saturating_mul(count))
    }
}

impl From<Duration> for Micros {
    /// Rounds down to whole microseconds; more than 584,000 years is the largest span.
    fn from(duration: Duration) -> Self {
        Self(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX))
    }
}

impl From<Micros> for Duration {
    fn from(span: Micros) -> Self {
        Self::from_micros(span.0)
    }
}

/// A quantity in whole millionths, without an upper bound: load averages, sums of ratios.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Millionths(pub u64);

impl Millionths {
    /// The sum, at most the largest value.
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

/// A share from 0 to 1 in whole millionths.
///
/// Invariant: never above [`Ratio::ONE`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ratio(u32);

impl Ratio {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The whole.
    pub const ONE: Self = Self(1_000_000);

    /// The ratio of `millionths`, or `None` above one.
    pub const fn from_millionths(millionths: u32) -> Option<Self> {
        if millionths <= Self::ONE.0 { Some(Self(millionths)) } else { None }
    }

    /// `part / whole`, rounded half up; `None` when `whole` is zero or smaller than `part`.
    pub const fn of(part: u64, whole: u64) -> Option<Self> {
        if whole == 0 || part > whole {
            return None;
        }
        let scaled = (part as u128 * Self::ONE.0 as u128 + whole as u128 / 2) / whole as u128;
        Some(Self(scaled as u32))
    }

    /// The ratio in whole millionths, 0 to 1,000,000.
    pub const fn millionths(self) -> u32 {
        self.0
    }
}

impl From<Ratio> for Millionths {
    fn from(ratio: Ratio) -> Self {
        Self(u64::from(ratio.millionths()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratio_rounds_half_up_and_stays_within_one() {
        assert_eq!(Ratio::of(1, 3).map(Ratio::millionths), Some(333_333));
        assert_eq!(Ratio::of(2, 3).map(Ratio::millionths), Some(666_667));
        assert_eq!(Ratio::of(u64::MAX, u64::MAX), Some(Ratio::ONE));
        assert_eq!(Ratio::of(0, 0), None);
        assert_eq!(Ratio::of(2, 1), None);
        assert_eq!(Ratio::from_millionths(1_000_001), None);
    }
}
