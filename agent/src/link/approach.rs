//! The way to an exporter, from its name to its welcome.

use cpumon_protocol::model::{Hello, Micros, Moment};
use cpumon_protocol::session::agent::AgentSession;

use super::rendezvous::Place;
use super::state::State;
use super::{Action, Failure, Link};

/// How far it is.
#[derive(Debug)]
pub(super) struct Approach {
    stage: Stage,
    until: Moment,
}

#[derive(Debug)]
enum Stage {
    /// The driver asks for the addresses of the exporters' names.
    Resolving,
    /// The driver opens a connection.
    Opening,
    /// Connected, but without a fresh sample to say hello with.
    Silent,
    /// Hello is said.
    Greeting(AgentSession),
}

impl Approach {
    /// Names are to be resolved; a connection is wanted until then.
    pub(super) fn resolving(until: Moment) -> Self {
        Self { stage: Stage::Resolving, until }
    }

    /// A connection is being opened, and wanted until then.
    pub(super) fn opening(until: Moment) -> Self {
        Self { stage: Stage::Opening, until }
    }

    pub(super) const fn until(&self) -> Moment {
        self.until
    }

    /// The addresses are known; the time that it may take in all stays as it was.
    pub(super) fn resolved(&mut self) {
        self.stage = Stage::Opening;
    }

    /// There is a connection; hello is to be said until then.
    pub(super) fn connected(&mut self, until: Moment) {
        *self = Self { stage: Stage::Silent, until };
    }

    /// Says hello; an answer is wanted until then.
    pub(super) fn say_hello(&mut self, hello: &Hello, until: Moment, out: &mut Vec<u8>) {
        *self = Self { stage: Stage::Greeting(AgentSession::start(hello, out)), until };
    }

    pub(super) const fn is_resolving(&self) -> bool {
        matches!(self.stage, Stage::Resolving)
    }

    pub(super) const fn is_opening(&self) -> bool {
        matches!(self.stage, Stage::Opening)
    }

    pub(super) const fn is_silent(&self) -> bool {
        matches!(self.stage, Stage::Silent)
    }

    /// The conversation, from hello on.
    pub(super) const fn session(&mut self) -> Option<&mut AgentSession> {
        match &mut self.stage {
            Stage::Greeting(session) => Some(session),
            _ => None,
        }
    }

    /// The conversation, from hello on.
    pub(super) fn into_session(self) -> Option<AgentSession> {
        match self.stage {
            Stage::Greeting(session) => Some(session),
            _ => None,
        }
    }

    /// What the end of the time means.
    pub(super) fn too_late(&self, patience: Micros) -> Failure {
        match self.stage {
            Stage::Resolving | Stage::Opening => Failure::ConnectTimeout(patience),
            Stage::Silent => Failure::Io("no sample to say hello with".into()),
            Stage::Greeting(_) => Failure::WelcomeTimeout(patience),
        }
    }
}

impl Link {
    /// Begins anew, with the exporters' names.
    pub(super) fn approach(&mut self, now: Moment) -> Action {
        self.want_cores = false;
        self.state = State::Approaching(Approach::resolving(now.plus(self.settings.connect_timeout)));
        Action::Resolve
    }

    /// Says hello, if there is a sample to say it with; the next tick brings one otherwise.
    pub(super) fn say_hello(&mut self, now: Moment, out: &mut Vec<u8>) {
        if let Some(utilization) = self.outgoing.present()
            && let State::Approaching(approach) = &mut self.state
        {
            self.hello.utilization = utilization;
            approach.say_hello(&self.hello, now.plus(self.settings.connect_timeout), out);
            self.outgoing.said_in_hello();
        }
    }

    /// These are the addresses of all names that could be resolved, or why there are none. Without them the ones of
    /// the last time are tried.
    pub fn resolved(&mut self, now: Moment, places: Result<&[Place], Failure>) -> Action {
        match &mut self.state {
            State::Approaching(approach) if approach.is_resolving() => approach.resolved(),
            _ => return self.look_resolved(now, places),
        }
        let why = match places {
            Ok(places) => {
                self.choice.learn(places);
                Failure::Io("the exporters' names have no address".into())
            }
            Err(why) => why,
        };
        match self.choice.next() {
            Some(place) => Action::Open(place),
            None => {
                self.rest_after(now, why);
                Action::None
            }
        }
    }

    /// The connection that [`Action::Open`] asked for is there.
    pub fn connected(&mut self, now: Moment, out: &mut Vec<u8>) -> Action {
        if let State::Approaching(approach) = &mut self.state
            && approach.is_opening()
        {
            approach.connected(now.plus(self.settings.connect_timeout));
            self.say_hello(now, out);
        }
        Action::None
    }
}
