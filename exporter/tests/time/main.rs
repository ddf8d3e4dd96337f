//! Time that does not pass as it should: an exporter that is paused, agents that are, wall clocks that are set.

#![cfg(test)]
#![cfg(unix)]

mod jumps;
mod pause;
#[path = "../../../tests/support/python.rs"]
mod python;
#[path = "../program/support/mod.rs"]
#[allow(dead_code, unused_imports, reason = "shared with the tests of the program, which need more of it")]
mod support;
mod wall;
#[path = "../../../tests/support/wall_clock.rs"]
mod wall_clock;
