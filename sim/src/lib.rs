//! The simulator: whole fleets of the real agent and exporter under one seeded driver.
//!
//! What runs is the product's own code, as plain values: the agent's [`Recorder`](cpumon_agent::recorder::Recorder)
//! and [`Link`](cpumon_agent::link::Link), the exporter's connections, fleet and renderer. What is made up is the world
//! around it: machines, clocks, a network, faults, somebody who replays what he overheard, and a Prometheus. One
//! seed is one history, the same each time.
//!
//! - [`plan`]: what is to happen in a seed;
//! - `events`, `queue`, [`time`], `random`: the driver's parts;
//! - `machine`, `network`, `agent`, `exporter`: one host or one connection each;
//! - `ledger`: the truth, kept beside the program: what each agent has made and what became of it;
//! - `prometheus`: reads the rendered text as Prometheus would, keeps series, applies the recording rules;
//! - [`world`]: all of them together, and the checks at every step;
//! - [`campaign`]: many seeds, and the report of them;
//! - [`sabotage`]: bugs to put in by hand, to see that they are caught;
//! - [`spread`]: apart from all that, a million agents' choice among many exporters.

mod agent;
pub mod campaign;
mod events;
mod exporter;
mod ledger;
mod machine;
mod network;
pub mod options;
pub mod plan;
mod prometheus;
mod queue;
mod random;
pub mod sabotage;
pub mod spread;
pub mod time;
mod totals;
pub mod trace;
pub mod world;
