//! What is said on a connection, in both dialects, and what of it `/metrics` shows.

mod metrics;
mod original;
mod v1;
