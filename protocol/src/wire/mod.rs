//! How the values look on the wire: JSON, one module for each direction and dialect.
//!
//! The structs here are the wire's and nobody else's: what they look like is a promise to agents of other
//! versions, what [`crate::model`] looks like is not.

pub(crate) mod canonical;
pub(crate) mod client;
pub(crate) mod number;
pub(crate) mod original;
pub(crate) mod server;
mod strict;

/// The version of the protocol that is spoken here.
pub(crate) const VERSION: u64 = 1;

/// The key of the original, which v1 keeps so that each understands the other's first frame.
pub(crate) const PERCENT_KEY: &str = "The Percentage Of CPU USAGE";
