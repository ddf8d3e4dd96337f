//! Frames from agents into the fleet.
//!
//! ```text
//! listener -> admission (who may connect) -> tls -> socket (bytes, deadlines) -> connection -> fleet
//!                                                                    access (whose token fits) ┘
//! ```
//!
//! [`Connection`] is a plain value: bytes and moments in, answers and changes of the fleet out. Sockets, tasks
//! and timers are in `listener` and `socket`, and decide nothing.

mod access;
mod admission;
mod connection;
mod listener;
mod pace;
mod settings;
mod socket;
#[cfg(test)]
mod tests;
mod tls;

pub use access::{Access, own_token};
pub use connection::{Connection, Desk, Verdict};
pub use listener::{Doors, serve};
pub use settings::IngestSettings;
