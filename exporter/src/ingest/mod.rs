//! Frames from agents into the fleet.
//!
//! ```text
//! listener -> admission (who may connect) -> socket (bytes, deadlines) -> connection -> fleet
//! ```
//!
//! [`Connection`] is a plain value: bytes and moments in, answers and changes of the fleet out. Sockets, tasks
//! and timers are in `listener` and `socket`, and decide nothing.

mod admission;
mod connection;
mod listener;
mod pace;
mod settings;
mod socket;
#[cfg(test)]
mod tests;

pub use connection::{Connection, Desk, Verdict};
pub use listener::serve;
pub use settings::IngestSettings;
