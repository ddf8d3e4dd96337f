//! Answers that came while the agent could not look.

use std::thread::sleep;
use std::time::Duration;

use rustix::process::Signal;

use super::exporter::Exporter;
use super::process::Agent;

/// How long the agent waits for an answer.
const PATIENCE: (&str, Duration) = ("200ms", Duration::from_millis(200));

/// How often it is paused. In which order it looks at the clock and at the answer must not be left to chance.
const ROUNDS: usize = 8;

#[test]
fn an_answer_that_came_in_time_counts_however_late_it_is_read() {
    let exporter = Exporter::listen();
    let agent = Agent::start(&exporter, &[("AGENT_NAME", "paused"), ("AGENT_ACK_TIMEOUT", PATIENCE.0)]);
    let mut connection = exporter.accept_and_welcome();
    for _ in 0..ROUNDS {
        // There is a next frame: the connection was not given up.
        let sample = connection.frame();
        agent.signal(Signal::STOP);
        connection.ack(&sample);
        sleep(PATIENCE.1 * 2);
        agent.signal(Signal::CONT);
    }
}
