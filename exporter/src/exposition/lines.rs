//! One line of the text format: name, labels, value.

use super::number::Number;

/// Writes the lines of one family about one agent.
pub(super) struct Lines<'a> {
    out: &'a mut Vec<u8>,
    family: &'static str,
    agent: &'a str,
}

impl<'a> Lines<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>, family: &'static str, agent: &'a str) -> Self {
        Self { out, family, agent }
    }

    /// Begins a line of the family's name and `suffix` with the label `agent`.
    pub(super) fn series(&mut self, suffix: &str) -> Line<'_> {
        self.out.extend_from_slice(self.family.as_bytes());
        self.out.extend_from_slice(suffix.as_bytes());
        self.out.extend_from_slice(b"{agent=\"");
        escape(self.agent, self.out);
        self.out.push(b'"');
        Line { out: self.out }
    }

    /// A line with no other label than `agent`.
    pub(super) fn plain(&mut self, value: impl Into<Number>) {
        self.series("").value(value);
    }
}

/// A line that is begun.
#[must_use]
pub(super) struct Line<'a> {
    out: &'a mut Vec<u8>,
}

impl Line<'_> {
    /// One more label. `key` is known to be a label's name.
    pub(super) fn label(self, key: &str, value: &str) -> Self {
        self.prefixed_label("", key, value)
    }

    /// One more label, whose key has a prefix.
    pub(super) fn prefixed_label(self, prefix: &str, key: &str, value: &str) -> Self {
        self.out.push(b',');
        self.out.extend_from_slice(prefix.as_bytes());
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"=\"");
        escape(value, self.out);
        self.out.push(b'"');
        self
    }

    /// Ends the line.
    pub(super) fn value(self, value: impl Into<Number>) {
        self.out.extend_from_slice(b"} ");
        value.into().write(self.out);
        self.out.push(b'\n');
    }
}

/// Appends a label's value; backslash, quote and line feed are escaped, as the format demands.
fn escape(value: &str, out: &mut Vec<u8>) {
    if !value.bytes().any(|byte| matches!(byte, b'\\' | b'"' | b'\n')) {
        out.extend_from_slice(value.as_bytes());
        return;
    }
    for byte in value.bytes() {
        match byte {
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'"' => out.extend_from_slice(b"\\\""),
            b'\n' => out.extend_from_slice(b"\\n"),
            other => out.push(other),
        }
    }
}
