//! Bounds of a variable's value, kept in the table so that messages, help and documentation agree.

use std::fmt;

use cpumon_protocol::model::Micros;

use super::value::{ByteSize, Refusal, Value, quantity};

/// What a value must lie within, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limits {
    /// Nothing but its type.
    None,
    /// A duration from the first to the second.
    Spans(Micros, Micros),
    /// A size from the first to the second.
    Sizes(ByteSize, ByteSize),
    /// A whole number from the first to the second.
    Counts(u64, u64),
    /// A comma list with at most so many items.
    Items(usize),
}

impl Limits {
    /// Refuses a value that its type allows and these limits do not. What the type refuses passes here: the
    /// decoding says it better.
    pub(super) fn check(self, text: &str) -> Result<(), Refusal> {
        match self {
            Self::None => Ok(()),
            Self::Spans(least, most) => self.check_range(text, least, most),
            Self::Sizes(least, most) => self.check_range(text, least, most),
            Self::Counts(least, most) => self.check_range(text, least, most),
            Self::Items(most) => match text.split(',').count() {
                count if count > most => {
                    Err(Refusal::new(format!("has {count} items"), format!("write at most {most}")))
                }
                _ => Ok(()),
            },
        }
    }

    fn check_range<T: Value + PartialOrd>(self, text: &str, least: T, most: T) -> Result<(), Refusal> {
        let wrong = match T::from_text(text) {
            Ok(value) if value < least => "is too small",
            Ok(value) if value > most => "is too large",
            _ => return Ok(()),
        };
        Err(Refusal::new(wrong, format!("write a value from {self}")))
    }
}

impl fmt::Display for Limits {
    /// The limits in a few words, nothing when there are none.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::None => Ok(()),
            Self::Spans(least, most) => write!(f, "{} to {}", quantity::Span(least), quantity::Span(most)),
            Self::Sizes(least, most) => write!(f, "{least} to {most}"),
            Self::Counts(least, u64::MAX) => write!(f, "{least} or more"),
            Self::Counts(least, most) => write!(f, "{least} to {most}"),
            Self::Items(most) => write!(f, "at most {most}"),
        }
    }
}
