//! The fleet as Prometheus reads it: text format 0.0.4.
//!
//! - [`families`]: one table of every metric about agents;
//! - `lines`, `number`: how a line is written, without floats; `sink`: where to;
//! - [`render`]: the whole fleet: first it is looked at, then written;
//! - `column`: what a family says about all agents, in between;
//! - `chunks`: memory for the text;
//! - [`node`]: one agent alone, under node_exporter's names;
//! - [`own`]: what the exporter says of itself, through the `prometheus` crate; `process`: of its process.

mod chunks;
mod column;
pub mod families;
mod lines;
pub mod node;
mod number;
pub mod own;
#[cfg(target_os = "linux")]
mod process;
pub mod render;
mod sink;
