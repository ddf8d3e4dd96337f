//! The highest one-second sample of the last 60 s.

use std::collections::VecDeque;

use cpumon_protocol::model::{Micros, Moment, Ratio};

/// How long a sample counts.
pub(super) const WINDOW: Micros = Micros::from_secs(60);

/// Samples that are, or may still become, the highest: later ones are lower, so the first is the highest.
///
/// Bounded: one-second samples are at least half a second apart, so at most 120 lie in the window.
#[derive(Debug, Default)]
pub(super) struct Peak {
    falling: VecDeque<(Moment, Ratio)>,
}

impl Peak {
    /// Takes in the sample that ended at `now`.
    pub(super) fn add(&mut self, now: Moment, sample: Ratio) {
        while self.falling.back().is_some_and(|&(_, lower)| lower <= sample) {
            self.falling.pop_back();
        }
        self.falling.push_back((now, sample));
        self.expire(now);
    }

    /// The highest sample that ended less than 60 s before `now`.
    pub(super) fn highest(&mut self, now: Moment) -> Option<Ratio> {
        self.expire(now);
        self.falling.front().map(|&(_, highest)| highest)
    }

    fn expire(&mut self, now: Moment) {
        while self.falling.front().is_some_and(|&(at, _)| now.since(at) >= WINDOW) {
            self.falling.pop_front();
        }
    }
}
