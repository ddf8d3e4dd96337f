//! The fleet as Prometheus reads it: text format 0.0.4.
//!
//! - [`families`]: one table of every metric about agents;
//! - `lines`, `number`: how a line is written, without floats;
//! - [`render`]: the whole fleet, letting go of it in between;
//! - `text`: memory for it, which the next rendering gets;
//! - [`node`]: one agent alone, under node_exporter's names;
//! - [`own`]: what the exporter says of itself, through the `prometheus` crate.

pub mod families;
mod lines;
pub mod node;
mod number;
pub mod own;
pub mod render;
mod text;
