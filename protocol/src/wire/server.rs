//! Frames from an exporter to an agent.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::VERSION;
use crate::limits::REPLY_MAX;

/// Any frame from an exporter.
#[derive(Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub(crate) enum ServerFrame<'a> {
    Welcome {
        v: u64,
        stale_ms: u64,
    },
    Ack {
        v: u64,
        seq: u64,
        #[serde(default, skip_serializing_if = "Vec::is_empty", borrow)]
        want: Vec<Cow<'a, str>>,
    },
    Error {
        v: u64,
        #[serde(borrow)]
        code: Cow<'a, str>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_ms: Option<u64>,
        #[serde(default, borrow)]
        message: Cow<'a, str>,
    },
}

impl ServerFrame<'_> {
    /// The version that the frame claims.
    pub(crate) fn version(&self) -> u64 {
        match self {
            Self::Welcome { v, .. } | Self::Ack { v, .. } | Self::Error { v, .. } => *v,
        }
    }
}

/// The name by which an ack asks for per-core totals.
pub(crate) const WANT_CORES: &str = "cores";

/// Appends a welcome and its line end.
pub(crate) fn write_welcome(stale_ms: u64, out: &mut Vec<u8>) {
    write_line(&ServerFrame::Welcome { v: VERSION, stale_ms }, out);
}

/// Appends an ack and its line end.
pub(crate) fn write_ack(seq: u64, want_cores: bool, out: &mut Vec<u8>) {
    let want = if want_cores { vec![Cow::Borrowed(WANT_CORES)] } else { Vec::new() };
    write_line(&ServerFrame::Ack { v: VERSION, seq, want }, out);
}

/// Appends an error and its line end, at most [`REPLY_MAX`] bytes: a message that becomes longer by its escapes
/// (six bytes for a control character) is cut.
pub(crate) fn write_error(code: &str, retry_ms: Option<u64>, message: &str, out: &mut Vec<u8>) {
    let start = out.len();
    for most in [message.len(), REPLY_MAX / 8] {
        let message = &message[..message.floor_char_boundary(most)];
        out.truncate(start);
        write_line(
            &ServerFrame::Error { v: VERSION, code: code.into(), retry_ms, message: message.into() },
            out,
        );
        if out.len() - start <= REPLY_MAX {
            return;
        }
    }
}

/// Appends `frame` as JSON and a line end.
pub(crate) fn write_line(frame: &impl Serialize, out: &mut Vec<u8>) {
    // Writing to a Vec cannot fail, and no frame has a map with keys that are not text.
    let written = serde_json::to_writer(&mut *out, frame);
    debug_assert!(written.is_ok(), "{written:?}");
    out.push(b'\n');
}
