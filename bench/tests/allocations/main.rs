//! In steady state neither program asks for memory: not for a sample that is taken, not for one that is made. A scrape
//! needs it for its text alone.
//!
//! What is counted is counted for one thread, so each side runs on the test's own.

#![allow(clippy::unwrap_used, reason = "a test's helpers end the test")]

mod agent;
mod exporter;
mod scrape;
