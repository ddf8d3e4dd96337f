//! Connections as TCP gives them: bytes in order, in any pieces, after any delay; an end that is told, or one that
//! is not. What is lost on the way is sent again, so a link that is cut holds its bytes and gives them later.

use std::collections::VecDeque;
use std::net::SocketAddr;

use cpumon_exporter::ingest::Connection;
use cpumon_protocol::model::Micros;

use crate::random::{chance, span_ms};
use crate::time::Time;

/// The place of a connection among all that there ever were.
pub(crate) type ConnId = usize;

/// A direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// From the agent to the exporter.
    Up,
    /// From the exporter to the agent.
    Down,
}

/// What arrives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Parcel {
    /// The answer to the first packet: the connection is there.
    Accepted,
    /// A piece of the stream.
    Bytes(Vec<u8>),
    /// The end of the stream.
    Fin,
    /// The connection is broken.
    Reset,
}

/// What is on its way in one direction.
#[derive(Debug, Default)]
pub(crate) struct Pipe {
    queue: VecDeque<(Time, Parcel)>,
    /// Whether an event for the first parcel is scheduled.
    pub(crate) is_scheduled: bool,
}

impl Pipe {
    /// When the first parcel is there.
    pub(crate) fn next_at(&self) -> Option<Time> {
        self.queue.front().map(|(at, _)| *at)
    }

    /// Takes the first parcel if it is there at `now`.
    pub(crate) fn take(&mut self, now: Time) -> Option<Parcel> {
        self.next_at().filter(|at| *at <= now)?;
        self.queue.pop_front().map(|(_, parcel)| parcel)
    }

    /// Nothing comes before `at`.
    pub(crate) fn delay_until(&mut self, at: Time) {
        for (due, _) in &mut self.queue {
            *due = (*due).max(at);
        }
    }

    pub(crate) fn clear(&mut self) {
        self.queue.clear();
    }

    fn push(&mut self, at: Time, parcel: Parcel) {
        let last = self.queue.back().map_or(at, |(last, _)| at.max(*last));
        self.queue.push_back((last, parcel));
    }
}

/// Who made a connection.
#[derive(Clone, Debug)]
pub(crate) enum Caller {
    /// The agent's process of this number.
    Agent { process: u32 },
    /// The replayer, with what he still wants to say.
    Replayer {
        script: VecDeque<Vec<u8>>,
        /// The exporter's life in which it was overheard.
        life: u32,
        /// When the exporter may have forgotten that it was said before.
        until: Time,
    },
}

/// A sample frame that was not answered yet.
#[derive(Clone, Debug)]
pub(crate) struct Unanswered {
    /// The sample, by its place in the ledger.
    pub(crate) sample: usize,
    /// The frame.
    pub(crate) frame: Vec<u8>,
}

/// A connection, both ends of it.
#[derive(Debug)]
pub(crate) struct Conn {
    pub(crate) agent: usize,
    pub(crate) exporter: usize,
    pub(crate) caller: Caller,
    pub(crate) peer: SocketAddr,
    pub(crate) up: Pipe,
    pub(crate) down: Pipe,
    /// Whether the caller still has it open.
    pub(crate) is_open_at_caller: bool,
    /// The exporter's end, while it is open.
    pub(crate) serving: Option<Connection>,
    /// Whether the exporter's host has seen its first packet.
    pub(crate) is_accepted: bool,
    /// Nothing passes any more, and nobody is told.
    pub(crate) is_dead: bool,
    /// When the exporter's timer for it goes off.
    pub(crate) timer: Time,
    /// The exporter reads nothing before.
    pub(crate) read_after: Option<Time>,
    pub(crate) hello: Vec<u8>,
    pub(crate) unanswered: VecDeque<Unanswered>,
    /// When the exporter said something on it last.
    pub(crate) answered_at: Option<Time>,
}

impl Conn {
    pub(crate) fn pipe(&mut self, way: Way) -> &mut Pipe {
        match way {
            Way::Up => &mut self.up,
            Way::Down => &mut self.down,
        }
    }

    pub(crate) fn is_replayers(&self) -> bool {
        matches!(self.caller, Caller::Replayer { .. })
    }

    /// Whether nothing can happen on it any more.
    pub(crate) fn is_over(&self) -> bool {
        !self.is_open_at_caller && self.serving.is_none() && self.up.next_at().is_none()
    }
}

/// How the network between an agent and all exporters behaves.
#[derive(Debug)]
pub(crate) struct Behaviour {
    random: fastrand::Rng,
    delay_ms_max: u64,
}

impl Behaviour {
    pub(crate) fn new(mut random: fastrand::Rng) -> Self {
        let delay_ms_max = [1, 5, 40, 250][random.usize(0..4)];
        Self { random, delay_ms_max }
    }

    /// The time that a packet takes.
    pub(crate) fn delay(&mut self) -> Micros {
        if chance(&mut self.random, 2) {
            // It was lost once, and sent again.
            return span_ms(&mut self.random, 200, 900);
        }
        Micros(self.random.u64(100..=self.delay_ms_max * 1_000))
    }

    /// Puts `bytes` on their way, in one piece or several.
    pub(crate) fn send(&mut self, pipe: &mut Pipe, now: Time, bytes: &[u8]) {
        let mut at = now.plus(self.delay());
        let mut rest = bytes;
        if chance(&mut self.random, 15) {
            for _ in 0..self.random.usize(1..4) {
                let (piece, after) = rest.split_at(self.random.usize(0..=rest.len()));
                if !piece.is_empty() {
                    pipe.push(at, Parcel::Bytes(piece.to_vec()));
                }
                rest = after;
                at = at.plus(self.delay());
            }
        }
        if !rest.is_empty() {
            pipe.push(at, Parcel::Bytes(rest.to_vec()));
        }
    }

    pub(crate) fn tell(&mut self, pipe: &mut Pipe, now: Time, parcel: Parcel) {
        if parcel == Parcel::Reset {
            pipe.clear();
        }
        pipe.push(now.plus(self.delay()), parcel);
    }
}

/// Which links are cut, by how many faults at once.
#[derive(Debug)]
pub(crate) struct Cuts {
    exporters: usize,
    up: Vec<u8>,
    down: Vec<u8>,
}

impl Cuts {
    pub(crate) fn new(agents: usize, exporters: usize) -> Self {
        Self { exporters, up: vec![0; agents * exporters], down: vec![0; agents * exporters] }
    }

    pub(crate) fn is_cut(&self, agent: usize, exporter: usize, way: Way) -> bool {
        let cuts = match way {
            Way::Up => &self.up,
            Way::Down => &self.down,
        };
        cuts[agent * self.exporters + exporter] > 0
    }

    /// Cuts a link, or takes one cut back.
    pub(crate) fn change(&mut self, agent: usize, exporter: usize, way: Way, is_cut: bool) {
        let cuts = match way {
            Way::Up => &mut self.up,
            Way::Down => &mut self.down,
        };
        let count = &mut cuts[agent * self.exporters + exporter];
        *count = if is_cut { count.saturating_add(1) } else { count.saturating_sub(1) };
    }

    pub(crate) fn heal(&mut self) {
        self.up.fill(0);
        self.down.fill(0);
    }
}
