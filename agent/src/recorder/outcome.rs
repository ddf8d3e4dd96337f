//! What one tick came to.

use cpumon_protocol::model::{Micros, Mode, Sample};

use crate::sampling::ReadError;

/// The result of one tick, and what changed with it.
#[derive(Debug)]
pub struct Outcome {
    /// A sample, or why there is none.
    pub result: Result<Sample, Missed>,
    /// What is worth a log line, once each; empty at nearly every tick.
    pub changes: Vec<Change>,
}

/// Why a tick has no sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Missed {
    /// It is the first reading: no interval has passed yet.
    #[error("no whole interval has passed yet")]
    First,
    /// The source could not read.
    #[error("the CPU times cannot be read")]
    Unreadable,
    /// No CPU time passed since the reading before, in any mode.
    #[error("the CPU times stand still")]
    Standing,
}

/// A change of state, or an event.
#[derive(Debug)]
pub enum Change {
    /// The source can no longer read.
    Unreadable(ReadError),
    /// The CPU times no longer move.
    Standing,
    /// There are samples again, or will be with the next tick.
    Recovered,
    /// A total fell, by more than rounding explains, and is shown as it now is.
    Reset {
        /// Which one.
        total: Total,
        /// What was shown before.
        from: Micros,
        /// What is shown now.
        to: Micros,
    },
}

/// A total of CPU time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Total {
    /// In a mode.
    Mode(Mode),
    /// Of guests, inside user.
    GuestUser,
    /// Of guests, inside nice.
    GuestNice,
}

impl Total {
    /// Its name for a log line.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Mode(mode) => mode.label(),
            Self::GuestUser => "guest user",
            Self::GuestNice => "guest nice",
        }
    }
}
