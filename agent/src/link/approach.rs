//! The way to an exporter, from its name to its welcome.

use cpumon_protocol::model::{Hello, Micros, Moment};
use cpumon_protocol::session::agent::AgentSession;

use super::Failure;

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
