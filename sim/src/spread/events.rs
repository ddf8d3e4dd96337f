//! What is going to happen to whom, in the order of time.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use cpumon_protocol::model::Moment;

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

/// An event to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) at: Moment,
    /// Of two events at one moment, the one that was scheduled first comes first.
    order: u64,
    pub(super) agent: u32,
    /// The connection that it is about, or the look-up; an event of one that is over is an old one.
    pub(super) about: u32,
    pub(super) what: What,
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
pub(super) struct Queue {
    heap: BinaryHeap<Reverse<Entry>>,
    scheduled: u64,
}

impl Queue {
    pub(super) fn schedule(&mut self, at: Moment, agent: usize, about: u32, what: What) {
        self.scheduled += 1;
        self.heap.push(Reverse(Entry { at, order: self.scheduled, agent: agent as u32, about, what }));
    }

    /// The next event, if it comes before `until`.
    pub(super) fn next_before(&mut self, until: Moment) -> Option<Entry> {
        if self.heap.peek()?.0.at >= until {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| entry)
    }
}
