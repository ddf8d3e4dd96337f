//! The exporter: takes samples from agents over TCP, knows what is true of the fleet now, and serves it to
//! Prometheus.
//!
//! The way of a sample: [`ingest`] (socket, then connection) -> [`fleet`] -> [`exposition`] -> [`http`].
//!
//! [`fleet`] and [`ingest::Connection`] are plain values without I/O; what runs them is in [`mod@run`].

mod apart;
mod api;
mod certificates;
pub mod config;
mod discovery;
pub mod exposition;
pub mod fleet;
mod housekeeping;
pub mod http;
pub mod ingest;
pub mod journal;
pub mod page;
mod roster_file;
pub mod run;
pub mod security;
mod site;
mod sockets;
