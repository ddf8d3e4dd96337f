//! Configuration by environment variables: one table a program, every fault at once.
//!
//! A program declares its variables in a static [`Table`] and their types in a structure that derives
//! `Deserialize` and is a [`Configuration`]. [`load`] brings the two together; [`help`] and [`markdown`] show the
//! table. Defaults are texts in the table and take the same way as a user's values.
//!
//! The decoding goes through envy, which panics on what is not UTF-8, stops at the first fault, and seldom
//! says which variable it is about. So it is given only texts, under names of the table, and is asked again
//! with the default in place of each value that it refuses.

mod check;
mod decode;
mod environment;
mod fault;
mod help;
mod limits;
mod review;
mod secret;
mod table;
mod unknown;
mod value;

pub use check::check_table;
pub use decode::{Configuration, Loaded, load, load_without_files};
pub use environment::Environment;
pub use fault::{Fault, Faults};
pub use help::{help, markdown};
pub use limits::Limits;
pub use review::Review;
pub use secret::Secret;
pub use table::{Group, Table, Variable};
pub use unknown::Unknown;
pub use value::{ByteSize, HostPort, Pair, Refusal, Value, text};
