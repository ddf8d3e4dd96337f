//! The documentation says what the code does. `UPDATE_DOCS=1` rewrites what is made from tables.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods, reason = "a test")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use cpumon_daemon::variables::markdown;
use cpumon_exporter::config::TABLE;
use cpumon_exporter::exposition::families::FAMILIES;
use cpumon_exporter::exposition::node::NODE_FAMILIES;
use cpumon_exporter::exposition::own::Refusal;

/// The text of `file` between its markers for `section` is `expect`.
fn check(file: &str, section: &str, expect: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(file);
    let text = fs::read_to_string(&path).unwrap();
    let (begin, end) = (format!("<!-- {section} -->\n"), format!("<!-- /{section} -->"));
    let (head, rest) = text.split_once(&begin).expect("the section's begin");
    let (found, tail) = rest.split_once(&end).expect("the section's end");
    let expect = format!("\n{expect}\n");
    if std::env::var("UPDATE_DOCS").is_ok() {
        fs::write(&path, format!("{head}{begin}{expect}{end}{tail}")).unwrap();
    } else {
        assert!(found == expect, "{file} is not up to date; run UPDATE_DOCS=1 cargo test --test documents");
    }
}

#[test]
fn every_variable_is_documented() {
    check("configuration.md", "exporter", &markdown(&TABLE));
}

#[test]
fn every_metric_is_documented() {
    let mut table = String::from("| metric | type | |\n|---|---|---|\n");
    for family in FAMILIES {
        let labels = match family.labels {
            [] => String::new(),
            labels => format!("{{{}}}", labels.join(",")),
        };
        writeln!(table, "| `{}{labels}` | {} | {} |", family.name, family.kind().word(), family.help)
            .unwrap();
    }
    check("metrics.md", "families", &table);
}

#[test]
fn every_metric_under_node_exporters_names_is_documented() {
    let mut table = String::from("| metric | type | labels | |\n|---|---|---|---|\n");
    for family in NODE_FAMILIES {
        let labels: Vec<_> = family.labels.iter().map(|label| format!("`{label}`")).collect();
        let (name, kind, help) = (family.name, family.kind.word(), family.help);
        writeln!(table, "| `{name}` | {kind} | {} | {help} |", labels.join(", ")).unwrap();
    }
    check("node-exporter.md", "node", &table);
}

#[test]
fn every_reason_to_refuse_a_connection_is_documented() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/metrics.md")).unwrap();
    let reasons: Vec<String> = Refusal::ALL.iter().map(|refusal| format!("`{}`", refusal.label())).collect();
    assert!(page.contains(&reasons.join(" ")), "{reasons:?}");
}
