//! What several of the protocol's tests need: a conversation with an exporter's session, and values at random.
#![allow(dead_code, reason = "each test binary uses its own part")]

pub(crate) mod conversation;
pub(crate) mod values;

use proptest::test_runner::Config;

/// At least `cases` cases for a property; the variable `PROPTEST_CASES` raises them.
pub(crate) fn cases(cases: u32) -> Config {
    let asked = Config::default();
    Config { cases: asked.cases.max(cases), ..asked }
}
