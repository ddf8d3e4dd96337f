//! The HTTP side over real sockets: bytes in, bytes out.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test's helpers end the test")]

mod documents;
mod events;
mod healthcheck;
mod limits;
mod malformed;
mod page;
mod stop;
mod support;
