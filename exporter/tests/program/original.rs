//! The original's own client, unchanged.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::support::Exporter;

/// How long it runs, in seconds and so in messages.
const MESSAGES: u32 = 60;

/// A variable that makes it shorter while something else is being worked on.
const MESSAGES_VARIABLE: &str = "CPUMON_TEST_ORIGINAL_MESSAGES";

#[allow(clippy::disallowed_methods, reason = "a wish of who runs the tests, not of who runs the program")]
fn messages() -> u32 {
    match std::env::var(MESSAGES_VARIABLE) {
        Ok(messages) if std::env::var("CI").as_deref() != Ok("true") => messages.parse().unwrap(),
        _ => MESSAGES,
    }
}

/// The interpreter that has what the original needs.
fn python(root: &Path) -> String {
    let made = Command::new(root.join("scripts/python-env")).stderr(Stdio::inherit()).output().unwrap();
    assert!(made.status.success(), "scripts/python-env says above what is missing");
    String::from_utf8(made.stdout).unwrap().trim().to_owned()
}

/// A process that ends with this value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_originals_client_gets_an_answer_to_each_message() {
    let exporter = Exporter::start(&[("EXPORTER_TOTALS_LINGER", "1s")]);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut client = Command::new(python(root))
        .arg(root.join("tests/original/client.py"))
        .args([exporter.ingest.ip().to_string(), exporter.ingest.port().to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .map(Running)
        .unwrap();
    let mut replies = BufReader::new(client.0.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert_eq!(replies.next().as_deref(), Some("YOU HAVE BEEN CONNECTED"));

    let (mut answered, mut shown) = (BTreeSet::new(), BTreeSet::new());
    for number in 1..=messages() {
        let reply = replies.next().unwrap_or_else(|| panic!("the client ended before reply {number}"));
        let percent = reply.strip_prefix(r#"{"THE PERCENTAGE OF CPU USAGE": "#);
        let percent = percent.and_then(|rest| rest.strip_suffix('}')).unwrap_or_else(|| panic!("{reply}"));
        answered.insert(percent.to_owned());
        let metrics = exporter.metrics();
        let gauge = metrics.family("my_cpu_percents").unwrap();
        assert_eq!(gauge.series.len(), 1, "one client, one gauge, after reply {number}");
        assert_eq!(gauge.series[0].labels["agent"], gauge.series[0].labels["endpoint"]);
        shown.insert(format!("{:?}", gauge.series[0].value));
        let taken = metrics.value(r#"cpumon_exporter_frames_total{format="original"}"#).unwrap();
        assert!((number..=number + 1).contains(&(taken as u32)), "{taken} taken, {number} answered");
    }
    // On a busy machine a scrape may already show the message after the one whose answer was printed last.
    let unanswered: Vec<_> = shown.difference(&answered).collect();
    assert!(unanswered.len() <= 1, "{unanswered:?} are shown and were not answered");

    drop(client);
    let metrics = exporter.when("its gauge is gone", |metrics| metrics.family("my_cpu_percents").is_none());
    assert!(metrics.family("cpumon_agent_up").is_none(), "nobody misses it");
    exporter.when("nothing is left of it", |metrics| {
        metrics.series().all(|series| !series.labels.contains_key("agent"))
    });
}
