//! Benchmarks of the whole programs, beside the least that their work can cost (`bare-server`, `bare-agent`).
//!
//! Everything is CPU time by the kernel's account of the process, unless it says wall time. Each figure is measured
//! in several runs; what is compared is measured in the same run, so that a ratio holds on a noisy machine too.
//!
//! - [`stats`], [`table`]: runs, their median and spread, and the table at the end;
//! - [`program`], [`scrape`], [`system_calls`]: the programs as processes, a client for their pages, `strace`;
//! - [`agent`], [`fleet`], [`visible`], [`start`], [`restart`], [`images`]: what is measured;
//! - [`peers`]: other programs for the same work, in turns with ours;
//! - [`extent`]: how much of it; [`machine`]: on what;
//! - [`frames`]: for the micro-benchmarks and the tests that count allocations.

#![cfg(target_os = "linux")]

pub mod agent;
pub mod extent;
pub mod fleet;
pub mod frames;
pub mod images;
pub mod machine;
pub mod peers;
pub mod program;
pub mod restart;
pub mod scrape;
pub mod start;
pub mod stats;
pub mod system_calls;
pub mod table;
pub mod visible;

/// Says on standard error how far it is.
pub fn progress(what: std::fmt::Arguments<'_>) {
    use std::io::Write;
    // Whoever does not want to know need not read it.
    let _ = writeln!(std::io::stderr(), "{what}");
}
