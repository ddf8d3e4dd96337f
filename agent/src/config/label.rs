//! The user's own labels.

use cpumon_daemon::variables::{Pair, Refusal, Value};
use cpumon_protocol::limits::LABEL_KEY_MAX;

use super::LABELS_BYTES_MAX;

/// The longest value of a label, in bytes.
const VALUE_MAX: usize = 64;

/// What JSON writes around a key and its value: four quotes, a colon, a comma.
const PUNCTUATION: usize = 6;

/// One label: a key that Prometheus takes, and a value on one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelPair {
    /// Letters, digits and `_`, no digit first.
    pub key: Box<str>,
    /// At most 64 bytes without control characters.
    pub value: Box<str>,
}

impl Value for LabelPair {
    fn from_text(text: &str) -> Result<Self, Refusal> {
        let Pair { key, value } = Pair::from_text(text)?;
        if !is_key(&key) {
            let right = format!("write a key of 1 to {LABEL_KEY_MAX} letters, digits and _, no digit first");
            return Err(Refusal::new("has a key that cannot be a label", right));
        }
        if value.len() > VALUE_MAX {
            return Err(Refusal::new("has too long a value", format!("write at most {VALUE_MAX} bytes")));
        }
        if value.chars().any(char::is_control) {
            return Err(Refusal::new("has a control character in its value", "write printable characters"));
        }
        Ok(Self { key: key.into(), value: value.into() })
    }
}

fn is_key(key: &str) -> bool {
    key.len() <= LABEL_KEY_MAX
        && !key.starts_with(|c: char| c.is_ascii_digit())
        && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// What is wrong with labels that are each well formed.
pub(super) fn refuse_together(labels: &[LabelPair]) -> Option<Refusal> {
    for (index, label) in labels.iter().enumerate() {
        if labels.iter().skip(index + 1).any(|later| later.key == label.key) {
            return Some(Refusal::new(format!("has `{}` twice", label.key), "write each key once"));
        }
    }
    let bytes: usize = labels.iter().map(bytes_in_json).sum();
    let right =
        format!("write keys and values of at most {LABELS_BYTES_MAX} bytes in all, punctuation included");
    (bytes > LABELS_BYTES_MAX).then(|| Refusal::new(format!("takes {bytes} bytes"), right))
}

fn bytes_in_json(label: &LabelPair) -> usize {
    let escapes = label.value.bytes().filter(|b| matches!(b, b'"' | b'\\')).count();
    PUNCTUATION + label.key.len() + label.value.len() + escapes
}
