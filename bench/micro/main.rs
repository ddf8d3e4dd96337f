//! Micro-benchmarks of what the way of a sample is made of: `cargo bench --package cpumon-bench`.
//!
//! Wall time on one core. They tell which part to look at; what counts is what `make bench` says of the whole.

#![allow(clippy::expect_used, reason = "a benchmark that cannot be set up has nothing to go on with")]

mod agent;
mod exporter;
mod frame;

use cpumon_bench::frames::Conversation;

fn main() {
    divan::main();
}

fn conversation() -> Conversation {
    Conversation::new("bench").expect("a name")
}
