//! How fast one connection may send.

use cpumon_protocol::model::{Micros, Moment};

/// A bucket of frames that fills at a fixed rate: a second's worth may come at once, what goes beyond is paid for
/// by a pause in reading. Nothing is refused: TCP makes the sender wait.
#[derive(Debug)]
pub(super) struct Pace {
    /// When the bucket will be full again.
    full_at: Moment,
}

impl Pace {
    pub(super) fn new(now: Moment) -> Self {
        Self { full_at: now }
    }

    /// Notes a frame at `now`, at `rate` frames a second.
    pub(super) fn note(&mut self, rate: u32, now: Moment) {
        self.full_at = self.full_at.max(now).plus(Micros(1_000_000 / u64::from(rate.max(1))));
    }

    /// Until when nothing more is to be read; none while the sender keeps within its rate.
    pub(super) fn pause_until(&self, now: Moment) -> Option<Moment> {
        const BURST: Micros = Micros::from_secs(1);
        let until = Moment(self.full_at.0.saturating_sub(BURST.0));
        (until > now).then_some(until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_of_frames_may_come_at_once_and_no_more_than_the_rate_for_long() {
        let mut pace = Pace::new(Moment(0));
        let mut now = Moment(0);
        let mut frames = 0;
        while now.0 < 10_000_000 {
            match pace.pause_until(now) {
                Some(until) => now = until,
                None => {
                    pace.note(20, now);
                    frames += 1;
                }
            }
        }
        assert!((200..=222).contains(&frames), "{frames}");
    }

    #[test]
    fn a_steady_sender_is_never_paused() {
        let mut pace = Pace::new(Moment(0));
        for second in 0..100 {
            let now = Moment(second * 1_000_000);
            pace.note(1, now);
            assert_eq!(pace.pause_until(now), None);
        }
    }
}
