//! Two that claim one name.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Agent, Client, Exporter, hello, sample};

const UP: &str = r#"cpumon_agent_up{agent="web-1"}"#;

/// The answer to `frame` on a new connection, or on this one.
fn answer(client: &mut Client, frame: &Value) -> Value {
    client.send_frame(frame);
    client.frame()
}

fn assert_duplicate(answer: &Value) {
    assert_eq!((&answer["t"], &answer["code"]), (&json!("error"), &json!("duplicate")), "{answer}");
    assert_eq!(answer["retry_ms"], 3_000, "{answer}");
    let message = answer["message"].as_str().unwrap();
    assert!(message.contains("the name web-1 is in use") && message.contains("set AGENT_NAME"), "{message}");
}

/// What becomes of the frames of a connection that another one has replaced.
fn assert_replaced(mut agent: Agent) {
    let refusal = answer(&mut agent.client, &sample(agent.seq + 100));
    assert_eq!((&refusal["t"], &refusal["code"]), (&json!("error"), &json!("protocol")), "{refusal}");
    assert!(refusal["message"].as_str().unwrap().contains("another connection has taken over"), "{refusal}");
    assert_eq!(agent.client.until_closed(), b"");
}

#[test]
fn the_same_run_takes_over_at_once() {
    let exporter = Exporter::start(&[]);
    let mut old = Agent::greet(&exporter, &hello("web-1", "r1"));
    old.sample();
    let mut new = Agent::greet(&exporter, &hello("web-1", "r1"));
    new.seq = old.seq;
    new.sample();
    assert_replaced(old);

    let metrics = exporter.metrics();
    let endpoint = new.client.endpoint();
    for (selector, value) in [
        (UP, 1.0),
        (&*format!("my_cpu_percents{{agent=\"web-1\",endpoint=\"{endpoint}\"}}"), 12.5),
        (r#"cpumon_agent_connections_total{agent="web-1"}"#, 2.0),
        (r#"cpumon_agent_disconnects_total{agent="web-1",reason="replaced"}"#, 1.0),
        (r#"cpumon_agent_disconnects_total{agent="web-1",reason="protocol"}"#, 0.0),
        (r#"cpumon_exporter_rejected_frames_total{reason="replaced"}"#, 1.0),
    ] {
        assert_eq!(metrics.value(selector), Some(value), "{selector}");
    }
    new.sample();
}

#[test]
fn another_run_is_refused_while_the_first_is_heard() {
    let exporter = Exporter::start(&[]);
    let mut holder = Agent::join(&exporter, "web-1");
    for attempt in 1..=3 {
        let mut intruder = Client::connect(&exporter);
        assert_duplicate(&answer(&mut intruder, &hello("web-1", &format!("r{attempt}"))));
        assert_eq!(intruder.until_closed(), b"");
        holder.sample();
        let metrics = exporter.metrics();
        let conflicts = metrics.value(r#"cpumon_exporter_rejected_frames_total{reason="name_conflict"}"#);
        assert_eq!((metrics.value(UP), conflicts), (Some(1.0), Some(f64::from(attempt))));
    }
    assert_eq!(exporter.value(r#"cpumon_agent_connections_total{agent="web-1"}"#), Some(1.0));
}

#[test]
fn of_two_that_are_welcome_at_once_the_first_sample_wins() {
    let exporter = Exporter::start(&[]);
    let mut agents = ["r1", "r2"].map(|run| Agent::greet(&exporter, &hello("web-1", run)));
    agents[1].sample();
    assert_duplicate(&answer(&mut agents[0].client, &sample(1)));
    agents[1].sample();
}

#[test]
fn another_run_takes_over_after_three_silent_intervals() {
    let exporter = Exporter::start(&[]);
    let mut hello_of_first = hello("web-1", "r1");
    hello_of_first["interval_ms"] = 200.into();
    let mut first = Agent::greet(&exporter, &hello_of_first);
    let before = Instant::now();
    first.sample();
    let mut second = loop {
        let mut client = Client::connect(&exporter);
        match answer(&mut client, &hello("web-1", "r2")) {
            welcome if welcome["t"] == "welcome" => break Agent { client, seq: 0 },
            refusal => assert_duplicate(&refusal),
        }
    };
    assert!(before.elapsed() >= Duration::from_millis(600), "{:?}", before.elapsed());
    second.sample();
    assert_replaced(first);
    assert_eq!(
        exporter.value(r#"cpumon_agent_disconnects_total{agent="web-1",reason="replaced"}"#),
        Some(1.0)
    );
}

#[test]
fn another_run_takes_over_at_once_after_an_end() {
    let exporter = Exporter::start(&[]);
    drop(Agent::join(&exporter, "web-1"));
    exporter.when_value(UP, Some(0.0));
    let mut restarted = Agent::greet(&exporter, &hello("web-1", "r2"));
    restarted.sample();
    assert_eq!(exporter.value(UP), Some(1.0));

    // A frame of the run before, delayed on its way, changes nothing any more.
    let mut late = Agent::greet(&exporter, &hello("web-2", "late"));
    late.sample();
    restarted.bye();
    let mut replayed = Agent::greet(&exporter, &hello("web-1", "run-of-web-1"));
    let refusal = answer(&mut replayed.client, &sample(1));
    assert!(refusal["message"].as_str().unwrap().contains("not newer than what is known"), "{refusal}");
    assert_eq!(exporter.value(UP), None);
}
