//! Frames from an exporter to an agent.

use std::borrow::Cow;

use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize};

use super::VERSION;
use crate::limits::REPLY_MAX;

/// Any frame from an exporter, as an agent reads it.
pub(crate) enum ServerFrame<'a> {
    Welcome { v: u64, stale_ms: u64 },
    Ack { v: u64, seq: u64, want: Vec<Cow<'a, str>> },
    Error { v: u64, code: Cow<'a, str>, retry_ms: Option<u64>, message: Cow<'a, str> },
}

/// All fields of all types. (serde's own way with a field that tells the type keeps a copy of all others until it
/// has found that one.)
#[derive(Deserialize)]
struct Fields<'a> {
    v: u64,
    #[serde(borrow)]
    t: Cow<'a, str>,
    stale_ms: Option<u64>,
    seq: Option<u64>,
    #[serde(default, borrow)]
    want: Vec<Cow<'a, str>>,
    #[serde(borrow)]
    code: Option<Cow<'a, str>>,
    retry_ms: Option<u64>,
    #[serde(default, borrow)]
    message: Cow<'a, str>,
}

impl<'de: 'a, 'a> Deserialize<'de> for ServerFrame<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Fields { v, t, stale_ms, seq, want, code, retry_ms, message } =
            Fields::deserialize(deserializer)?;
        let missing = D::Error::missing_field;
        match &*t {
            "welcome" => Ok(Self::Welcome { v, stale_ms: stale_ms.ok_or_else(|| missing("stale_ms"))? }),
            "ack" => Ok(Self::Ack { v, seq: seq.ok_or_else(|| missing("seq"))?, want }),
            "error" => Ok(Self::Error { v, code: code.ok_or_else(|| missing("code"))?, retry_ms, message }),
            _ => Err(D::Error::unknown_variant(&t, &["welcome", "ack", "error"])),
        }
    }
}

impl ServerFrame<'_> {
    /// The version that the frame claims.
    pub(crate) fn version(&self) -> u64 {
        match self {
            Self::Welcome { v, .. } | Self::Ack { v, .. } | Self::Error { v, .. } => *v,
        }
    }
}

/// A frame as an exporter writes it: version and type first, then what belongs to the type.
#[derive(Serialize)]
struct Written<T> {
    v: u64,
    t: &'static str,
    #[serde(flatten)]
    body: T,
}

#[derive(Serialize)]
struct Welcome {
    stale_ms: u64,
}

#[derive(Serialize)]
struct Error<'a> {
    code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_ms: Option<u64>,
    message: &'a str,
}

/// The name by which an ack asks for per-core totals.
pub(crate) const WANT_CORES: &str = "cores";

/// Appends a welcome and its line end.
pub(crate) fn write_welcome(stale_ms: u64, out: &mut Vec<u8>) {
    write_line(&Written { v: VERSION, t: "welcome", body: Welcome { stale_ms } }, out);
}

/// Appends an ack and its line end. There is one for every sample, so it is written without a serializer.
pub(crate) fn write_ack(seq: u64, want_cores: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(br#"{"v":1,"t":"ack","seq":"#);
    out.extend_from_slice(itoa::Buffer::new().format(seq).as_bytes());
    if want_cores {
        out.extend_from_slice(br#","want":["cores"]"#);
    }
    out.extend_from_slice(b"}\n");
}

/// Appends an error and its line end, at most [`REPLY_MAX`] bytes: a message that becomes longer by its escapes
/// (six bytes for a control character) is cut.
pub(crate) fn write_error(code: &str, retry_ms: Option<u64>, message: &str, out: &mut Vec<u8>) {
    let start = out.len();
    for most in [message.len(), REPLY_MAX / 8] {
        let message = &message[..message.floor_char_boundary(most)];
        out.truncate(start);
        write_line(&Written { v: VERSION, t: "error", body: Error { code, retry_ms, message } }, out);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_written_as_documented() {
        let mut out = Vec::new();
        write_welcome(5_000, &mut out);
        write_ack(17, false, &mut out);
        write_ack(18, true, &mut out);
        write_error("duplicate", Some(3_000), "set AGENT_NAME", &mut out);
        let expect = r#"{"v":1,"t":"welcome","stale_ms":5000}
{"v":1,"t":"ack","seq":17}
{"v":1,"t":"ack","seq":18,"want":["cores"]}
{"v":1,"t":"error","code":"duplicate","retry_ms":3000,"message":"set AGENT_NAME"}
"#;
        assert_eq!(String::from_utf8_lossy(&out), expect);
    }
}
