//! The documentation says what the code does. `UPDATE_DOCS=1` rewrites what is made from the table.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods, reason = "a test")]

use std::fs;
use std::path::Path;

use cpumon_agent::config::TABLE;
use cpumon_daemon::variables::markdown;

#[test]
fn every_variable_is_documented() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");
    let text = fs::read_to_string(&path).unwrap();
    let (head, rest) = text.split_once("<!-- agent -->\n").expect("the section's begin");
    let (found, tail) = rest.split_once("<!-- /agent -->").expect("the section's end");
    let expect = format!("\n{}\n", markdown(&TABLE));
    if std::env::var("UPDATE_DOCS").is_ok() {
        fs::write(&path, format!("{head}<!-- agent -->\n{expect}<!-- /agent -->{tail}")).unwrap();
    } else {
        assert!(
            found == expect,
            "docs/configuration.md is not up to date; run UPDATE_DOCS=1 cargo test --test documents"
        );
    }
}
