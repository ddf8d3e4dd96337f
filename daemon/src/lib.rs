//! What both programs of cpumon share: variables, logs, stopping, clocks, and the frame of `main`.
//!
//! - [`variables`]: configuration by environment, from one table, with every fault at once;
//! - [`logs`]: events on stderr, each on exactly one line; a limit for those that repeat;
//! - [`stop`]: the signals, the token that carries the wish to stop, the drain;
//! - [`clock`]: the one place that reads clocks;
//! - [`program`]: arguments, boot order, exit status;
//! - [`escape`]: texts from outside, made fit for one line.
//!
//! A program is a table, a structure and two functions:
//!
//! ```no_run
//! use std::{net::SocketAddr, process::ExitCode};
//!
//! use cpumon_daemon::{
//!     logs::{self, LogFilter, LogFormat},
//!     program::Program,
//!     stop::Stop,
//!     variables::{Configuration, Group, Limits, Refusal, Review, Secret, Table, Variable, text},
//! };
//! use cpumon_protocol::model::{AgentName, Micros};
//! use serde::Deserialize;
//!
//! static TABLE: Table = Table {
//!     prefix: "DEMO_",
//!     groups: &[
//!         Group {
//!             heading: "Work",
//!             variables: &[
//!                 Variable::new("DEMO_LISTEN", "127.0.0.1:8080", "where it listens"),
//!                 Variable::new("DEMO_INTERVAL", "1s", "how often it works")
//!                     .within(Limits::Spans(Micros::from_secs(1), Micros::from_secs(60))),
//!                 Variable::new("DEMO_LIMIT", "10s", "how long it may work"),
//!                 Variable::new("DEMO_NAME", "", "what it calls itself; the host name when unset"),
//!                 Variable::new("DEMO_TOKEN", "", "what it shows to be let in").secret(),
//!             ],
//!         },
//!         Group {
//!             heading: "Logs",
//!             variables: &[
//!                 Variable::new("DEMO_LOG", "info", "what is logged, such as `debug` or `info,demo::link=debug`"),
//!                 Variable::new("DEMO_LOG_FORMAT", "text", "`text` or `json`"),
//!             ],
//!         },
//!     ],
//! };
//!
//! // The variables of the table that are not secret, by type. Any type that is a `Value` will do.
//! #[derive(Debug, Deserialize)]
//! #[serde(deny_unknown_fields)]
//! struct Config {
//!     #[serde(deserialize_with = "text")]
//!     listen: SocketAddr,
//!     #[serde(deserialize_with = "text")]
//!     interval: Micros,
//!     #[serde(deserialize_with = "text")]
//!     limit: Micros,
//!     #[serde(deserialize_with = "text")]
//!     name: Option<AgentName>,
//!     #[serde(deserialize_with = "text")]
//!     log: LogFilter,
//!     #[serde(deserialize_with = "text")]
//!     log_format: LogFormat,
//!     // Filled by `complete`: the decoding never sees a secret.
//!     #[serde(skip)]
//!     token: Option<Secret>,
//! }
//!
//! impl Configuration for Config {
//!     const TABLE: &'static Table = &TABLE;
//!
//!     fn complete(&mut self, review: &mut Review) {
//!         self.token = review.secret("DEMO_TOKEN");
//!         if self.limit < self.interval {
//!             review.fault(
//!                 &["DEMO_LIMIT", "DEMO_INTERVAL"],
//!                 &Refusal::new("is shorter than DEMO_INTERVAL", "write one at least as long"),
//!             );
//!         }
//!     }
//! }
//!
//! async fn run(config: Config, stop: Stop) -> anyhow::Result<()> {
//!     tracing::info!(listen = %config.listen, "listening");
//!     stop.requested().await;
//!     Ok(())
//! }
//!
//! async fn healthcheck(_: Config) -> anyhow::Result<()> {
//!     Ok(())
//! }
//!
//! fn main() -> ExitCode {
//!     Program {
//!         name: "demo",
//!         version: env!("CARGO_PKG_VERSION"),
//!         about: "shows how a program is put together",
//!         runtime: || tokio::runtime::Builder::new_current_thread().enable_all().build(),
//!         logs: |config: &Config| logs::Settings { filter: config.log.clone(), format: config.log_format },
//!     }
//!     .main(healthcheck, run)
//! }
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
pub mod variables;
