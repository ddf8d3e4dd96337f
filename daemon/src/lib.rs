//! What both programs of cpumon share: variables, logs, stopping, clocks, and the frame of `main`.
//!
//! - [`variables`]: configuration by environment, from one table, with every fault at once;
//! - [`logs`]: events on stderr, each on exactly one line; a limit for those that repeat;
//! - [`stop`]: the signals, the token that carries the wish to stop, the drain;
//! - [`clock`]: the one place that reads clocks;
//! - [`tls`]: certificates, keys, and what is made of them;
//! - [`program`]: arguments, boot order, exit status;
//! - [`escape`]: texts from outside, made fit for one line.
//!
//! A program is a table, a structure and two functions. This one is `examples/demo.rs`, which the tests run:
//!
//! ```no_run
#![doc = include_str!("../examples/demo.rs")]
//! ```
//!
//! and a test that keeps the table, the structure and the documentation one: it asserts that
//! [`variables::check_table::<Config>()`](variables::check_table) is `Ok` and that the documentation contains
//! [`variables::markdown(&TABLE)`](variables::markdown).

pub mod clock;
pub mod escape;
pub mod logs;
pub mod program;
pub mod stop;
pub mod tls;
pub mod variables;
