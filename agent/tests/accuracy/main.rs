//! The numbers against an oracle of integers, against psutil, and against this machine.
//!
//! A file that stands for `/proc/stat` is rewritten step by step. The same scripts run through the program as a
//! process, whose frames are read off a socket, and through its parts, as fast as they go.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test's helpers end the test")]

mod cuts;
#[path = "../program/exporter.rs"]
#[allow(dead_code, reason = "shared with the tests of the program, which need more of it")]
mod exporter;
mod figures;
mod health;
mod histories;
mod host;
mod library;
mod machine;
mod oracle;
#[path = "../program/process.rs"]
#[allow(dead_code, reason = "shared with the tests of the program, which need more of it")]
mod process;
mod program;
mod psutil;
#[path = "../../../tests/support/python.rs"]
mod python;
mod scripts;
mod stage;
