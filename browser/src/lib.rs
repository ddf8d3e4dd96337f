//! The live page in a real browser: what its tests and its benchmark share.
//!
//! - [`driver`]: chromedriver as a process;
//! - [`webdriver`]: what it is told, by the W3C's WebDriver protocol, which is JSON over HTTP;
//! - [`browser`]: one window of Chromium, and what can be asked of the page in it;
//! - [`exporter`]: the exporter's program, running;
//! - [`fleet`]: agents, many or one at a time;
//! - [`scene`]: a fleet that looks like one, for pictures;
//! - [`axe`]: the accessibility rules of axe-core;
//! - [`mod@bench`], [`pictures`]: what the program `cpumon-page` does.
//!
//! Chromium and chromedriver come from Debian's packages; nothing is fetched.

#![cfg(target_os = "linux")]

pub mod axe;
pub mod bench;
pub mod browser;
pub mod driver;
pub mod exporter;
pub mod fleet;
pub mod pictures;
pub mod scene;
pub mod webdriver;

use std::time::Duration;

/// The longest that anything may take on a busy machine before it counts as hung.
pub const PATIENCE: Duration = Duration::from_secs(60);
