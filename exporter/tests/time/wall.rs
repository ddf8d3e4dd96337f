//! A wall clock that is set back and forward under a running exporter.

use std::fs;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::support::{Agent, Exporter, Page, wait_until};
use crate::wall_clock::WallClock;

/// Nothing here takes longer.
const LATELY: f64 = 60.0;

/// What the exporter's clock shows now.
#[allow(clippy::disallowed_methods, reason = "the true time, to hold the exporter's against")]
fn wall(days: i64) -> f64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    now.as_secs_f64() + days as f64 * Duration::from_secs(24 * 60 * 60).as_secs_f64()
}

/// How long ago an agent was heard, by `/api/agents`.
fn silence(exporter: &Exporter, name: &str) -> f64 {
    let page = Page::get(exporter.http, "/api/agents", "");
    let document: Value = serde_json::from_str(page.text()).unwrap();
    let agents = document["agents"].as_array().unwrap();
    let agent = agents.iter().find(|agent| agent["agent"] == name).unwrap();
    agent["seconds_since_last_sample"].as_f64().unwrap()
}

#[test]
fn setting_the_wall_clock_changes_dates_and_nothing_else() {
    let clock = WallClock::new();
    let directory = tempfile::tempdir().unwrap();
    let roster = directory.path().join("roster.json");
    let mut variables = clock.variables().to_vec();
    variables.extend([
        ("EXPORTER_STATE_FILE", roster.to_str().unwrap()),
        ("EXPORTER_STATE_INTERVAL", "100ms"),
        ("EXPORTER_FORGET_AFTER", "10m"),
    ]);
    let exporter = Exporter::start(&variables);
    let mut living = Agent::join(&exporter, "living");
    drop(Agent::join(&exporter, "dead"));
    let up = |name: &str| format!("cpumon_agent_up{{agent={name:?}}}");
    exporter.when_value(&up("dead"), Some(0.0));
    for days in [365, -365, 36_500, 0] {
        clock.set(days);
        living.sample();
        let written = fs::read(&roster).ok();
        wait_until("the fleet is swept, and the roster written", || fs::read(&roster).ok() != written);
        let page = exporter.metrics();
        let heard = page.value(r#"cpumon_agent_last_sample_timestamp_seconds{agent="living"}"#).unwrap();
        assert!((heard - wall(days)).abs() < LATELY, "its date follows: {heard}, {days} days off");
        assert_eq!(page.value(&up("living")), Some(1.0), "{days} days off");
        assert!(page.value(r#"my_cpu_percents{agent="living"}"#).is_some(), "{days} days off");
        assert_eq!(page.value(&up("dead")), Some(0.0), "it is not forgotten, {days} days off");
        for name in ["living", "dead"] {
            let silence = silence(&exporter, name);
            assert!((0.0..LATELY).contains(&silence), "{name} was heard {silence} s ago, {days} days off");
        }
    }
}
