//! True time, which nobody in the simulation can read, and the clocks of the hosts, which they can.

use std::fmt;

use cpumon_protocol::model::{Micros, Moment, Now, WallTime};

/// A moment of true time, in microseconds since the start of the simulation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub u64);

impl Time {
    /// The moment `span` later.
    pub const fn plus(self, span: Micros) -> Self {
        Self(self.0.saturating_add(span.0))
    }

    /// The time since `earlier`; zero when that is later.
    pub const fn since(self, earlier: Self) -> Micros {
        Micros(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}

/// The clocks of one host. They run at the right speed; the wall clock can be set, the other cannot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HostClock {
    /// What the monotonic clock showed at the start.
    origin: u64,
    /// What the wall clock showed at the start, as it is set now.
    wall_origin: i64,
}

/// 2026-11-22, roughly.
const EPOCH: i64 = 1_795_000_000_000_000;

impl HostClock {
    /// Clocks of a host that was started at some time before, and set with some error.
    pub(crate) fn new(random: &mut fastrand::Rng) -> Self {
        Self {
            origin: random.u64(0..1_000_000_000_000),
            wall_origin: EPOCH + random.i64(-2_000_000..2_000_000),
        }
    }

    pub(crate) fn now(&self, time: Time) -> Now {
        let wall = self.wall_origin.saturating_add_unsigned(time.0).max(0);
        Now { mono: self.mono(time), wall: WallTime(wall.unsigned_abs()) }
    }

    pub(crate) fn mono(&self, time: Time) -> Moment {
        Moment(self.origin + time.0)
    }

    /// When the monotonic clock shows `moment`; at the start, if it has shown it before.
    pub(crate) fn time_of(&self, moment: Moment) -> Time {
        Time(moment.0.saturating_sub(self.origin))
    }

    /// Sets the wall clock, by so many microseconds.
    pub(crate) fn set_wall(&mut self, change: i64) {
        self.wall_origin = self.wall_origin.saturating_add(change);
    }
}
