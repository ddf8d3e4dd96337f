//! The agent's end: says who it is and what it measured, and understands the answers, in either dialect.

use crate::framing::Framer;
use crate::limits::{CORES_MAX, CORES_PER_FRAME, REPLY_MAX};
use crate::model::{Cores, Hello, Micros, Sample};
use crate::reject::{RejectReason, Rejection};
use crate::wire::server::{ServerFrame, WANT_CORES};
use crate::wire::{VERSION, canonical};

use super::encode;

/// The most cores in a frame of ours: as many as fit [`crate::limits::FRAME_MAX`] whatever their totals, which
/// twice as many do not.
const CORES_SENT: usize = CORES_PER_FRAME / 2;

/// The most CPUs of a machine in a frame of ours, for the same reason.
const CPUS_SENT: usize = CORES_MAX / 2;

/// What the other end answered.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// Hello was accepted; after a silence of `stale` this agent counts as gone.
    Welcome {
        /// The silence.
        stale: Micros,
    },
    /// A sample or a bye was taken.
    Ack {
        /// Which one.
        seq: u64,
        /// Whether somebody looks at cores.
        want_cores: bool,
    },
    /// The exporter refuses; it closes the connection unless the frame was merely unknown to it.
    Refused {
        /// A word to decide on: `auth`, `duplicate`, `version`, `limit`, `protocol` or one of a later version.
        code: Box<str>,
        /// When it makes sense to come back.
        retry: Option<Micros>,
        /// For the user.
        message: Box<str>,
    },
    /// The original's server answered; after hello this means that it does not know v1.
    Original,
}

/// Why an agent leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaving {
    /// It stops.
    Stop,
    /// It moves to another exporter.
    Move,
}

/// What the other end speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    /// It has not answered hello yet.
    Unknown,
    V1,
    Original,
}

/// One connection's conversation.
#[derive(Debug)]
pub struct AgentSession {
    framer: Framer,
    dialect: Dialect,
}

impl AgentSession {
    /// A conversation that begins with hello, which it appends to `out`: at most
    /// [`crate::limits::HELLO_MAX`] bytes, facts left out where it would be more.
    pub fn start(hello: &Hello, out: &mut Vec<u8>) -> Self {
        encode::hello(hello, out);
        Self { framer: Framer::default(), dialect: Dialect::Unknown }
    }

    /// Appends a sample, in the other end's dialect.
    pub fn sample(&self, seq: u64, sample: &Sample, out: &mut Vec<u8>) {
        match self.dialect {
            Dialect::Original => encode::original(sample.utilization, out),
            Dialect::V1 | Dialect::Unknown => encode::sample(seq, sample, out),
        }
    }

    /// Appends per-core totals that belong to the sample `seq`, to be sent before it: of at most [`CORES_MAX`] cores.
    /// Of no cores there is a frame too, so that who asked for them knows that there are none. The original has none.
    pub fn cores(&self, seq: u64, cores: &Cores, out: &mut Vec<u8>) {
        if self.dialect != Dialect::V1 {
            return;
        }
        let times = cores.times.get(..CORES_MAX).unwrap_or(&cores.times);
        // What a machine is goes in frames of its own: with cores beside it, it might not fit.
        if let Some(machine) = cores.machine.as_deref() {
            let mut cpus = machine.cpus.get(..CORES_MAX).unwrap_or(&machine.cpus);
            loop {
                let (part, rest) = cpus.split_at(cpus.len().min(CPUS_SENT));
                encode::cores(seq, cores, &[], Some((machine, part)), out);
                cpus = rest;
                if cpus.is_empty() {
                    break;
                }
            }
        } else if times.is_empty() {
            encode::cores(seq, cores, &[], None, out);
        }
        for part in times.chunks(CORES_SENT) {
            encode::cores(seq, cores, part, None, out);
        }
    }

    /// Appends a bye with the last totals. The original knows none: there the connection's end must do.
    pub fn bye(&self, leaving: Leaving, last: Option<(u64, &Sample)>, out: &mut Vec<u8>) {
        let reason = match leaving {
            Leaving::Stop => "stop",
            Leaving::Move => "move",
        };
        if self.dialect == Dialect::V1 {
            encode::bye(reason, last, out);
        }
    }

    /// Whether the other end is the original's server.
    pub fn is_original(&self) -> bool {
        self.dialect == Dialect::Original
    }

    /// Takes bytes off `input` until there is an answer; `None` when more bytes are needed.
    ///
    /// An error means that the other end broke the protocol: the connection cannot go on.
    pub fn receive(&mut self, input: &mut &[u8]) -> Result<Option<Answer>, Rejection> {
        if input.is_empty() {
            return Ok(None);
        }
        match self.dialect {
            Dialect::Original => {
                // Whatever comes is the answer: the original's client, too, prints what it reads and goes on.
                *input = &[];
                Ok(Some(Answer::Original))
            }
            Dialect::V1 => {
                let Some(object) = self.framer.next(input, REPLY_MAX)? else {
                    return Ok(None);
                };
                read(object).map(Some).ok_or_else(|| {
                    Rejection::new(RejectReason::Schema, "the exporter's answer is no frame of version 1")
                })
            }
            Dialect::Unknown => Ok(self.first_answer(input)),
        }
    }

    /// What the bytes so far mean when no more come in time: text that is no v1 frame is an original's answer. The
    /// beginning of a v1 frame is none: the rest of it may be late.
    pub fn give_up_waiting(&mut self) -> Option<Answer> {
        let begun = self.framer.begun();
        let is_foreign = !begun.is_empty()
            && [&b"{\"v\":"[..], b"{\"t\":"]
                .iter()
                .all(|v1| !begun.starts_with(v1) && !v1.starts_with(begun));
        (self.dialect == Dialect::Unknown && is_foreign).then(|| self.fall_back())
    }

    /// Bytes of memory that a begun answer holds.
    pub fn held_bytes(&self) -> usize {
        self.framer.held_bytes()
    }

    fn first_answer(&mut self, input: &mut &[u8]) -> Option<Answer> {
        match self.framer.next(input, REPLY_MAX).map(|object| object.map(read)) {
            Ok(None) => None,
            Ok(Some(Some(answer @ (Answer::Welcome { .. } | Answer::Refused { .. })))) => {
                self.dialect = Dialect::V1;
                Some(answer)
            }
            Ok(Some(_)) | Err(_) => {
                *input = &[];
                Some(self.fall_back())
            }
        }
    }

    fn fall_back(&mut self) -> Answer {
        self.dialect = Dialect::Original;
        self.framer = Framer::default();
        Answer::Original
    }
}

/// The answer in `object`, if it is a frame of our version.
fn read(object: &[u8]) -> Option<Answer> {
    if let Some(seq) = canonical::ack(object) {
        return Some(Answer::Ack { seq, want_cores: false });
    }
    let frame: ServerFrame<'_> = serde_json::from_slice(object).ok()?;
    if frame.version() != VERSION {
        return None;
    }
    Some(match frame {
        ServerFrame::Welcome { stale_ms, .. } => Answer::Welcome { stale: Micros::from_millis(stale_ms) },
        ServerFrame::Ack { seq, want, .. } => {
            Answer::Ack { seq, want_cores: want.iter().any(|what| what == WANT_CORES) }
        }
        ServerFrame::Error { code, retry_ms, message, .. } => Answer::Refused {
            code: code.into(),
            retry: retry_ms.map(Micros::from_millis),
            message: message.into(),
        },
    })
}
