//! The one place that reads clocks.

#![allow(clippy::disallowed_methods, reason = "the one place that reads clocks")]

use std::time::SystemTime;

use cpumon_protocol::model::{Micros, Moment, Now, WallTime};
use tokio::time::Instant;

/// Tells the time on both clocks; its monotonic origin is where it was started.
///
/// A program starts one and hands copies of it to whoever needs the time. It follows tokio's clock, so that a
/// test which pauses that also stops this one (its monotonic half).
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: Instant,
}

impl Clock {
    /// Starts the clock: its moments count from here.
    pub fn start() -> Self {
        Self { origin: Instant::now() }
    }

    /// The present.
    pub fn now(&self) -> Now {
        Now { mono: self.moment(Instant::now()), wall: wall_time() }
    }

    /// The moment of `instant`; the origin for an instant before it.
    pub fn moment(&self, instant: Instant) -> Moment {
        Moment(Micros::from(instant.saturating_duration_since(self.origin)).0)
    }

    /// The instant of `moment`, for tokio's timers. A moment that the system cannot name is about thirty
    /// years from now.
    pub fn instant(&self, moment: Moment) -> Instant {
        const FAR: Micros = Micros::from_secs(30 * 365 * 24 * 60 * 60);
        self.origin.checked_add(Micros(moment.0).into()).unwrap_or_else(|| Instant::now() + FAR.into())
    }
}

/// The wall clock; the epoch while it is set to before 1970.
fn wall_time() -> WallTime {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    WallTime(Micros::from(since_epoch).0)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn moments_follow_tokios_clock_and_turn_back_into_instants() {
        let clock = Clock::start();
        assert_eq!(clock.now().mono, Moment(0));
        tokio::time::advance(Duration::from_millis(1_500)).await;
        assert_eq!(clock.now().mono, Moment(1_500_000));
        assert_eq!(clock.instant(Moment(1_500_000)), Instant::now());
        assert_eq!(clock.moment(clock.origin - Duration::from_secs(1)), Moment(0));
        assert!(clock.instant(Moment(u64::MAX)) > Instant::now());
    }

    #[test]
    fn the_wall_clock_is_in_microseconds() {
        const YEAR_2020: u64 = 1_577_836_800_000_000;
        const YEAR_2200: u64 = 7_258_118_400_000_000;
        assert!((YEAR_2020..YEAR_2200).contains(&Clock::start().now().wall.0));
    }
}
