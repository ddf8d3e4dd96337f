//! What may happen, and to whom.

/// Something that happens to an agent, or to what it has sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// It measures a second.
    Tick,
    /// Its link's deadline passes.
    Wake,
    /// The exporters' name is resolved.
    Resolved,
    /// The first packet of a connection comes to the exporter.
    Knock,
    /// The exporter's system has taken the connection.
    Opened,
    /// The exporter's system has refused it.
    Refused,
    /// Hello comes to the exporter.
    Hello,
    /// The exporter, which stands in the agent's place, has answered a hello; `about` is which of its processes.
    Greeted,
    /// A sample or, if so, a bye comes to the exporter.
    Frame {
        /// Its number.
        seq: u32,
        /// Whether it is a bye.
        is_bye: bool,
    },
    /// The end of a connection comes to the exporter.
    Fin {
        /// Which exporter.
        desk: u32,
    },
    /// Welcome comes to the agent.
    Welcome,
    /// The answer to a sample or a bye comes to the agent.
    Ack {
        /// Its number.
        seq: u32,
    },
    /// The agent learns that the exporter has closed the connection.
    Lost,
}

/// That it happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Occurrence {
    pub(super) agent: u32,
    /// The connection that it is about, or the look-up; an event of one that is over is an old one.
    pub(super) about: u32,
    pub(super) what: What,
}

impl Occurrence {
    pub(super) const fn new(agent: usize, about: u32, what: What) -> Self {
        Self { agent: agent as u32, about, what }
    }
}
