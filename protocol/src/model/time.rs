//! Moments, as the pure core sees them: always handed in, never asked for.

use super::units::Micros;

/// A moment on this process's monotonic clock, in microseconds since an origin of the process's choice.
///
/// All decisions (liveness, deadlines, expiry) are made on this clock, so that setting the wall clock
/// changes none of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(pub u64);

impl Moment {
    /// The time from `earlier` to this moment; zero when `earlier` is later.
    pub const fn since(self, earlier: Self) -> Micros {
        Micros(self.0.saturating_sub(earlier.0))
    }

    /// The moment `span` later.
    pub const fn plus(self, span: Micros) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

/// A moment on the wall clock, in microseconds since the Unix epoch. For display only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WallTime(pub u64);

/// The present, on both clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// For decisions.
    pub mono: Moment,
    /// For display.
    pub wall: WallTime,
}
