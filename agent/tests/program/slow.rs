//! An exporter that is there and hardly moves: nothing may wait for it, and nothing may pile up.

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::exporter::Exporter;
use super::process::Agent;
use super::{count, missed};

/// How often one byte is read and one answered.
const DRIP: Duration = Duration::from_millis(200);

/// How many connections are served like that.
const CONNECTIONS: usize = 2;

/// How long the agent waits for an answer before it gives one up; half of the default, for the test's sake.
const TIMEOUT: (&str, Duration) = ("1500ms", Duration::from_millis(1500));

/// What the memory may grow by: buffers of its sockets, pages of code that was not used before.
const GROWTH_MAX: u64 = 1024 * 1024;

#[test]
fn a_slow_exporter_costs_neither_seconds_nor_memory() {
    let exporter = Exporter::listen();
    let variables = [
        ("AGENT_CONNECT_TIMEOUT", TIMEOUT.0),
        ("AGENT_ACK_TIMEOUT", TIMEOUT.0),
        ("AGENT_BACKOFF_MIN", "10ms"),
        ("AGENT_BACKOFF_MAX", "10ms"),
    ];
    let agent = Agent::start(&exporter, &variables);
    let mut connection = exporter.accept_and_welcome();
    let first = connection.frame();
    connection.ack(&first);
    let (before, slow_since) = (agent.peak_memory(), Instant::now());
    for _ in 0..CONNECTIONS {
        // At this pace it would take more than seven seconds.
        let mut answer = br#"{"v":1,"t":"welcome","stale_ms":5000}"#.iter();
        while connection.drip(*answer.next().expect("the agent gives up before")).is_ok() {
            sleep(DRIP);
        }
        connection = exporter.accept();
    }
    let slow_for = slow_since.elapsed();
    assert_eq!(connection.frame()["t"], "hello");
    connection.welcome();
    let sample = connection.frame();
    assert!(slow_for > TIMEOUT.1 * CONNECTIONS as u32, "it was given up after {slow_for:?} already");
    // Who waits for its exporter misses nearly all seconds; a busy machine takes one now and then.
    let (seconds, late) = (count(&sample) - count(&first), missed(&sample) - missed(&first));
    assert!(
        seconds > late && seconds + late >= slow_for.as_secs() - 1,
        "{seconds} and {late} late in {slow_for:?}"
    );
    let after = agent.peak_memory();
    assert!(after <= before + GROWTH_MAX, "{before} bytes before, {after} after");
}
