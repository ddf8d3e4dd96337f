//! Frames as JSON, to be changed field by field.

use serde_json::{Value, json};

/// The original's key.
pub(crate) const PERCENT: &str = "The Percentage Of CPU USAGE";

/// A hello.
pub(crate) fn hello(agent: &str, run: &str) -> Value {
    json!({"v": 1, "t": "hello", "agent": agent, "run": run, "interval_ms": 1000, PERCENT: 12.5})
}

/// A sample.
pub(crate) fn sample(seq: u64) -> Value {
    json!({"v": 1, "t": "sample", "seq": seq, PERCENT: 12.5})
}
