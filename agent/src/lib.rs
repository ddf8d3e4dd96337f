//! The agent of cpumon: samples this machine's CPU every second and tells an exporter.
//!
//! - [`sampling`]: what the machine says, raw;
//! - [`recorder`]: what that means, as samples and totals;
//! - [`ticker`]: when to sample;
//! - [`link`]: the conversation with the exporter.
//!
//! Decisions are pure and take `now`; files, sockets and clocks are in `sampling`, `state` and the link's driver.

pub mod link;
pub mod recorder;
pub mod sampling;
pub mod ticker;
