//! Where a link stands.

use cpumon_protocol::model::Moment;
use cpumon_protocol::session::agent::AgentSession;

use super::approach::Approach;
use super::looking::Welcomed;

/// Where the link stands.
#[derive(Debug)]
pub(super) enum State {
    /// No connection, and none wanted before `until`.
    Resting { until: Moment },
    /// On the way to an exporter.
    Approaching(Approach),
    /// Welcome, and nothing is in flight.
    Idle { session: AgentSession, since: Moment },
    /// A sample is in flight.
    Waiting { session: AgentSession, since: Moment, sent: Moment },
    /// Bye is said.
    Leaving { session: AgentSession, until: Moment, then: Then },
    /// Over: the agent stops.
    Ended,
}

/// What follows bye.
#[derive(Debug)]
pub(super) enum Then {
    /// The end.
    End,
    /// The exporter that this agent prefers.
    Move(Welcomed),
}
