//! The agent of cpumon: samples this machine's CPU every second and tells an exporter.
//!
//! - [`config`]: what it can be told;
//! - [`identity`]: who it is;
//! - [`sampling`]: what the machine says, raw;
//! - [`recorder`]: what that means, as samples and totals;
//! - [`ticker`]: when to sample, and when to send; [`alarm`]: the timer that wakes it up;
//! - [`state`]: what outlives the process;
//! - [`link`]: the conversation with the exporter; [`connection`]: its socket, with or without TLS;
//! - [`credential`]: the token, and over what it may go;
//! - [`health`], [`terminal`]: for whoever asks or watches;
//! - [`run`]: all of them together.
//!
//! Decisions are pure and take `now`, bytes and values: `recorder`, `ticker`, `link`, the parsers. Files are
//! touched in `sampling`, `state` and `identity`, sockets in `connection`, `health` and `identity`, clocks in `run`.

pub mod alarm;
pub mod config;
pub mod connection;
pub mod credential;
pub mod health;
pub mod identity;
pub mod link;
pub mod recorder;
pub mod run;
pub mod sampling;
pub mod state;
pub mod terminal;
pub mod ticker;
