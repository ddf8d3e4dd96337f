//! Pauses, of the exporter and of an agent.

use std::fs;
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{Agent, Client, Exporter, Exposition, PERCENT, Page, hello, sample, wait_until};

/// A pause after which what was present before is not present any more.
const PAUSE: Duration = Duration::from_secs(6);

/// A variable that makes it longer, in seconds.
const PAUSE_VARIABLE: &str = "CPUMON_TEST_PAUSE_SECONDS";

/// So long before the end of the pause Prometheus asks.
const ASKED_BEFORE: Duration = Duration::from_millis(500);

/// How often a page is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A gauge is never older.
const GAUGE_AGE_MAX: Duration = Duration::from_secs(5);

#[allow(clippy::disallowed_methods, reason = "a wish of who runs the tests, not of who runs the program")]
fn pause() -> Duration {
    std::env::var(PAUSE_VARIABLE).map_or(PAUSE, |seconds| Duration::from_secs(seconds.parse().unwrap()))
}

fn with_totals(seq: u64) -> Value {
    let mut sample = sample(seq);
    sample["histogram"] =
        json!({"buckets": [0, 0, seq, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], "sum_ppm": 125_000 * seq});
    sample
}

fn agent(exporter: &Exporter, name: &str) -> Agent {
    let mut agent = Agent::greet(exporter, &hello(name, "r1"));
    agent.send(with_totals(1));
    agent
}

/// Whether a page has gauges of an agent, which only one has that is up.
fn is_present(page: &Exposition, agent: &str) -> bool {
    let value = |family: &str| page.value(&format!("{family}{{agent={agent:?}}}"));
    let is_there = value("my_cpu_percents").is_some();
    assert!(!is_there || value("cpumon_agent_up") == Some(1.0), "{agent}");
    is_there
}

fn count(page: &Exposition, agent: &str) -> Option<f64> {
    page.value(&format!("cpumon_utilization_sample_ratio_count{{agent={agent:?}}}"))
}

/// Pauses an exporter, and waits until it is: what is said after that has to wait.
fn stop(exporter: &Exporter) {
    exporter.process.signal(Signal::STOP);
    let tasks = format!("/proc/{}/task", exporter.process.id());
    wait_until("every thread of the exporter is paused", || {
        fs::read_dir(&tasks).unwrap().all(|task| {
            let stat = fs::read_to_string(task.unwrap().path().join("stat")).unwrap();
            // The state follows the name, which is in parentheses.
            stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T'))
        })
    });
}

#[test]
fn what_waited_while_the_exporter_was_paused_is_no_present() {
    let exporter = Exporter::start(&[]);
    let [mut silent, mut dying, mut living] =
        ["silent", "dying", "living"].map(|name| agent(&exporter, name));
    let mut original = Client::connect(&exporter);
    let object = json!({PERCENT: 50}).to_string();
    original.send(&object);
    original.bytes(object.len());
    let endpoint = original.endpoint().to_string();
    let everybody = ["silent", "dying", "living", &endpoint];
    let page = exporter.metrics();
    assert!(everybody.iter().all(|name| is_present(&page, name)));

    stop(&exporter);
    for agent in [&mut silent, &mut dying, &mut living] {
        agent.client.send_frame(&with_totals(2));
    }
    original.send(&object);
    // One dies; one gives up on the answer, closes, and waits on another connection.
    drop((dying, living));
    let mut living = Client::connect(&exporter);
    living.send_frame(&hello("living", "r1"));
    sleep(pause() - ASKED_BEFORE);
    let http = exporter.http;
    let asked = thread::spawn(move || Page::get(http, "/metrics", ""));
    sleep(ASKED_BEFORE);
    exporter.process.signal(Signal::CONT);

    // The original's client is believed: it promises nothing about when it measures, nor how often.
    let agents = ["silent", "dying", "living"];
    let first = Exposition::parse(asked.join().unwrap().text()).unwrap();
    assert!(!agents.iter().any(|name| is_present(&first, name)), "the first scrape shows what is too old");
    let page =
        exporter.when("the totals that waited are there and the closed connections have ended", |page| {
            assert!(!agents.iter().any(|name| is_present(page, name)), "what waited is shown as present");
            let is_down = |name| page.value(&format!("cpumon_agent_up{{agent={name:?}}}")) == Some(0.0);
            everybody.iter().all(|name| count(page, name) == Some(2.0))
                && is_down("dying")
                && is_down("living")
        });
    assert_eq!(page.value(r#"cpumon_agent_up{agent="silent"}"#), Some(1.0), "what it said is heard");

    // With the next that each says it is there.
    assert_eq!(silent.client.frame()["t"], "ack");
    silent.send(with_totals(3));
    assert_eq!(living.frame()["t"], "welcome");
    living.send_frame(&with_totals(3));
    assert_eq!(living.frame()["t"], "ack");
    original.bytes(object.len());
    original.send(&object);
    original.bytes(object.len());
    let page = exporter.metrics();
    for name in everybody {
        assert_eq!(is_present(&page, name), name != "dying", "{name}");
    }
}

#[test]
fn a_paused_agents_gauges_go_in_time_and_come_back_with_its_next_samples() {
    let exporter = Exporter::start(&[]);
    let mut agent = agent(&exporter, "paused");
    for seq in [2, 4] {
        // What comes long after the answer before may have been on its way as long; what comes next may not.
        agent.send(with_totals(seq));
        let sent = Instant::now();
        agent.send(with_totals(seq + 1));
        assert!(is_present(&exporter.metrics(), "paused"));
        loop {
            let asked = sent.elapsed();
            if !is_present(&exporter.metrics(), "paused") {
                break;
            }
            assert!(asked <= GAUGE_AGE_MAX, "shown {asked:?} after it was sent");
            sleep(LOOK_EVERY);
        }
    }
}

/// Makes the exporter forget a connection soon.
const SHORT: [(&str, &str); 4] = [
    ("EXPORTER_ORIGINAL_IDLE_TIMEOUT", "1s"),
    ("EXPORTER_IDLE_TIMEOUT", "1s"),
    ("EXPORTER_STALE_MIN", "300ms"),
    ("EXPORTER_STALE_INTERVALS", "2"),
];

/// Longer than that.
const TOO_LONG: Duration = Duration::from_millis(1_300);

/// How often it is paused: what it looks at first when it wakes up must not be left to chance.
const ROUNDS: u64 = 4;

#[test]
fn what_was_said_while_the_exporter_was_paused_is_no_silence() {
    let exporter = Exporter::start(&SHORT);
    let mut hello = hello("quick", "r1");
    hello["interval_ms"] = 100.into();
    let mut agent = Agent::greet(&exporter, &hello);
    let mut original = Client::connect(&exporter);
    let object = json!({PERCENT: 50}).to_string();
    for seq in 1..=ROUNDS {
        agent.send(with_totals(2 * seq));
        original.send(&object);
        original.bytes(object.len());
        stop(&exporter);
        agent.client.send_frame(&with_totals(2 * seq + 1));
        original.send(&object);
        sleep(TOO_LONG);
        exporter.process.signal(Signal::CONT);
        assert_eq!(agent.client.frame()["t"], "ack", "the agent's connection is still there");
        original.bytes(object.len());
    }
}
