//! The one timer of the agent's loop.
//!
//! tokio's own timers round to milliseconds and sort far ones through a wheel, which for a timer a second away costs
//! two or three wake-ups and a system call more at each tick. On Linux one kernel timer does with one of each.

use std::io;

use cpumon_daemon::clock::Clock;
use cpumon_protocol::model::Moment;

/// Rings at the moment that it was last set to.
pub struct Alarm {
    clock: Clock,
    set_to: Option<Moment>,
    timer: system::Timer,
}

impl Alarm {
    /// An alarm that is not set. Must be made on a tokio runtime.
    ///
    /// # Errors
    ///
    /// When the system has no timer left.
    pub fn new(clock: Clock) -> io::Result<Self> {
        Ok(Self { clock, set_to: None, timer: system::Timer::new()? })
    }

    /// Sets it to `moment` in place of any other. A moment that has passed rings at once.
    ///
    /// # Errors
    ///
    /// When the system refuses, which it has no reason for.
    pub fn set(&mut self, moment: Moment) -> io::Result<()> {
        if self.set_to != Some(moment) {
            self.timer.set(&self.clock, moment)?;
            self.set_to = Some(moment);
        }
        Ok(())
    }

    /// Waits until it rings; at times it rings early. Dropped before, it will ring still.
    ///
    /// # Errors
    ///
    /// When the runtime is ending.
    pub async fn rang(&mut self) -> io::Result<()> {
        self.timer.rang().await?;
        self.set_to = None;
        Ok(())
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::io;
    use std::os::fd::OwnedFd;

    use cpumon_daemon::clock::Clock;
    use cpumon_protocol::model::{Micros, Moment};
    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    };
    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;

    /// A timer of the kernel's.
    pub(super) struct Timer(AsyncFd<OwnedFd>);

    impl Timer {
        #[allow(deprecated, reason = "what replaces it is unsafe, for owners other than an `OwnedFd`")]
        pub(super) fn new() -> io::Result<Self> {
            let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
            let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
            Ok(Self(AsyncFd::with_interest(timer, Interest::READABLE)?))
        }

        pub(super) fn set(&mut self, clock: &Clock, moment: Moment) -> io::Result<()> {
            // Zero would switch it off.
            let Micros(rest) = moment.since(clock.now().mono).max(Micros(1));
            let (seconds, micros) = (rest / 1_000_000, rest % 1_000_000);
            let in_time = Timespec {
                tv_sec: i64::try_from(seconds).unwrap_or(i64::MAX),
                tv_nsec: i64::try_from(micros * 1_000).unwrap_or_default(),
            };
            let once = Timespec { tv_sec: 0, tv_nsec: 0 };
            let times = Itimerspec { it_interval: once, it_value: in_time };
            timerfd_settime(&self.0, TimerfdTimerFlags::empty(), &times)?;
            Ok(())
        }

        pub(super) async fn rang(&mut self) -> io::Result<()> {
            // The timer need not be read: to set it anew is enough, and each ringing is an event of its own.
            self.0.readable().await?.clear_ready();
            Ok(())
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::io;
    use std::pin::Pin;

    use cpumon_daemon::clock::Clock;
    use cpumon_protocol::model::Moment;
    use tokio::time::{Instant, Sleep, sleep_until};

    /// tokio's timer.
    pub(super) struct Timer(Pin<Box<Sleep>>);

    impl Timer {
        pub(super) fn new() -> io::Result<Self> {
            Ok(Self(Box::pin(sleep_until(Instant::now()))))
        }

        pub(super) fn set(&mut self, clock: &Clock, moment: Moment) -> io::Result<()> {
            self.0.as_mut().reset(clock.instant(moment));
            Ok(())
        }

        pub(super) async fn rang(&mut self) -> io::Result<()> {
            self.0.as_mut().await;
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use cpumon_protocol::model::Micros;
    use tokio::time::timeout;

    use super::*;

    fn in_millis(clock: &Clock, millis: u64) -> Moment {
        clock.now().mono.plus(Micros::from_millis(millis))
    }

    #[tokio::test]
    async fn rings_in_time_again_and_again() {
        let clock = Clock::start();
        let mut alarm = Alarm::new(clock).unwrap();
        for millis in [20, 1, 30] {
            let moment = in_millis(&clock, millis);
            alarm.set(moment).unwrap();
            while clock.now().mono < moment {
                alarm.rang().await.unwrap();
            }
        }
        alarm.set(Moment(0)).unwrap();
        alarm.rang().await.unwrap();
    }

    #[tokio::test]
    async fn the_last_setting_counts() {
        let clock = Clock::start();
        let mut alarm = Alarm::new(clock).unwrap();
        alarm.set(in_millis(&clock, 60_000)).unwrap();
        let soon = in_millis(&clock, 10);
        alarm.set(soon).unwrap();
        alarm.rang().await.unwrap();
        alarm.set(in_millis(&clock, 10)).unwrap();
        alarm.set(in_millis(&clock, 60_000)).unwrap();
        assert!(timeout(Duration::from_millis(50), alarm.rang()).await.is_err());
    }

    #[tokio::test]
    async fn a_wait_that_is_given_up_loses_no_ringing() {
        let clock = Clock::start();
        let mut alarm = Alarm::new(clock).unwrap();
        alarm.set(in_millis(&clock, 20)).unwrap();
        let _ = timeout(Duration::ZERO, alarm.rang()).await;
        alarm.rang().await.unwrap();
    }
}
