//! What the other end makes of an object: both sessions, asked the same question.

use cpumon_protocol::session::agent::{AgentSession, Answer};
use cpumon_protocol::session::exporter::{ExporterSession, FrameLimits};

use crate::support::conversation::{STALE, Said, hear, listen};
use crate::support::values::plain_hello;

/// A frame of which the page speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Hello,
    Sample,
    Cores,
    Bye,
    Welcome,
    Ack,
    Error,
    Original,
}

impl Kind {
    /// Every kind.
    pub(crate) const ALL: [Self; 8] = [
        Self::Hello,
        Self::Sample,
        Self::Cores,
        Self::Bye,
        Self::Welcome,
        Self::Ack,
        Self::Error,
        Self::Original,
    ];

    /// The frame's type, and what the page's examples of it are marked with.
    pub(crate) fn mark(self) -> [&'static str; 2] {
        match self {
            Self::Hello => ["agent", "hello"],
            Self::Sample => ["agent", "sample"],
            Self::Cores => ["agent", "cores"],
            Self::Bye => ["agent", "bye"],
            Self::Welcome => ["exporter", "welcome"],
            Self::Ack => ["exporter", "ack"],
            Self::Error => ["exporter", "error"],
            Self::Original => ["original", "object"],
        }
    }

    /// Where its table stands.
    pub(crate) fn heading(self) -> String {
        match self {
            Self::Original => "## The original's dialect".into(),
            other => format!("### `{}`", other.mark()[1]),
        }
    }

    /// Whether an exporter sends it.
    pub(crate) fn is_answer(self) -> bool {
        matches!(self, Self::Welcome | Self::Ack | Self::Error)
    }

    /// Whether the other end takes `object` as a frame of this kind, at the place where one may come.
    pub(crate) fn is_taken(self, object: &str) -> bool {
        if self.is_answer() { self.is_taken_by_agent(object) } else { self.is_taken_by_exporter(object) }
    }

    fn is_taken_by_exporter(self, object: &str) -> bool {
        let hello = br#"{"v":1,"t":"hello","agent":"a","run":"r","The Percentage Of CPU USAGE":1}"#;
        let is_first = matches!(self, Self::Hello | Self::Original);
        let before: &[u8] = if is_first { b"" } else { hello };
        let outcome = hear(FrameLimits::default(), [before, object.as_bytes()]);
        outcome.errors.is_empty()
            && match outcome.said.last() {
                Some(Said::Hello(_)) => self == Self::Hello && is_first,
                Some(Said::Sample { .. }) => self == Self::Sample,
                Some(Said::Cores { .. }) => self == Self::Cores,
                Some(Said::Bye { .. }) => self == Self::Bye,
                Some(Said::Original { .. }) => self == Self::Original,
                Some(Said::Unknown(_)) | None => false,
            }
    }

    fn is_taken_by_agent(self, object: &str) -> bool {
        let mut session = AgentSession::start(&plain_hello(), &mut Vec::new());
        if self == Self::Ack {
            let mut welcome = Vec::new();
            ExporterSession::new(FrameLimits::default()).welcome(STALE, &mut welcome);
            listen(&mut session, &[&welcome]);
        }
        let (answers, ended) = listen(&mut session, &[object.as_bytes()]);
        ended.is_none()
            && match answers.first() {
                Some(Answer::Welcome { .. }) => self == Self::Welcome,
                Some(Answer::Ack { .. }) => self == Self::Ack,
                Some(Answer::Refused { .. }) => self == Self::Error,
                Some(Answer::Original) | None => false,
            }
    }
}
