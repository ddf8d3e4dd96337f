//! What may happen.

use crate::network::{ConnId, Way};

/// Something that happens at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A timer of the agent's process runs out.
    AgentWake(usize),
    /// The agent's process is started.
    AgentStart(usize),
    /// The first packet of a connection comes to the exporter's host.
    Syn(ConnId),
    /// What is next in a connection arrives.
    Deliver(ConnId, Way),
    /// The exporter looks at the deadline of a connection.
    Deadline(ConnId),
    /// The replayer goes on with a connection of his.
    Replay(ConnId),
    /// The exporter keeps house.
    Housekeeping(usize),
    /// The exporter's process is started.
    ExporterStart(usize),
    /// Prometheus scrapes an exporter.
    Scrape(usize),
    /// Prometheus evaluates its rules.
    Evaluate,
    /// A fault of the plan, by its place there.
    Fault(usize),
    /// The end of a fault that lasts.
    FaultEnd(usize),
    /// All faults are over.
    Heal,
    /// Everybody who lives has to be there again.
    CheckHealed,
    /// Each agent makes its last sample, and what is on its way can arrive.
    Freeze,
    /// The last scrape, and the reckoning.
    End,
}
