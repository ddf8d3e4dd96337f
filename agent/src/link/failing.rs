//! When a connection, or an attempt, fails: the rest that follows, and what it is counted as.

use cpumon_protocol::model::{Micros, Moment};

use super::state::State;
use super::{Action, Event, Failure, Link};

impl Link {
    /// The connection, or the attempt to open one, failed or was closed by the other end.
    pub fn failed(&mut self, now: Moment, why: Failure) -> Action {
        match self.state {
            State::Leaving { .. } => self.left(now),
            State::Resting { .. } | State::Ended => Action::None,
            _ => {
                let has_second = self.look.is_some();
                self.rest_after(now, why);
                if has_second { Action::Close } else { Action::None }
            }
        }
    }

    /// Rests; the connection is closed, or is to be.
    pub(super) fn rest_after(&mut self, now: Moment, why: Failure) {
        self.count_health(now);
        let rest = match self.choice.failed() {
            true => self.backoff.before_another(),
            false => self.backoff.after_failure(),
        };
        self.events.push_back(Event::Lost { why, rest });
        self.rest(now, rest);
    }

    /// Rests for that long.
    pub(super) fn rest(&mut self, now: Moment, rest: Micros) {
        self.state = State::Resting { until: now.plus(rest) };
        // The next attempt tries the preferred one anyway.
        self.look = None;
    }

    /// Forgets what failed before the connection that ends now, if that one was healthy.
    pub(super) fn count_health(&mut self, now: Moment) {
        let healthy_since = match self.state {
            State::Idle { since, .. } | State::Waiting { since, .. } => Some(since),
            _ => None,
        };
        if self.backoff.is_well(now, healthy_since) {
            self.backoff.reset();
            self.choice.forgive();
        }
    }
}
