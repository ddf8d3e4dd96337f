//! Time that does not pass as it should: a process that is paused, a wall clock that is set, answers that wait.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test's helpers end the test")]

mod answers;
#[path = "../program/exporter.rs"]
#[allow(dead_code, reason = "shared with the tests of the program, which need more of it")]
mod exporter;
mod pause;
#[path = "../program/process.rs"]
#[allow(dead_code, reason = "shared with the tests of the program, which need more of it")]
mod process;
#[path = "../../../tests/support/python.rs"]
mod python;
mod told;
mod wall;
#[path = "../../../tests/support/wall_clock.rs"]
mod wall_clock;
