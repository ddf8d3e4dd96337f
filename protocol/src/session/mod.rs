//! Both ends of the conversation, without I/O: bytes in, frames as values out, and the bytes of each answer.
//!
//! A session knows what may be said when, and nothing of sockets, clocks or the fleet.

pub mod agent;
pub mod exporter;

mod decode;
mod encode;
mod machine;
mod received;
