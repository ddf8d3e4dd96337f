//! The program from the outside: real processes on ports of their own, raw bytes, real files and signals.
#![cfg(test)]
#![cfg(unix)]

mod bad_input;
mod conversation;
mod liveness;
mod original;
mod page;
mod security;
mod start;
mod stop;
mod support;
