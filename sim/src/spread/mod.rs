//! Many agents over many exporters, up to a million: how evenly they spread, who moves when an exporter comes or goes,
//! and how many connect at once.
//!
//! Who decides is the product's own [`Link`](cpumon_agent::link::Link), one for each agent: the order of preference, the
//! rests, the looks for a better exporter, the moves. The exporters are made up here: each takes connections at once,
//! answers one hello after the other, so many a second, and ends the oldest of 512 that wait. An agent's samples are
//! simulated only around a change, since in between they change nothing.
//!
//! - [`scenario`]: what happens, one thing after the other, and what came of it;
//! - `crowd`: all of them; `agent`, `wires`: an agent and its driver; `desk`, `arrivals`: an exporter; `events`: what is to come;
//! - [`report`]: the figures.

mod agent;
mod arrivals;
mod crowd;
mod desk;
mod events;
pub mod options;
pub mod report;
pub mod scenario;
mod wires;
