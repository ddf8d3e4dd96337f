//! What outlives the exporter: who was there, and nothing else.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::process::Signal;
use serde_json::{Value, json};

use super::{DEAD, GONE, shown};
use crate::support::{Agent, Exporter, hello, wait_until};

/// An exporter that keeps its roster at `path` and reports who is missing after `grace`.
fn start(path: &Path, grace: &str, more: &[(&str, &str)]) -> Exporter {
    let path = path.to_str().unwrap();
    let variables = [("EXPORTER_STATE_FILE", path), ("EXPORTER_START_GRACE", grace)];
    Exporter::start(&[&variables, more].concat())
}

/// The names in the file, if there is one.
fn names(path: &Path) -> Option<Vec<String>> {
    let file: Value = serde_json::from_slice(&fs::read(path).ok()?).unwrap();
    Some(file["last_heard_us"].as_object().unwrap().keys().cloned().collect())
}

/// The wall clock.
fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap()
}

fn up(exporter: &Exporter, agent: &str) -> Option<f64> {
    exporter.value(&format!("cpumon_agent_up{{agent={agent:?}}}"))
}

#[test]
fn who_dies_while_the_exporter_is_down_is_reported() {
    for signal in [Signal::TERM, Signal::KILL] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("roster.json");
        let joined = now().as_secs_f64();
        let mut before = start(&path, "100ms", &[]);
        let agents = ["back", "dead", "left"].map(|name| Agent::join(&before, name));
        let mut ephemeral = hello("short", "r1");
        ephemeral["ephemeral"] = true.into();
        let mut short = Agent::greet(&before, &ephemeral);
        short.sample();
        let [_back, _dead, left] = agents;
        left.bye();
        // A name that came or went is written within a second or so, so even SIGKILL loses none.
        wait_until("both are on the roster", || names(&path) == Some(vec!["back".into(), "dead".into()]));
        before.process.signal(signal);
        let status = before.process.wait();
        let ended = now().as_secs_f64();
        assert_eq!(status.code(), if signal == Signal::TERM { Some(0) } else { None });

        // Nobody is reported before everybody had the time to come back, ...
        let patient = start(&path, "600s", &[]);
        let mut back = Agent::join(&patient, "back");
        let metrics = patient.metrics();
        assert_eq!((up(&patient, "back"), shown(&metrics, "dead")), (Some(1.0), GONE));
        back.sample();
        patient.stop();

        // ... then those who have not are.
        let after = start(&path, "100ms", &[]);
        let _back = Agent::join(&after, "back");
        let metrics = after.when("the dead one is reported", |metrics| shown(metrics, "dead") == DEAD);
        assert_eq!(metrics.value(r#"cpumon_agent_up{agent="back"}"#), Some(1.0));
        let heard = metrics.value(r#"cpumon_agent_last_sample_timestamp_seconds{agent="dead"}"#).unwrap();
        assert!((joined..=ended).contains(&heard), "it was heard by the exporter before: {heard}");
        assert_eq!((shown(&metrics, "left"), shown(&metrics, "short")), (GONE, GONE));
    }
}

#[test]
fn a_roster_that_makes_no_sense_is_set_aside() {
    for content in [
        &b""[..],
        b"{",
        b"null",
        br#"{"version":1,"last_heard_us":{"web-1":"#,
        br#"{"version":1,"last_heard_us":{"web 1":1}}"#,
        br#"{"version":1,"last_heard_us":{"web-1":-1}}"#,
        br#"{"version":2,"last_heard_us":{"web-1":1}}"#,
        b"\xff\xfe{}",
        b"{\"version\":1,\"last_heard_us\":{\"web-\xff\":1}}",
        b"{\"version\":1,\"last_heard_us\":{},\"later\":\"\xff\"}",
    ] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("roster.json");
        fs::write(&path, content).unwrap();
        let mut exporter = start(&path, "100ms", &[]);
        exporter.process.event("the roster makes no sense; who was there before is not known");
        let aside = fs::read(dir.path().join("roster.json.unreadable"));
        assert!(aside.is_ok_and(|aside| aside == content), "{content:?} is kept");
        let _agent = Agent::join(&exporter, "web-2");
        exporter.stop();
        assert_eq!(names(&path), Some(vec!["web-2".into()]), "there is a new one");
    }
}

#[test]
fn a_roster_that_cannot_be_kept_is_said_and_hurts_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let is_a_directory = dir.path().join("roster.json");
    fs::create_dir(&is_a_directory).unwrap();
    for path in [dir.path().join("missing/roster.json"), is_a_directory] {
        let mut exporter = start(&path, "100ms", &[]);
        let mut agent = Agent::join(&exporter, "web-1");
        let fields = exporter
            .process
            .event("cannot write the roster; who dies during a restart of the exporter will not be reported");
        assert_eq!(fields["path"], path.to_str().unwrap());
        agent.sample();
        assert_eq!(up(&exporter, "web-1"), Some(1.0));
        exporter.stop();
    }
}

#[test]
fn who_is_gone_for_too_long_is_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("roster.json");
    let us_ago = |seconds| u64::try_from((now() - Duration::from_secs(seconds)).as_micros()).unwrap();
    let roster = json!({"version": 1, "last_heard_us": {"long-ago": us_ago(61), "soon": us_ago(56), "later": us_ago(0)}});
    fs::write(&path, roster.to_string()).unwrap();
    let exporter = start(&path, "100ms", &[("EXPORTER_FORGET_AFTER", "60s")]);
    let metrics = exporter.when("those are reported", |metrics| {
        shown(metrics, "soon") == DEAD && shown(metrics, "later") == DEAD
    });
    assert_eq!(shown(&metrics, "long-ago"), GONE);
    let metrics = exporter.when("one of them is forgotten", |metrics| shown(metrics, "soon") == GONE);
    assert_eq!(shown(&metrics, "later"), DEAD);
    wait_until("the file forgets it too", || names(&path) == Some(vec!["later".into()]));
    let mut agent = Agent::join(&exporter, "soon");
    agent.sample();
}
