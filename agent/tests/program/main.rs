//! The program as a process: real sockets, a file that stands for `/proc/stat`, signals.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test's helpers end the test")]

mod exporter;
mod process;
mod slow;

use std::fs;
use std::time::{Duration, Instant};

use exporter::Exporter;
use process::Agent;
use serde_json::{Value, json};

const KEY: &str = "The Percentage Of CPU USAGE";

fn count(sample: &Value) -> u64 {
    sample["histogram"]["buckets"].as_array().unwrap().iter().map(|bucket| bucket.as_u64().unwrap()).sum()
}

fn missed(sample: &Value) -> u64 {
    sample["missed"].as_u64().unwrap()
}

#[test]
fn says_hello_sends_samples_and_says_bye() {
    let exporter = Exporter::listen();
    let variables = [("AGENT_NAME", "web-1"), ("AGENT_LABELS", "dc=fra"), ("AGENT_EPHEMERAL", "yes")];
    let mut agent = Agent::start(&exporter, &variables);
    let mut connection = exporter.accept();
    let hello = connection.frame();
    assert_eq!((&hello["v"], &hello["t"], &hello["agent"]), (&json!(1), &json!("hello"), &json!("web-1")));
    assert_eq!((&hello["interval_ms"], &hello["ephemeral"]), (&json!(1_000), &json!(true)));
    assert_eq!(hello["labels"], json!({"dc": "fra"}));
    assert_eq!(hello["run"].as_str().unwrap().len(), 32);
    assert!((0.0..=100.0).contains(&hello[KEY].as_f64().unwrap()));
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    assert_eq!(hello["boot"].as_str(), Some(boot.trim()));

    connection.say(&json!({"v": 1, "t": "welcome", "stale_ms": 5_000}));
    agent.log_line("an exporter takes the samples");
    for seq in 1..=2 {
        let sample = connection.frame();
        assert_eq!((&sample["t"], &sample["seq"]), (&json!("sample"), &json!(seq)));
        assert!(count(&sample) + missed(&sample) >= seq);
        connection.ack(&sample);
    }
    agent.terminate();
    let bye = connection.frame();
    assert_eq!((&bye["t"], &bye["reason"]), (&json!("bye"), &json!("stop")));
    connection.ack(&bye);
    assert!(connection.is_at_end());
    assert_eq!(agent.ended().0, Some(0));
}

#[test]
fn ends_in_time_though_nobody_answers_its_bye() {
    let exporter = Exporter::listen();
    let mut agent = Agent::start(&exporter, &[("AGENT_STOP_TIMEOUT", "300ms")]);
    let mut connection = exporter.accept_and_welcome();
    let sample = connection.frame();
    connection.ack(&sample);
    agent.terminate();
    let asked = Instant::now();
    assert_eq!(connection.frame()["t"], "bye");
    assert_eq!(agent.ended().0, Some(0));
    assert!(asked.elapsed() >= Duration::from_millis(300), "it waited for the answer");
}

#[test]
fn comes_back_as_the_same_run() {
    let exporter = Exporter::listen();
    let agent = Agent::start(&exporter, &[("AGENT_BACKOFF_MIN", "10ms"), ("AGENT_BACKOFF_MAX", "10ms")]);
    let mut first = exporter.accept();
    let hello = first.frame();
    first.welcome();
    let sample = first.frame();
    first.ack(&sample);
    drop(first);
    agent.log_line("no exporter takes the samples: the exporter closed the connection");
    let mut second = exporter.accept();
    let again = second.frame();
    assert_eq!((&again["run"], &again["agent"]), (&hello["run"], &hello["agent"]));
    second.welcome();
    let later = second.frame();
    assert!(count(&later) >= count(&sample), "totals go on");
    assert!(later["seq"].as_u64() > sample["seq"].as_u64());
}

#[test]
fn an_exporter_that_falls_silent_is_left() {
    let exporter = Exporter::listen();
    let agent = Agent::start(&exporter, &[("AGENT_ACK_TIMEOUT", "200ms"), ("AGENT_BACKOFF_MIN", "10ms")]);
    let mut connection = exporter.accept_and_welcome();
    assert_eq!(connection.frame()["t"], "sample");
    agent.log_line("no answer to a sample within 200ms");
    assert!(connection.is_at_end());
    assert_eq!(exporter.accept().frame()["t"], "hello");
}

#[test]
fn a_server_of_the_original_gets_what_it_understands() {
    let exporter = Exporter::listen();
    let mut agent = Agent::start(&exporter, &[]);
    let mut connection = exporter.accept();
    let hello = connection.frame();
    assert!(hello[KEY].is_number());
    connection.say_text(&hello.to_string().to_uppercase());
    agent.log_line("a server of the original takes the samples");
    for _ in 0..2 {
        let object = connection.frame();
        assert_eq!(object.as_object().unwrap().keys().collect::<Vec<_>>(), [KEY]);
        connection.say_text(&object.to_string().to_uppercase());
    }
    agent.terminate();
    assert!(connection.is_at_end(), "there is no bye in this dialect");
    assert_eq!(agent.ended().0, Some(0));
}

