//! What has to hold, and the report of what does not.

use std::fmt;

use crate::time::Time;
use crate::trace::Happening;

/// What has to hold at every step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Invariant {
    /// A sample says what happened between its two readings, and the histogram has each one once.
    Measured,
    /// What an exporter shows is exactly what the agent has made, whole.
    CountedIsMade,
    /// What was acknowledged is what the exporter shows.
    AcknowledgedIsCounted,
    /// An exporter never goes back to an older sample.
    NeverBack,
    /// A gauge is at most five intervals old.
    GaugeAge,
    /// Up while samples arrive, not up when they do not, whatever the wall clocks say.
    Liveness,
    /// Totals are shown while the agent is up and for a minute after, and no longer.
    TotalsShown,
    /// Prometheus never holds more than was measured.
    NeverMore,
    /// A merged total never falls but for a new epoch.
    MergedNeverFalls,
    /// Each sample that Prometheus does not hold has a reason.
    NothingUnexplained,
    /// A killed agent that was connected takes at most two seconds of samples along.
    ShortTail,
    /// After a pause there is one catch-up frame at most.
    NoBurst,
    /// After the faults are over, whoever lives is up again in time.
    BackInTime,
    /// No table grows beyond its bound.
    Bounded,
    /// The page can be read.
    Text,
    /// One agent's faults change nothing of another's series.
    Independent,
    /// The simulator itself.
    Simulator,
}

/// An invariant that does not hold.
#[derive(Clone, Debug)]
pub struct Violation {
    /// Which.
    pub invariant: Invariant,
    /// When.
    pub at: Time,
    /// What was found.
    pub detail: String,
}

impl Violation {
    pub(crate) const fn new(invariant: Invariant, at: Time, detail: String) -> Self {
        Self { invariant, at, detail }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} does not hold at {} s: {}", self.invariant, self.at, self.detail)
    }
}

/// A seed that failed.
#[derive(Debug)]
pub struct Failure {
    /// The seed.
    pub seed: u64,
    /// What does not hold.
    pub violation: Violation,
    /// What had happened before.
    pub trace: Vec<Happening>,
}
