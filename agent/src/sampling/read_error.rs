//! Why a reading failed: a closed set, so that it can be counted and shown.

use std::io;

/// A reading that failed, and what it was of.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {subject}: {fault}")]
pub struct ReadError {
    /// The file, or the library's figure, that was read.
    pub subject: Box<str>,
    /// What was wrong with it.
    pub fault: Fault,
}

/// What can be wrong with a reading.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The system refused it.
    #[error("{0}")]
    Io(io::Error),
    /// There is nothing in it.
    #[error("it is empty")]
    Empty,
    /// Its end is missing.
    #[error("it ends too early")]
    Truncated,
    /// A line is not of the expected form.
    #[error("line {line} is not {expected}")]
    Malformed {
        /// Counted from 1.
        line: u32,
        /// What the line should have been.
        expected: &'static str,
    },
    /// A number is beyond what any machine can have counted.
    #[error("line {line} has a number that is too large")]
    NumberTooLarge {
        /// Counted from 1.
        line: u32,
    },
    /// It is larger than any real one.
    #[error("it is larger than {limit} bytes")]
    TooLarge {
        /// The most that is read, in bytes.
        limit: usize,
    },
    /// The library has no new figure, and the old one is not repeated.
    #[error("there is no new figure")]
    Stale,
}

impl ReadError {
    /// `fault`, found in `subject`.
    pub fn new(subject: impl Into<Box<str>>, fault: Fault) -> Self {
        Self { subject: subject.into(), fault }
    }
}
