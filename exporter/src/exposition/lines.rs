//! Lines of the text format: name, labels, value.
//!
//! A page has hundreds of thousands of them, so what repeats is put together once: the label of an agent for all of
//! its lines, the beginning of a line for all series of a family.

use std::net::{IpAddr, SocketAddr};

use super::number::Number;
use super::sink::Sink;

/// The label that every line about an agent begins with, as it is written: `{agent="web-1"`.
#[derive(Clone, Copy, Debug)]
pub(super) struct AgentLabel<'a> {
    /// It, and what else there is behind it.
    bytes: &'a [u8],
    length: usize,
}

impl<'a> AgentLabel<'a> {
    /// The first `length` bytes of `bytes`. It is quicker to copy if there are more of them.
    pub(super) fn new(bytes: &'a [u8], length: usize) -> Self {
        Self { bytes, length }
    }

    /// Appends that of the agent `name`.
    pub(super) fn write(name: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{agent=\"");
        escape(name, out);
        out.push(b'"');
    }

    pub(super) const fn length(self) -> usize {
        self.length
    }

    #[inline(always)]
    pub(super) fn append_to(self, out: &mut impl Sink) {
        match self.bytes.first_chunk::<32>() {
            Some(bytes) if self.length <= bytes.len() => out.append_first(self.length, bytes),
            _ => out.append(&self.bytes[..self.length]),
        }
    }
}

/// A few bytes, kept with others behind them up to a known size.
#[derive(Clone, Copy, Debug)]
pub(super) struct Short<const WIDTH: usize> {
    bytes: [u8; WIDTH],
    length: usize,
}

impl<const WIDTH: usize> Short<WIDTH> {
    pub(super) const EMPTY: Self = Self { bytes: [0; WIDTH], length: 0 };

    /// These bytes and `text` behind them; there must be room.
    pub(super) const fn with(mut self, text: &str) -> Self {
        let text = text.as_bytes();
        let mut index = 0;
        while index < text.len() {
            self.bytes[self.length] = text[index];
            self.length += 1;
            index += 1;
        }
        self
    }

    #[inline(always)]
    pub(super) fn append_to(&self, out: &mut impl Sink) {
        out.append_first(self.length, &self.bytes);
    }
}

/// The beginning of a label that is known beforehand: `,mode="`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key(Short<16>);

impl Key {
    /// Of `key`, which is a short name of a label.
    pub(super) const fn new(key: &str) -> Self {
        Self(Short::EMPTY.with(",").with(key).with("=\""))
    }
}

/// How a series' name goes on behind that of its family, and the end of its labels, both known beforehand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ending {
    pub(super) suffix: &'static str,
    labels: Short<32>,
}

impl Ending {
    /// One more label, whose key and value need no escapes and are short: `,mode="user"} `.
    pub(super) const fn label(key: &str, value: &str) -> Self {
        Self::new("", key, value)
    }

    /// A bucket of a histogram up to `le`.
    pub(super) const fn bucket(le: &str) -> Self {
        Self::new("_bucket", "le", le)
    }

    /// No more label: `} `.
    pub(super) const fn suffix(suffix: &'static str) -> Self {
        Self { suffix, labels: Short::EMPTY.with("} ") }
    }

    const fn new(suffix: &'static str, key: &str, value: &str) -> Self {
        Self { suffix, labels: Short::EMPTY.with(",").with(key).with("=\"").with(value).with("\"} ") }
    }

    #[inline(always)]
    pub(super) fn append_to(&self, out: &mut impl Sink) {
        self.labels.append_to(out);
    }

    /// The text of its label.
    #[cfg(test)]
    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.labels.bytes[..self.labels.length]).unwrap()
    }
}

/// Writes the lines of one family about one agent.
pub(super) struct Lines<'a> {
    out: &'a mut Vec<u8>,
    family: &'static str,
    agent: AgentLabel<'a>,
}

impl<'a> Lines<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>, family: &'static str, agent: AgentLabel<'a>) -> Self {
        Self { out, family, agent }
    }

    /// Begins a line of the family's name with the label `agent`.
    pub(super) fn series(&mut self) -> Line<'_> {
        self.out.extend_from_slice(self.family.as_bytes());
        self.agent.append_to(self.out);
        Line { out: self.out }
    }

    /// A line for each of `endings` below one more label that all of them have, with the value in the same place.
    pub(super) fn each_under<N: Into<Number>>(
        &mut self,
        (key, value): (Key, &str),
        endings: &[Ending],
        values: impl IntoIterator<Item = N>,
    ) {
        for (ending, number) in endings.iter().zip(values) {
            let _ = self.series().label(key, value);
            ending.append_to(self.out);
            end_line(number, self.out);
        }
    }
}

/// Writes the lines of one family of a page that is about one agent, so that no label says which.
pub(super) struct NodeLines<'a> {
    out: &'a mut Vec<u8>,
    family: &'static str,
}

impl<'a> NodeLines<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>, family: &'static str) -> Self {
        Self { out, family }
    }

    /// A line without labels, where there is a value.
    pub(super) fn plain(&mut self, value: Option<impl Into<Number>>) {
        if let Some(value) = value {
            self.out.extend_from_slice(self.family.as_bytes());
            self.out.push(b' ');
            end_line(value, self.out);
        }
    }

    /// A line with these labels, of which there is at least one.
    pub(super) fn labelled(&mut self, labels: &[(&str, &str)], value: impl Into<Number>) {
        self.out.extend_from_slice(self.family.as_bytes());
        for (index, (key, value)) in labels.iter().enumerate() {
            self.out.push(if index == 0 { b'{' } else { b',' });
            self.out.extend_from_slice(key.as_bytes());
            self.out.extend_from_slice(b"=\"");
            escape(value, self.out);
            self.out.push(b'"');
        }
        self.out.extend_from_slice(b"} ");
        end_line(value, self.out);
    }
}

