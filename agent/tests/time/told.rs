//! What an agent told, and when.

use std::time::Instant;

use serde_json::Value;

use super::exporter::Connection;

/// A sample, as it matters for time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told {
    /// When it came.
    pub(crate) at: Instant,
    pub(crate) seq: u64,
    /// One-second samples so far, and their sum in millionths.
    pub(crate) samples: u64,
    pub(crate) sum: u64,
    /// Seconds missed so far.
    pub(crate) missed: u64,
}

impl Told {
    /// The next sample on a connection, acknowledged.
    pub(crate) fn next(connection: &mut Connection) -> Self {
        let frame = connection.frame();
        connection.ack(&frame);
        Self::of(&frame)
    }

    /// Of a sample that has just come.
    pub(crate) fn of(frame: &Value) -> Self {
        let at = Instant::now();
        assert_eq!(frame["t"], "sample", "{frame}");
        let number = |value: &Value| value.as_u64().unwrap();
        let buckets = frame["histogram"]["buckets"].as_array().unwrap();
        let percent = frame["The Percentage Of CPU USAGE"].as_f64().unwrap();
        assert!((0.0..=100.0).contains(&percent), "{percent}");
        Self {
            at,
            seq: number(&frame["seq"]),
            samples: buckets.iter().map(number).sum(),
            sum: number(&frame["histogram"]["sum_ppm"]),
            missed: number(&frame["missed"]),
        }
    }

    /// Every second since an earlier sample is counted once, as measured or as missed.
    pub(crate) fn assert_each_second_counts_once_since(&self, earlier: &Self) {
        let counted = (self.samples + self.missed - earlier.samples - earlier.missed) as f64;
        let passed = self.seconds_since(earlier.at);
        // One for where in their seconds the two ticks were, and what a busy machine makes a frame late.
        assert!((counted - passed).abs() <= 1.3, "{counted} s are counted and {passed} s have passed");
        assert!(self.samples >= earlier.samples && self.sum >= earlier.sum && self.missed >= earlier.missed);
    }

    /// Seconds from `moment` to this sample.
    pub(crate) fn seconds_since(&self, moment: Instant) -> f64 {
        self.at.saturating_duration_since(moment).as_secs_f64()
    }
}
