//! `docs/protocol.md` says what the code does: its examples, tables, limits, reasons and its small agent.
#![cfg(test)]

mod examples;
mod fields;
mod lists;
mod page;
mod peer;
#[cfg(target_os = "linux")]
mod small_agent;
#[path = "../support/mod.rs"]
mod support;
