//! Bytes into JSON objects.
//!
//! A stream is a sequence of JSON objects with any whitespace, or none, between them. [`Framer`] finds where
//! each one ends without parsing it, in one pass over every byte however the bytes are chunked. An object
//! that arrives whole is handed on from the caller's buffer; only the begun rest of one is kept, so an idle
//! connection holds no buffer.

use crate::limits::DEPTH_MAX;
use crate::reject::{RejectReason, Rejection};

/// Cuts a stream of bytes into JSON objects.
///
/// It refuses what can be seen without parsing: bytes between objects, objects too large or too deep, bytes that no
/// JSON text has outside its strings. The rest is the parser's.
#[derive(Debug, Default)]
pub struct Framer {
    /// The begun object, or the finished one that was handed out last.
    held: Vec<u8>,
    /// Whether `held` was handed out and is to be dropped at the next call.
    handed_out: bool,
    scan: Scan,
}

impl Framer {
    /// Takes bytes off `input` until an object is whole, and returns it; `None` when more bytes are needed,
    /// with `input` then empty.
    ///
    /// An object over `limit` bytes is refused as soon as it passes the limit. After an error the stream
    /// cannot be read on: where the next object begins is not known.
    pub fn next<'held, 'input: 'held>(
        &'held mut self,
        input: &mut &'input [u8],
        limit: usize,
    ) -> Result<Option<&'held [u8]>, Rejection> {
        if self.is_between() {
            skip_whitespace(input)?;
        }
        let room = limit.saturating_sub(self.held.len());
        let window = input.get(..room).unwrap_or(input);
        let end = self.scan.find_end(window)?;
        if end.is_none() && window.len() < input.len() {
            return Err(Rejection::with(
                RejectReason::TooLarge,
                format!("an object is larger than {limit} bytes; send smaller ones"),
            ));
        }
        let (taken, rest) = input.split_at(end.unwrap_or(input.len()));
        *input = rest;
        if end.is_some() && self.held.is_empty() {
            return Ok(Some(taken));
        }
        self.held.extend_from_slice(taken);
        self.handed_out = end.is_some();
        Ok(end.map(|_| self.held.as_slice()))
    }

    /// Whether the next object begins with the next byte, or after whitespace; lets go of the one handed out last.
    pub fn is_between(&mut self) -> bool {
        if std::mem::take(&mut self.handed_out) {
            self.held = Vec::new();
        }
        !self.is_inside()
    }

    /// Whether an object is begun but not whole.
    pub fn is_inside(&self) -> bool {
        self.scan.depth > 0
    }

    /// What there is of the begun object.
    pub fn begun(&self) -> &[u8] {
        if self.is_inside() { &self.held } else { &[] }
    }

    /// Bytes of memory that the begun object holds.
    pub fn held_bytes(&self) -> usize {
        self.held.capacity()
    }
}

/// Drops leading whitespace; what follows must be an object.
fn skip_whitespace(input: &mut &[u8]) -> Result<(), Rejection> {
    let blanks = input.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
    *input = &input[blanks..];
    match input.first() {
        None | Some(b'{') => Ok(()),
        Some(_) => Err(Rejection::new(
            RejectReason::NotAnObject,
            "these bytes are no JSON object; send objects such as {\"The Percentage Of CPU USAGE\": 12.5}",
        )),
    }
}

/// Where the scanner stands inside an object.
#[derive(Clone, Copy, Debug, Default)]
struct Scan {
    depth: usize,
    in_string: bool,
    escaped: bool,
}

impl Scan {
    /// Reads on through `bytes`; the number of bytes up to and including the object's last brace, if it is there.
    fn find_end(&mut self, bytes: &[u8]) -> Result<Option<usize>, Rejection> {
        for (index, &byte) in bytes.iter().enumerate() {
            if self.in_string {
                self.step_in_string(byte);
                continue;
            }
            match CLASS[usize::from(byte)] {
                Class::Plain => {}
                Class::Quote => self.in_string = true,
                Class::Open => {
                    self.depth += 1;
                    if self.depth > DEPTH_MAX {
                        return Err(Rejection::new(
                            RejectReason::TooDeep,
                            "objects and arrays nest deeper than 16; send flat objects",
                        ));
                    }
                }
                Class::Close => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        return Ok(Some(index + 1));
                    }
                }
                Class::Foreign => {
                    return Err(Rejection::new(
                        RejectReason::NotJson,
                        "a character stands outside a string where JSON allows none",
                    ));
                }
            }
        }
        Ok(None)
    }

    fn step_in_string(&mut self, byte: u8) {
        match byte {
            _ if self.escaped => self.escaped = false,
            b'\\' => self.escaped = true,
            b'"' => self.in_string = false,
            _ => {}
        }
    }
}

