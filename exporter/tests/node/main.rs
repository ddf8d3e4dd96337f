//! Agents as targets of their own, under node_exporter's names: a real agent, the real exporter, the real node_exporter
//! on the same machine, and a real Prometheus.
#![cfg(test)]
#![cfg(unix)]

mod agents;
mod page;
mod prometheus;
mod side_by_side;
mod targets;

#[path = "../program/support/mod.rs"]
#[allow(dead_code, unused_imports, reason = "other tests use more of it")]
mod support;
