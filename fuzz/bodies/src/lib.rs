//! What the fuzzer runs, as functions: any bytes in, nothing but a failed assertion out.
//!
//! `fuzz/fuzz_targets` wraps each in a libFuzzer target, which needs a nightly compiler. `tests/corpora.rs` puts every
//! file of the corpora through the same functions on the stable one, so that neither rots.
//!
//! A body asserts what must hold of *any* input, and so that nothing panics, hangs or grows on the way.

#![cfg(target_os = "linux")]

mod answers;
mod auth;
mod configuration;
mod exposition;
mod frames;
mod hello;
mod original;
mod proc;

/// A body: it returns if all is well.
pub type Body = fn(&[u8]);

/// Every body, under the name of its target and of its corpus.
pub const BODIES: [(&str, Body); 8] = [
    ("frames", frames::run),
    ("hello", hello::run),
    ("auth", auth::run),
    ("exposition", exposition::run),
    ("answers", answers::run),
    ("configuration", configuration::run),
    ("proc", proc::run),
    ("original", original::run),
];

/// Runs the body of this name on `input`.
pub fn run(name: &str, input: &[u8]) {
    let body = BODIES.iter().find(|(known, _)| *known == name);
    assert!(body.is_some(), "there is no body {name:?}");
    if let Some((_, body)) = body {
        body(input);
    }
}

#[path = "../../../protocol/tests/support/conversation.rs"]
#[allow(dead_code, reason = "the protocol's tests use more of it")]
mod conversation;
#[path = "../../../exporter/tests/support/exposition.rs"]
#[allow(dead_code, clippy::panic, reason = "the exporter's tests use more of it")]
mod reader;
