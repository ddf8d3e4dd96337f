//! What is going to happen, in the order of time.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use crate::network::{ConnId, Way};
use crate::time::Time;

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

#[derive(Debug, PartialEq, Eq)]
struct Entry {
    at: Time,
    /// Of two events at one moment, the one that was scheduled first comes first.
    order: u64,
    event: Event,
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// All events to come.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    heap: BinaryHeap<Reverse<Entry>>,
    scheduled: u64,
}

impl Queue {
    pub(crate) fn schedule(&mut self, at: Time, event: Event) {
        self.scheduled += 1;
        self.heap.push(Reverse(Entry { at, order: self.scheduled, event }));
    }

    pub(crate) fn next(&mut self) -> Option<(Time, Event)> {
        self.heap.pop().map(|Reverse(entry)| (entry.at, entry.event))
    }
}