/// A line that is begun.
#[must_use]
pub(super) struct Line<'a> {
    out: &'a mut Vec<u8>,
}

impl Line<'_> {
    /// One more label.
    pub(super) fn label(self, key: Key, value: &str) -> Self {
        self.unescaped_label(key, |out| escape(value, out))
    }

    /// One more label, whose value is an address.
    pub(super) fn address_label(self, key: Key, address: IpAddr) -> Self {
        self.unescaped_label(key, |out| write_ip(address, out))
    }

    /// One more label, whose value is an address and a port.
    pub(super) fn endpoint_label(self, key: Key, endpoint: SocketAddr) -> Self {
        self.unescaped_label(key, |out| write_endpoint(endpoint, out))
    }

    /// One more label of the user's choice, which is a name of a label, behind `label_`.
    pub(super) fn users_label(self, key: &str, value: &str) -> Self {
        self.out.extend_from_slice(b",label_");
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"=\"");
        escape(value, self.out);
        self.out.push(b'"');
        self
    }

    /// Ends the line.
    pub(super) fn value(self, value: impl Into<Number>) {
        self.out.extend_from_slice(b"} ");
        end_line(value, self.out);
    }

    /// One more label, whose value is written by `write`, as the format demands.
    fn unescaped_label(self, Key(key): Key, write: impl FnOnce(&mut Vec<u8>)) -> Self {
        key.append_to(self.out);
        write(self.out);
        self.out.push(b'"');
        self
    }
}

#[inline(always)]
pub(super) fn end_line(value: impl Into<Number>, out: &mut impl Sink) {
    value.into().write(out);
    out.append(b"\n");
}

/// What the format wants to be escaped in a label's value.
const ESCAPED: [u8; 3] = *b"\\\"\n";

/// Appends a label's value; backslash, quote and line feed are escaped, as the format demands.
fn escape(value: &str, out: &mut Vec<u8>) {
    let mut rest = value.as_bytes();
    if is_plain(rest) {
        return out.extend_from_slice(rest);
    }
    while let Some(at) = rest.iter().position(|byte| ESCAPED.contains(byte)) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(match rest[at] {
            b'\n' => b"\\n",
            b'"' => b"\\\"",
            _ => b"\\\\",
        });
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}

/// Whether nothing in `text` needs an escape. Nearly no value does, and all are short: they are looked at eight bytes at
/// a time, which takes less than half as long as a search.
fn is_plain(text: &[u8]) -> bool {
    let (words, rest) = text.as_chunks();
    match text.last_chunk() {
        // The last eight bytes are looked at together too, some of them again.
        Some(last) => words.iter().chain([last]).all(|word| is_plain_word(u64::from_le_bytes(*word))),
        None => rest.iter().all(|byte| !ESCAPED.contains(byte)),
    }
}

/// The same of the eight bytes in a register. Taking one from a byte borrows from its highest bit only if the byte is
/// zero, or if that bit was set before.
fn is_plain_word(word: u64) -> bool {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGHEST: u64 = ONES << 7;
    ESCAPED.iter().all(|&byte| {
        // Zero where `word` has the byte.
        let differences = word ^ (ONES * u64::from(byte));
        differences.wrapping_sub(ONES) & !differences & HIGHEST == 0
    })
}

/// Appends an address as its own `Display` does; that of IPv4, which nearly all have, in a fifth of the time.
fn write_ip(address: IpAddr, out: &mut Vec<u8>) {
    match address {
        IpAddr::V4(v4) => {
            for (index, octet) in v4.octets().into_iter().enumerate() {
                if index > 0 {
                    out.push(b'.');
                }
                out.extend_from_slice(itoa::Buffer::new().format(octet).as_bytes());
            }
        }
        IpAddr::V6(v6) => out.extend_from_slice(v6.to_string().as_bytes()),
    }
}

fn write_endpoint(endpoint: SocketAddr, out: &mut Vec<u8>) {
    match endpoint {
        SocketAddr::V4(v4) => {
            write_ip(endpoint.ip(), out);
            out.push(b':');
            out.extend_from_slice(itoa::Buffer::new().format(v4.port()).as_bytes());
        }
        SocketAddr::V6(v6) => out.extend_from_slice(v6.to_string().as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_the_format_demands_is_escaped() {
        for (value, expected) in [
            ("", ""),
            ("web-1", "web-1"),
            ("\"", "\\\""),
            ("a\\b\nc\"d\\", "a\\\\b\\nc\\\"d\\\\"),
            ("é\n\n☃", "é\\n\\n☃"),
            ("12345678", "12345678"),
            ("1234567\"", "1234567\\\""),
            ("12345678\"", "12345678\\\""),
            ("\"2345678", "\\\"2345678"),
            ("1234567812\n45678", "1234567812\\n45678"),
        ] {
            assert_eq!(written(|out| escape(value, out)), expected, "{value:?}");
        }
    }

    #[test]
    fn addresses_look_as_they_always_do() {
        for text in ["0.0.0.0:0", "127.0.0.1:8080", "255.255.255.255:65535", "[::1]:80", "[fe80::1%3]:1"] {
            let endpoint: SocketAddr = text.parse().unwrap();
            assert_eq!(written(|out| write_endpoint(endpoint, out)), endpoint.to_string());
            assert_eq!(written(|out| write_ip(endpoint.ip(), out)), endpoint.ip().to_string());
        }
    }
}