/// What a byte outside a string means to the scanner.
#[derive(Clone, Copy)]
enum Class {
    /// Part of a number, a literal, or punctuation.
    Plain,
    Quote,
    Open,
    Close,
    /// No JSON text has it outside a string.
    Foreign,
}

const CLASS: [Class; 256] = {
    let mut table = [Class::Foreign; 256];
    let plain = b" \t\n\r,:0123456789+-.eEtrufalsn";
    let mut index = 0;
    while index < plain.len() {
        table[plain[index] as usize] = Class::Plain;
        index += 1;
    }
    table[b'"' as usize] = Class::Quote;
    table[b'{' as usize] = Class::Open;
    table[b'[' as usize] = Class::Open;
    table[b'}' as usize] = Class::Close;
    table[b']' as usize] = Class::Close;
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    /// All objects in `chunks`, and the reason at which the stream ended, if it did.
    fn cut(chunks: &[&[u8]], limit: usize) -> (Vec<String>, Option<RejectReason>) {
        let mut framer = Framer::default();
        let mut objects = Vec::new();
        for chunk in chunks {
            let mut input = *chunk;
            loop {
                match framer.next(&mut input, limit) {
                    Ok(Some(object)) => objects.push(String::from_utf8_lossy(object).into_owned()),
                    Ok(None) => break,
                    Err(rejection) => return (objects, Some(rejection.reason)),
                }
            }
        }
        (objects, None)
    }

    #[test]
    fn objects_are_cut_wherever_the_stream_is_chunked() {
        let stream = b" {\"a\":1}{\"b\":\"}\\\"{\"}\r\n\t{\"c\":[{}]} ";
        let expect = vec!["{\"a\":1}", "{\"b\":\"}\\\"{\"}", "{\"c\":[{}]}"];
        assert_eq!(cut(&[stream], 100).0, expect);
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        assert_eq!(cut(&bytes, 100).0, expect);
        for at in 0..stream.len() {
            let (head, tail) = stream.split_at(at);
            assert_eq!(cut(&[head, tail], 100).0, expect, "cut at {at}");
        }
    }

    #[test]
    fn what_is_no_object_has_one_reason() {
        let deep = "{\"a\":".repeat(17);
        for (stream, reason) in [
            (&b"hello"[..], RejectReason::NotAnObject),
            (b"[12.5]", RejectReason::NotAnObject),
            (b"\xef\xbb\xbf{}", RejectReason::NotAnObject),
            (b"\0{}", RejectReason::NotAnObject),
            (b"{}x", RejectReason::NotAnObject),
            (b"{}}", RejectReason::NotAnObject),
            (b"GET / HTTP/1.1\r\n", RejectReason::NotAnObject),
            (b"\x16\x03\x01\x02\x00", RejectReason::NotAnObject),
            (b"{hello", RejectReason::NotJson),
            (b"{\"a\":1 # no\n}", RejectReason::NotJson),
            (deep.as_bytes(), RejectReason::TooDeep),
            (b"{\"a\":\"0123456789\"}", RejectReason::TooLarge),
        ] {
            let limit = if reason == RejectReason::TooLarge { 17 } else { 200 };
            assert_eq!(cut(&[stream], limit).1, Some(reason), "{stream:?}");
            let bytes: Vec<&[u8]> = stream.chunks(1).collect();
            assert_eq!(cut(&bytes, limit).1, Some(reason), "{stream:?} in single bytes");
        }
    }

    #[test]
    fn the_limit_itself_is_allowed() {
        let stream = b"{\"a\":\"0123456789\"}";
        assert_eq!(cut(&[stream], stream.len()).0.len(), 1);
    }

    #[test]
    fn nothing_is_held_between_objects() {
        let mut framer = Framer::default();
        for chunk in [&b"{\"a\""[..], b":1}", b"  "] {
            let mut input = chunk;
            while framer.next(&mut input, 100).unwrap().is_some() {}
        }
        assert_eq!((framer.held_bytes(), framer.is_inside()), (0, false));
    }

    #[test]
    fn an_endless_object_is_cut_at_the_limit() {
        let mut framer = Framer::default();
        let chunk = [b'1'; 4096];
        let mut input = &b"{\"a\":"[..];
        assert_eq!(framer.next(&mut input, 10_000), Ok(None));
        let refused = (0..10).find_map(|_| framer.next(&mut &chunk[..], 10_000).err());
        assert_eq!(refused.map(|r| r.reason), Some(RejectReason::TooLarge));
        assert!(framer.held_bytes() <= 16_384);
    }
}
