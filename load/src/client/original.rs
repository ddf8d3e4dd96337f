//! A client of the original: connects, sends a percentage, takes whatever comes for the answer.

use std::collections::VecDeque;
use std::io::Write;

use cpumon_agent::link::{Action, Event, Failure};
use cpumon_protocol::model::{Micros, Moment, Sample};

/// The original's client ends with its connection; whoever runs it starts it again after about this time.
const REST: Micros = Micros::from_secs(1);

/// Its connection.
#[derive(Debug, Default)]
pub(super) struct OriginalLink {
    state: State,
    /// The newest percentage, as its text.
    newest: Vec<u8>,
    events: VecDeque<Event>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Closed,
    Resting {
        until: Moment,
    },
    Connecting,
    Idle,
    Waiting {
        sent: Moment,
    },
    Ended,
}

impl OriginalLink {
    pub(super) fn tick(&mut self, now: Moment, sample: Sample, _due: bool, out: &mut Vec<u8>) -> Action {
        self.newest.clear();
        let percent = f64::from(sample.utilization.millionths() / 1_000) / 10.0;
        // Writing to a Vec cannot fail.
        let _ = write!(self.newest, "{{\"The Percentage Of CPU USAGE\": {percent:.1}}}");
        match self.state {
            State::Resting { until } if now < until => Action::None,
            State::Closed | State::Resting { .. } => {
                self.state = State::Connecting;
                Action::Resolve
            }
            State::Idle => self.send(now, out),
            State::Connecting | State::Waiting { .. } | State::Ended => Action::None,
        }
    }

    pub(super) fn connected(&mut self, now: Moment, out: &mut Vec<u8>) -> Action {
        self.send(now, out)
    }

    pub(super) fn failed(&mut self, now: Moment, why: Failure) -> Action {
        if self.state != State::Ended {
            self.state = State::Resting { until: now.plus(REST) };
            self.events.push_back(Event::Lost { why, rest: REST });
        }
        Action::None
    }

    pub(super) fn receive(&mut self, now: Moment, _bytes: &[u8], _out: &mut Vec<u8>) -> Action {
        if let State::Waiting { sent } = self.state {
            self.state = State::Idle;
            self.events.push_back(Event::Acked { rtt: now.since(sent) });
        }
        Action::None
    }

    /// It waits for ever, as the original does.
    pub(super) const fn deadline(&self) -> Option<Moment> {
        None
    }

    pub(super) const fn expired(&mut self, _now: Moment, _out: &mut Vec<u8>) -> Action {
        Action::None
    }

    pub(super) const fn stop(&mut self, _now: Moment, _patience: Micros, _out: &mut Vec<u8>) -> Action {
        self.state = State::Ended;
        Action::Close
    }

    pub(super) const fn is_ended(&self) -> bool {
        matches!(self.state, State::Ended)
    }

    pub(super) const fn is_live(&self) -> bool {
        matches!(self.state, State::Idle | State::Waiting { .. })
    }

    pub(super) fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn send(&mut self, now: Moment, out: &mut Vec<u8>) -> Action {
        out.extend_from_slice(&self.newest);
        self.state = State::Waiting { sent: now };
        Action::None
    }
}
