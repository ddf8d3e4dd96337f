//! What travels between a cpumon agent and an exporter.
//!
//! - [`model`]: the values themselves, in integers, independent of any encoding;
//! - `wire`: how they look as JSON, private to this crate;
//! - [`framing`]: bytes into JSON objects, with limits;
//! - [`session`]: both ends of the conversation as plain values.
//!
//! Nothing here opens a socket, reads a clock or touches a file: bytes and moments come in, values and
//! bytes go out. The written form of the protocol is `docs/protocol.md`.

pub mod framing;
pub mod limits;
pub mod model;
pub mod reject;
pub mod session;
mod wire;
