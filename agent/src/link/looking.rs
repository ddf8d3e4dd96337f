//! Looking for a better exporter while another takes the samples, and moving there.
//!
//! A move costs no sample and shows nothing twice: the better one has said welcome, over a second connection, before
//! the other hears bye, and gets its first sample when bye is answered.

use std::collections::VecDeque;

use cpumon_protocol::model::{Micros, Moment};
use cpumon_protocol::session::agent::{AgentSession, Answer, Leaving};

use super::approach::Approach;
use super::rendezvous::Place;
use super::state::{State, Then};
use super::{Action, Event, Failure, Link};

/// The longest wait for the answer to the bye of a move. Samples wait as long.
const PATIENCE: Micros = Micros::from_secs(1);

/// A look for a better exporter.
#[derive(Debug)]
pub(super) struct Look {
    approach: Approach,
    /// The one that is tried.
    tried: Option<Place>,
    /// Those that are tried when it fails.
    others: VecDeque<Place>,
}

/// A better exporter that has said welcome.
#[derive(Debug)]
pub(super) struct Welcomed {
    session: AgentSession,
    place: Place,
    stale: Micros,
}

impl Link {
    /// The second connection, that [`Action::OpenSecond`] asked for, is there. What is appended to `out` goes to it.
    pub fn second_connected(&mut self, now: Moment, out: &mut Vec<u8>) -> Action {
        let Some(look) = self.look.as_mut().filter(|look| look.approach.is_opening()) else {
            return Action::None;
        };
        match self.outgoing.present() {
            Some(utilization) => {
                self.hello.utilization = utilization;
                let until = now.plus(self.settings.connect_timeout);
                look.approach.say_hello(&self.hello, until, out);
                Action::None
            }
            None => self.stay(now),
        }
    }

    /// The second connection, or the attempt to open it, failed or was closed by the other end.
    pub fn second_failed(&mut self, now: Moment, why: Failure) -> Action {
        if self.look.is_some() {
            return self.next_better(now, why);
        }
        // Bye is said already, so there is no way back.
        if let State::Leaving { then: Then::Move(_), .. } = self.state {
            self.rest_after(now, why);
            return Action::Close;
        }
        Action::None
    }

    /// Bytes came over the second connection. What is appended to `out` goes to the **first**.
    pub fn second_receive(&mut self, now: Moment, bytes: &[u8], out: &mut Vec<u8>) -> Action {
        let mut input = bytes;
        if let State::Leaving { then: Then::Move(welcomed), .. } = &mut self.state {
            // The line end of its welcome may come late; but for that it says nothing unasked.
            return match welcomed.session.receive(&mut input) {
                Ok(None) => Action::None,
                _ => self.second_failed(now, Failure::Nonsense("it was not asked".into())),
            };
        }
        let Some(look) = &mut self.look else { return Action::None };
        match look.approach.session().map(|session| session.receive(&mut input)) {
            None | Some(Ok(None)) => Action::None,
            Some(Ok(Some(Answer::Welcome { stale }))) => self.leave(now, stale, out),
            Some(Ok(Some(answer))) => {
                let why = refusal(answer);
                self.next_better(now, why)
            }
            Some(Err(rejection)) => self.next_better(now, Failure::Nonsense(rejection.message.into())),
        }
    }

    /// The second connection is the first now.
    pub fn switched(&mut self, now: Moment, out: &mut Vec<u8>) -> Action {
        self.send_pending(now, out);
        Action::None
    }

    /// Plans the next look.
    pub(super) fn look_later(&mut self, now: Moment) {
        self.look = None;
        self.look_at = Some(now.plus(self.backoff.before_looking(self.settings.look_interval)));
    }

    pub(super) fn deadline_of_look(&self) -> Option<Moment> {
        match &self.look {
            Some(look) => Some(look.approach.until()),
            None => self.look_at.filter(|_| self.is_live()),
        }
    }

    pub(super) fn look_expired(&mut self, now: Moment) -> Action {
        match &self.look {
            Some(Look { tried: None, .. }) => self.stay(now),
            Some(look) => {
                let why = look.approach.too_late(self.settings.connect_timeout);
                self.next_better(now, why)
            }
            // There has to be a sample to say hello with.
            None if !self.outgoing.is_fresh() => self.stay(now),
            None => {
                let approach = Approach::resolving(now.plus(self.settings.connect_timeout));
                self.look = Some(Look { approach, tried: None, others: VecDeque::new() });
                Action::Resolve
            }
        }
    }

    /// The names were resolved for the look.
    pub(super) fn look_resolved(&mut self, now: Moment, places: Result<&[Place], Failure>) -> Action {
        let Some(look) = self.look.as_mut().filter(|look| look.approach.is_resolving()) else {
            return Action::None;
        };
        if let Ok(places) = places {
            self.choice.learn(places);
            look.others = self.choice.better();
        }
        self.try_better(now)
    }

    /// The one that was tried does not take this agent.
    fn next_better(&mut self, now: Moment, why: Failure) -> Action {
        if let Some(Place { address, .. }) = self.look.as_ref().and_then(|look| look.tried) {
            self.events.push_back(Event::Stayed { away_from: address, why });
        }
        self.try_better(now)
    }

    fn try_better(&mut self, now: Moment) -> Action {
        let Some(look) = &mut self.look else { return Action::None };
        match look.others.pop_front() {
            Some(place) => {
                look.tried = Some(place);
                look.approach = Approach::opening(now.plus(self.settings.connect_timeout));
                Action::OpenSecond(place)
            }
            None => self.stay(now),
        }
    }

    fn stay(&mut self, now: Moment) -> Action {
        let was_looking = self.look.is_some();
        self.look_later(now);
        if was_looking { Action::CloseSecond } else { Action::None }
    }

    /// A better one has said welcome: says bye to the one that takes the samples.
    fn leave(&mut self, now: Moment, stale: Micros, out: &mut Vec<u8>) -> Action {
        let Some((session, place)) = self.look.take().and_then(Look::into_session) else {
            return Action::None;
        };
        let welcomed = Welcomed { session, place, stale };
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Idle { session, .. } | State::Waiting { session, .. } if !session.is_original() => {
                self.outgoing.say_bye(&session, Leaving::Move, out);
                let then = Then::Move(welcomed);
                self.state = State::Leaving { session, until: now.plus(PATIENCE), then };
                Action::None
            }
            // The original's server knows no bye.
            State::Idle { .. } | State::Waiting { .. } => self.arrive(now, welcomed),
            state => {
                self.state = state;
                Action::CloseSecond
            }
        }
    }

    /// The better one takes the samples from now on, the newest at once.
    pub(super) fn arrive(&mut self, now: Moment, welcomed: Welcomed) -> Action {
        let Welcomed { session, place, stale } = welcomed;
        self.choice.moved(place);
        self.events.push_back(Event::Moved { to: place.address, stale });
        self.outgoing.send_again();
        self.settle(now, session);
        Action::Switch
    }
}

impl Look {
    fn into_session(self) -> Option<(AgentSession, Place)> {
        self.approach.into_session().zip(self.tried)
    }
}

/// Why an answer that is no welcome keeps this agent where it is.
fn refusal(answer: Answer) -> Failure {
    match answer {
        Answer::Refused { code, message, .. } => Failure::Refused { code, message },
        Answer::Original => Failure::Original,
        Answer::Welcome { .. } | Answer::Ack { .. } => Failure::Nonsense("it has no place here".into()),
    }
}
