//! Strangers, floods and broken peers against a real exporter, beside honest agents that must lose nothing.
//!
//! - [`case`]: what a case is: what it tries, and when it has passed;
//! - [`cases`]: all of them, one a file;
//! - [`stage`]: what a case runs on: the exporter, its address, the form of the run;
//! - [`runner`]: one case beside a hundred honest agents and a scraper, with what it did to them;
//! - [`credentials`]: certificates and tokens, where a case's exporter asks for them;
//! - [`exporter`], [`honest`], [`scraper`], [`watch`]: the exporter's process, the agents, the scraper, the figures;
//! - [`tracking`]: what the machine itself dropped meanwhile;
//! - [`swarm`], [`frames`], [`page`]: what cases share: connections by the thousand, frames, the page of metrics;
//! - [`options`], [`report`]: the command line of `cpumon-hostile`, and its table.
//!
//! Linux only. Everything is on loopback and bounded, and ends by itself.

#![cfg(target_os = "linux")]

pub mod case;
pub mod cases;
pub mod credentials;
pub mod exporter;
pub mod frames;
pub mod honest;
pub mod options;
pub mod page;
pub mod report;
pub mod runner;
pub mod scraper;
pub mod stage;
pub mod swarm;
pub mod tracking;
pub mod watch;
