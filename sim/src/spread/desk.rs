//! An exporter, as far as it matters to those who come and go.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};

use cpumon_agent::link::rendezvous::Place;
use cpumon_protocol::model::{Micros, Moment};

/// The most connections whose hello has not been answered: one more ends the oldest (`EXPORTER_MAX_UNGREETED`).
const UNGREETED_MAX: usize = 512;

/// A connection that has said hello.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caller {
    pub(super) agent: usize,
    pub(super) conn: u32,
    /// When hello came.
    pub(super) since: Moment,
}

/// Whether an exporter is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    /// It takes connections.
    Open,
    /// The process is gone, and its system refuses.
    Refusing,
    /// The machine is gone: nothing answers.
    Silent,
}

/// One exporter.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) place: Place,
    pub(super) presence: Presence,
    /// Whether the name has its address.
    pub(super) is_listed: bool,
    /// Counts its processes: what was connected to an earlier one is not to this one.
    pub(super) life: u32,
    /// The one whose hello it is at.
    greeting: Option<Caller>,
    /// Those that have said hello after that one.
    queue: VecDeque<Caller>,
    /// Connections that it took in each second, of those since [`Desk::begin`].
    connects: Vec<u32>,
    since: Moment,
    /// The longest wait of a hello in its queue since then.
    pub(super) longest_wait: Micros,
}

impl Desk {
    /// The exporter of this number, open.
    pub(super) fn new(number: usize) -> Self {
        let address = Ipv4Addr::from(u32::from(Ipv4Addr::new(10, 0, 0, 1)).saturating_add(number as u32));
        Self {
            place: Place { address: SocketAddr::from((address, 8080)), exporter: 0 },
            presence: Presence::Open,
            is_listed: true,
            life: 0,
            greeting: None,
            queue: VecDeque::new(),
            connects: Vec::new(),
            since: Moment(0),
            longest_wait: Micros::ZERO,
        }
    }

    /// Counts anew from now on.
    pub(super) fn begin(&mut self, now: Moment) {
        self.connects.clear();
        self.since = now;
        self.longest_wait = Micros::ZERO;
    }

    /// Takes a connection.
    pub(super) fn connect(&mut self, now: Moment) {
        let second = (now.since(self.since).0 / 1_000_000) as usize;
        if self.connects.len() <= second {
            self.connects.resize(second + 1, 0);
        }
        if let Some(count) = self.connects.get_mut(second) {
            *count += 1;
        }
    }

    /// A hello comes. Says whether it is begun to be answered at once, and whose connection ends for it.
    pub(super) fn hear(&mut self, caller: Caller) -> (bool, Option<Caller>) {
        if self.greeting.is_none() {
            self.greeting = Some(caller);
            return (true, None);
        }
        let ended = if self.queue.len() >= UNGREETED_MAX { self.queue.pop_front() } else { None };
        self.queue.push_back(caller);
        (false, ended)
    }

    /// Has answered a hello. Says whose, and whether the next one is begun.
    pub(super) fn greeted(&mut self, now: Moment) -> (Option<Caller>, bool) {
        let greeted = std::mem::replace(&mut self.greeting, self.queue.pop_front());
        if let Some(caller) = greeted {
            self.longest_wait = self.longest_wait.max(now.since(caller.since));
        }
        (greeted, self.greeting.is_some())
    }

    /// The process is gone, and with it all connections and whoever stands in the queue.
    pub(super) fn end(&mut self, presence: Presence) {
        self.presence = presence;
        self.life += 1;
        self.greeting = None;
        self.queue.clear();
    }

    /// Connections in each second.
    pub(super) fn connects(&self) -> &[u32] {
        &self.connects
    }
}