#[test]
fn what_cannot_be_read_is_missed_and_not_invented() {
    let exporter = Exporter::listen();
    let procfs = tempfile::tempdir().unwrap();
    let stat = procfs.path().join("stat");
    // Each reading is a third busy, whichever of them the agent gets to see.
    let write =
        |n: u64| fs::write(&stat, format!("cpu  {n} 0 0 {}\ncpu0 {n} 0 0 {}\n", 2 * n, 2 * n)).unwrap();
    write(0);
    let agent = Agent::start(&exporter, &[("AGENT_PROCFS", procfs.path().to_str().unwrap())]);
    agent.log_line("no samples: the CPU times stand still");
    write(100);
    agent.log_line("the CPU times can be read again");
    let mut connection = exporter.accept_and_welcome();
    let sample = connection.frame();
    connection.ack(&sample);
    assert_eq!(sample[KEY].as_f64(), Some(33.3333));
    assert_eq!(sample["cpu_us"]["idle"], json!(2_000_000));
    assert!(sample.get("load_ppm").is_none() && sample.get("pressure_us").is_none(), "absent is not zero");

    fs::write(&stat, "cpu  200 0 0 4").unwrap();
    agent.log_line(&format!("no samples: cannot read {}: it ends too early", stat.display()));
    write(300);
    let recovered = connection.frame();
    assert_eq!(recovered[KEY].as_f64(), Some(33.3333));
    assert!(missed(&recovered) > missed(&sample));
    assert_eq!(count(&recovered), count(&sample), "an interval of two seconds is no one-second sample");
}

/// Kills an agent that had told of three seconds; gives those, and what it tells of after its restart.
fn seconds_before_and_after_a_kill(variables: &[(&str, &str)]) -> (u64, u64) {
    let seconds = |sample: &Value| count(sample) + missed(sample);
    let exporter = Exporter::listen();
    let mut agent = Agent::start(&exporter, variables);
    let mut connection = exporter.accept_and_welcome();
    let mut told = 0;
    while told < 3 {
        let sample = connection.frame();
        told = seconds(&sample);
        connection.ack(&sample);
    }
    agent.kill();
    let _agent = Agent::start(&exporter, variables);
    (told, seconds(&exporter.accept_and_welcome().frame()))
}

#[test]
fn a_killed_agent_goes_on_where_an_exporter_was_told() {
    let directory = tempfile::tempdir().unwrap();
    let variables = [("AGENT_NAME", "web-1"), ("AGENT_STATE_DIR", directory.path().to_str().unwrap())];
    let (before, after) = seconds_before_and_after_a_kill(&variables);
    assert!(after > before, "{after} after {before}");
}

#[test]
fn a_killed_agent_without_a_place_to_keep_things_starts_anew() {
    let (before, after) = seconds_before_and_after_a_kill(&[("AGENT_NAME", "web-1")]);
    assert!(after < before, "{after} after {before}");
}

#[test]
fn is_healthy_while_it_ticks_whoever_listens() {
    let nobody = Exporter::listen().closed();
    let mut agent = Agent::start_towards(&nobody, &[]);
    agent.log_line("no exporter takes the samples: cannot connect to ");
    assert_eq!(agent.healthcheck(), (Some(0), String::new()));
    agent.terminate();
    assert_eq!(agent.ended().0, Some(0));
    let (status, reason) = agent.healthcheck();
    assert_eq!(status, Some(1));
    assert!(reason.starts_with("cpumon-agent is not healthy: no agent answers on @"), "{reason}");
}

#[test]
fn a_second_agent_on_the_same_health_socket_says_so_and_works() {
    let exporter = Exporter::listen();
    let first = Agent::start(&exporter, &[]);
    first.log_line("this agent is called");
    let second = Agent::start(&exporter, &[("AGENT_HEALTH_SOCKET", first.health_socket())]);
    second.log_line("give each agent its own AGENT_HEALTH_SOCKET");
    second.log_line("this agent is called");
}

#[test]
fn every_wrong_variable_is_named_at_once() {
    let variables = [("AGENT_INTERVAL", "5"), ("AGENT_NAME", "a b"), ("AGENT_EXPORTERS", "nowhere")];
    let mut agent = Agent::start_towards("127.0.0.1:1", &variables);
    let (status, lines) = agent.ended();
    assert_eq!(status, Some(64));
    for (name, value) in variables {
        assert!(lines.iter().any(|line| line.contains(name) && line.contains(value)), "{name}: {lines:?}");
    }
}

#[test]
fn sends_as_often_as_it_promised() {
    let exporter = Exporter::listen();
    let _agent = Agent::start(&exporter, &[("AGENT_INTERVAL", "2s")]);
    let mut connection = exporter.accept();
    assert_eq!(connection.frame()["interval_ms"], 2_000);
    connection.welcome();
    let first = connection.frame();
    connection.ack(&first);
    let second = connection.frame();
    connection.ack(&second);
    let third = connection.frame();
    let seconds = |sample: &Value| count(sample) + missed(sample);
    assert!(seconds(&third) - seconds(&second) >= 2, "sampled each second, sent each other");
}
