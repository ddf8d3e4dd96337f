//! The live page in a real browser: real Chromium, the real program, real agents.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test's helpers end the test")]

mod access;
mod gone;
mod keyboard;
mod many;
mod shown;
mod stage;
