//! What an exporter answers, and what that means.

use cpumon_protocol::model::{Micros, Moment};
use cpumon_protocol::session::agent::{AgentSession, Answer};

use super::state::{State, Then};
use super::{Action, Event, Failure, Link};

/// The code with which an exporter refuses a name that another agent holds.
const DUPLICATE: &str = "duplicate";

impl Link {
    /// Bytes came.
    pub fn receive(&mut self, now: Moment, bytes: &[u8], out: &mut Vec<u8>) -> Action {
        let mut input = bytes;
        loop {
            let session = match &mut self.state {
                State::Approaching(approach) => approach.session(),
                State::Idle { session, .. }
                | State::Waiting { session, .. }
                | State::Leaving { session, .. } => Some(session),
                State::Resting { .. } | State::Ended => None,
            };
            let action = match session.map(|session| session.receive(&mut input)) {
                None | Some(Ok(None)) => return Action::None,
                Some(Ok(Some(answer))) => self.answered(now, answer, out),
                Some(Err(rejection)) => self.nonsense(now, &rejection.message),
            };
            if action != Action::None {
                return action;
            }
        }
    }

    /// One whole answer.
    pub(super) fn answered(&mut self, now: Moment, answer: Answer, out: &mut Vec<u8>) -> Action {
        if let Answer::Refused { code, retry, message } = answer {
            return self.refused(now, code, retry, message);
        }
        match (std::mem::replace(&mut self.state, State::Ended), answer) {
            (State::Approaching(approach), answer @ (Answer::Welcome { .. } | Answer::Original)) => {
                // Who answers was greeted, so there is a session.
                let Some(session) = approach.into_session() else { return Action::Close };
                match answer {
                    Answer::Welcome { stale } => self.events.push_back(Event::Welcome { stale }),
                    _ => {
                        self.events.push_back(Event::FellBack);
                        // The original's server knows the percentage from it.
                        self.outgoing.was_taken_from_hello();
                    }
                }
                self.settle(now, session);
            }
            (State::Waiting { session, since, sent }, Answer::Original) => {
                self.acked(now, sent);
                self.state = State::Idle { session, since };
            }
            (State::Waiting { session, since, sent }, Answer::Ack { seq, want_cores })
                if seq == self.outgoing.seq() =>
            {
                self.want_cores = want_cores;
                self.acked(now, sent);
                self.state = State::Idle { session, since };
            }
            (state @ State::Leaving { .. }, Answer::Ack { seq, .. }) => {
                self.state = state;
                // The one before is the answer to a sample that was in flight when bye was said.
                return if seq == self.outgoing.seq() { self.left(now) } else { Action::None };
            }
            // The original's server may answer hello in pieces.
            (state @ State::Idle { .. }, Answer::Original) => self.state = state,
            (state, _) => {
                self.state = state;
                return self.nonsense(now, "it has no place here");
            }
        }
        self.send_pending(now, out);
        Action::None
    }

    /// An exporter takes the samples from now on.
    pub(super) fn settle(&mut self, now: Moment, session: AgentSession) {
        self.state = State::Idle { session, since: now };
        // What another exporter, or an earlier one, asked for or knew is nothing to this one.
        self.want_cores = false;
        self.outgoing.has_new_listener();
        self.look_later(now);
    }

    /// Bye was answered, or will not be.
    pub(super) fn left(&mut self, now: Moment) -> Action {
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Leaving { then: Then::Move(welcomed), .. } => self.arrive(now, welcomed),
            _ => Action::Close,
        }
    }

    fn acked(&mut self, now: Moment, sent: Moment) {
        let rtt = now.since(sent);
        self.outgoing.answered(rtt);
        self.events.push_back(Event::Acked { rtt });
    }

    fn refused(&mut self, now: Moment, code: Box<str>, retry: Option<Micros>, message: Box<str>) -> Action {
        if matches!(self.state, State::Leaving { .. }) {
            return self.left(now);
        }
        self.count_health(now);
        // A name that somebody else holds is no reason to go elsewhere: there it would be shown twice.
        let has_another = &*code != DUPLICATE && self.choice.failed();
        let rest = match retry {
            _ if has_another => self.backoff.before_another(),
            Some(asked) => self.backoff.after_error(asked),
            None => self.backoff.after_failure(),
        };
        self.events.push_back(Event::Refused { code, message, rest });
        self.rest(now, rest);
        Action::Close
    }

    fn nonsense(&mut self, now: Moment, message: &str) -> Action {
        let _ = self.failed(now, Failure::Nonsense(message.into()));
        Action::Close
    }
}
