//! Thousands of agents in one process, over real sockets: load for an exporter.
//!
//! - [`machine`]: what an agent would measure, made up;
//! - [`client`]: one agent, in either dialect; v1 is the agent's own link, with its rests and time limits;
//! - [`crowd`]: all of them in one thread on one epoll, each ticking at its own phase of the second;
//! - [`tally`]: what was sent, answered and lost, and how long answers took;
//! - [`process`]: what another process has cost so far, by the kernel's account;
//! - [`options`], [`report`]: the command line of `cpumon-load`, and what it prints.
//!
//! Linux only. It leaves the machine alone: every run is bounded, and goes to loopback unless told otherwise.

#![cfg(target_os = "linux")]

pub mod client;
pub mod crowd;
pub mod descriptors;
pub mod machine;
pub mod options;
pub mod process;
pub mod report;
mod socket;
pub mod tally;
