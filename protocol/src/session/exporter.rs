//! The exporter's end: takes what one client sends, in either dialect.

use crate::framing::Framer;
use crate::limits;
use crate::model::Micros;
use crate::reject::{RejectReason, Rejection};
use crate::wire::client::Kind;
use crate::wire::{original, server};

use super::decode::{self, Opening};
pub use super::received::Received;

/// Sizes that an exporter allows.
#[derive(Clone, Copy, Debug)]
pub struct FrameLimits {
    /// The largest object before welcome, in bytes.
    pub greeting: usize,
    /// The largest object after it, in bytes.
    pub frame: usize,
}

impl Default for FrameLimits {
    fn default() -> Self {
        Self { greeting: limits::GREETING_MAX, frame: limits::FRAME_MAX }
    }
}

/// Which dialect the connection speaks, and how far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Nothing was said yet.
    Fresh,
    /// v1, and hello is not answered.
    Greeting,
    /// v1, welcome.
    Live,
    /// The original's dialect.
    Original,
}

/// One client's conversation.
///
/// Errors end it: the caller answers with [`ExporterSession::complain`], counts the reason, and closes.
#[derive(Debug)]
pub struct ExporterSession {
    framer: Framer,
    stage: Stage,
    /// Whether there was an error.
    ended: bool,
    limits: FrameLimits,
}

impl ExporterSession {
    /// A conversation in which nothing was said yet.
    pub fn new(limits: FrameLimits) -> Self {
        Self { framer: Framer::default(), stage: Stage::Fresh, ended: false, limits }
    }

    /// Takes bytes off `input` until the client has said something whole; `None` when more bytes are needed.
    ///
    /// After an error nothing more is understood: whatever still comes is taken and dropped.
    pub fn receive<'held, 'input: 'held>(
        &'held mut self,
        input: &mut &'input [u8],
    ) -> Result<Option<Received<'held>>, Rejection> {
        if self.ended {
            *input = &[];
            return Ok(None);
        }
        let received = match self.receive_canonical(input) {
            Some(received) => received,
            None => match self.framer.next(input, self.limit()) {
                Ok(None) => return Ok(None),
                Ok(Some(object)) => understand(&mut self.stage, object),
                Err(rejection) => Err(rejection),
            },
        };
        self.ended = received.is_err();
        received.map(Some)
    }

    /// Takes a sample off `input` the short way, where that is what comes next and it is of our agents' form.
    fn receive_canonical(&mut self, input: &mut &[u8]) -> Option<Result<Received<'static>, Rejection>> {
        if self.stage != Stage::Live || !self.framer.is_between() {
            return None;
        }
        let window = input.get(..self.limit()).unwrap_or(input);
        let (received, length) = decode::canonical_sample(window)?;
        *input = input.get(length..).unwrap_or_default();
        Some(received)
    }

    /// The largest object that is taken now, in bytes.
    fn limit(&self) -> usize {
        if self.stage == Stage::Live { self.limits.frame } else { self.limits.greeting }
    }

    /// What the stream's end cuts short, if anything; nothing after an error.
    pub fn end(&self) -> Result<(), Rejection> {
        if self.framer.is_inside() && !self.ended {
            return Err(Rejection::new(RejectReason::Truncated, "the connection ended inside an object"));
        }
        Ok(())
    }

    /// Accepts a hello: says after which silence the agent counts as gone.
    pub fn welcome(&mut self, stale: Micros, out: &mut Vec<u8>) {
        self.stage = Stage::Live;
        server::write_welcome(stale.as_millis(), out);
    }

    /// The answer to an error that ends the connection. A client of the original gets none.
    pub fn complain(&self, rejection: &Rejection, out: &mut Vec<u8>) {
        if self.stage != Stage::Original {
            refuse(rejection, None, out);
        }
    }

    /// Whether hello was answered, or the client is one of the original's.
    pub fn is_greeted(&self) -> bool {
        matches!(self.stage, Stage::Live | Stage::Original)
    }

    /// Whether the client is one of the original's.
    pub fn is_original(&self) -> bool {
        self.stage == Stage::Original
    }

    /// Whether a frame is begun but not whole.
    pub fn is_inside_frame(&self) -> bool {
        self.framer.is_inside()
    }

    /// Bytes of memory that a begun frame holds.
    pub fn held_bytes(&self) -> usize {
        self.framer.held_bytes()
    }
}

/// What `object` says at this stage, which it may move on.
fn understand<'a>(stage: &mut Stage, object: &'a [u8]) -> Result<Received<'a>, Rejection> {
    let object = decode::text(object)?;
    match stage {
        Stage::Live => decode::update(object),
        Stage::Original => decode::original(object),
        Stage::Greeting => Err(out_of_order("wait for the answer to hello")),
        Stage::Fresh => {
            *stage = Stage::Greeting;
            match decode::opening(object)? {
                Opening::Original => {
                    *stage = Stage::Original;
                    decode::original(object)
                }
                Opening::V1(Kind::Hello) => {
                    decode::hello(object).map(|hello| Received::Hello(Box::new(hello)))
                }
                Opening::V1(_) => Err(out_of_order("the first frame of a connection is hello")),
            }
        }
    }
}

/// Answers a sample or a bye; `want_cores` asks for per-core totals from now on.
pub fn acknowledge(seq: u64, want_cores: bool, out: &mut Vec<u8>) {
    server::write_ack(seq, want_cores, out);
}

/// Answers a sample of the original's client: its own text in upper case.
pub fn echo(object: &str, out: &mut Vec<u8>) {
    original::write_answer(object, out);
}

/// Answers with an error frame; `retry` says when it makes sense to come back.
pub fn refuse(rejection: &Rejection, retry: Option<Micros>, out: &mut Vec<u8>) {
    server::write_error(code(rejection.reason), retry.map(Micros::as_millis), &rejection.message, out);
}

/// The error frame's code for a reason: what an agent may want to decide on, coarser than the reason.
const fn code(reason: RejectReason) -> &'static str {
    match reason {
        RejectReason::BadVersion => "version",
        RejectReason::NameConflict => "duplicate",
        RejectReason::FleetFull | RejectReason::CoresFull => "limit",
        RejectReason::Auth => "auth",
        _ => "protocol",
    }
}

const fn out_of_order(message: &'static str) -> Rejection {
    Rejection::new(RejectReason::OutOfOrder, message)
}
