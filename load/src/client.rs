//! One agent of the crowd, in either dialect, without I/O.

mod original;

use cpumon_agent::link::rendezvous::Place;
use cpumon_agent::link::{Action, Event, Failure, Link, LinkSettings};
use cpumon_protocol::model::{Hello, Micros, Moment};
use original::OriginalLink;

use crate::machine::{self, Machine};

/// What an agent speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// Version 1.
    #[default]
    V1,
    /// The original's.
    Original,
}

/// One agent.
#[derive(Debug)]
pub(crate) struct Client {
    machine: Machine,
    speech: Speech,
}

#[derive(Debug)]
enum Speech {
    V1(Box<Link>),
    Original(OriginalLink),
}

/// Hands a call on to whichever link it is.
macro_rules! either {
    ($speech:expr, $link:ident => $call:expr) => {
        match $speech {
            Speech::V1($link) => $call,
            Speech::Original($link) => $call,
        }
    };
}

impl Client {
    /// An agent that says `hello`. Its machine comes from `seed`.
    pub(crate) fn v1(hello: Hello, seed: u64) -> Self {
        let link = Link::new(LinkSettings::default(), hello, seed);
        Self { machine: Machine::new(seed), speech: Speech::V1(Box::new(link)) }
    }

    /// A client of the original. Its machine comes from `seed`.
    pub(crate) fn original(seed: u64) -> Self {
        Self { machine: Machine::new(seed), speech: Speech::Original(OriginalLink::default()) }
    }

    /// How many samples its machine has measured since its boot, as its histogram counts them.
    pub(crate) fn measured(&self) -> u64 {
        self.machine.measured()
    }

    /// A sample is due.
    pub(crate) fn tick(&mut self, now: Moment, out: &mut Vec<u8>) -> Action {
        let sample = self.machine.sample(now);
        if let Speech::V1(link) = &mut self.speech {
            let cores = link.wants_cores().then(|| self.machine.cores());
            if cores.is_some() && !link.has_machine() {
                link.set_machine(Box::new(machine::facts()));
            }
            link.set_cores(cores);
        }
        either!(&mut self.speech, link => link.tick(now, sample, true, out))
    }

    pub(crate) fn connected(&mut self, now: Moment, out: &mut Vec<u8>) -> Action {
        either!(&mut self.speech, link => link.connected(now, out))
    }

    /// There is one exporter, and this is where.
    pub(crate) fn resolved(&mut self, now: Moment, place: Place) -> Action {
        match &mut self.speech {
            Speech::V1(link) => link.resolved(now, Ok(&[place])),
            Speech::Original(_) => Action::Open(place),
        }
    }

    pub(crate) fn failed(&mut self, now: Moment, why: Failure) -> Action {
        either!(&mut self.speech, link => link.failed(now, why))
    }

    pub(crate) fn receive(&mut self, now: Moment, bytes: &[u8], out: &mut Vec<u8>) -> Action {
        either!(&mut self.speech, link => link.receive(now, bytes, out))
    }

    pub(crate) fn deadline(&self) -> Option<Moment> {
        either!(&self.speech, link => link.deadline())
    }

    pub(crate) fn expired(&mut self, now: Moment, out: &mut Vec<u8>) -> Action {
        either!(&mut self.speech, link => link.expired(now, out))
    }

    /// Says bye, where the dialect knows it.
    pub(crate) fn stop(&mut self, now: Moment, patience: Micros, out: &mut Vec<u8>) -> Action {
        either!(&mut self.speech, link => link.stop(now, patience, out))
    }

    pub(crate) fn is_ended(&self) -> bool {
        either!(&self.speech, link => link.is_ended())
    }

    /// Whether what it sends now is a sample: it was greeted.
    pub(crate) fn is_live(&self) -> bool {
        either!(&self.speech, link => link.is_live())
    }

    pub(crate) fn next_event(&mut self) -> Option<Event> {
        either!(&mut self.speech, link => link.next_event())
    }
}
