//! Our writer of the text format, held against the `prometheus` crate's encoder, an independent reader,
//! promtool, and a page that a human has read.
#![cfg(test)]

mod escaping;
mod fleets;
mod golden;
mod reference;
mod same_lines;

#[path = "../support/promtool.rs"]
mod promtool;
#[path = "../support/exposition.rs"]
#[allow(dead_code, reason = "the tests of the program use more of it")]
mod reader;
#[path = "../../../protocol/tests/support/values.rs"]
#[allow(dead_code, reason = "the protocol's tests use more of it")]
mod values;
