//! What an exporter hears.

use crate::model::{Cores, Hello, Ratio, Sample};
use crate::reject::Rejection;

/// What a client said.
#[derive(Debug, PartialEq, Eq)]
pub enum Received<'a> {
    /// Who it is. To be answered by [`ExporterSession::welcome`](super::exporter::ExporterSession::welcome), or by [`refuse`](super::exporter::refuse) and the connection's end.
    Hello(Box<Hello>),
    /// What it measured. To be answered by [`acknowledge`](super::exporter::acknowledge).
    Sample {
        /// Its place in the run.
        seq: u64,
        /// Gauges and totals.
        sample: Sample,
    },
    /// Per-core totals; they belong to the sample of this number, which follows. Without an answer.
    Cores {
        /// The sample's place in the run.
        seq: u64,
        /// Some of its cores, or all of them.
        cores: Box<Cores>,
    },
    /// That it leaves, with its last totals if it has any. To be answered by [`acknowledge`](super::exporter::acknowledge).
    Bye {
        /// The place of the last totals in the run.
        seq: Option<u64>,
        /// The last totals.
        sample: Option<Sample>,
    },
    /// A sample of the original's client. To be answered by [`echo`](super::exporter::echo).
    Original {
        /// What it measured.
        utilization: Ratio,
        /// Its own text.
        object: &'a str,
    },
    /// A v1 frame of a type that is not known here. To be answered by [`refuse`](super::exporter::refuse); the connection goes on.
    Unknown(Rejection),
}
