//! A process that is paused, as by a container engine, a debugger or a laptop that sleeps.

use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::exporter::Exporter;
use super::process::Agent;
use super::told::Told;

/// A pause that an exporter notices, and does not end the connection for.
const LONG: Duration = Duration::from_secs(6);

/// A variable that makes it longer, in seconds.
const LONG_VARIABLE: &str = "CPUMON_TEST_PAUSE_SECONDS";

/// An exporter closes a connection on which nothing was said for so long.
const IDLE: Duration = Duration::from_secs(15);

/// An agent is back this soon after a pause.
const BACK: Duration = Duration::from_secs(10);

#[allow(clippy::disallowed_methods, reason = "a wish of who runs the tests, not of who runs the program")]
fn long() -> Duration {
    std::env::var(LONG_VARIABLE).map_or(LONG, |seconds| Duration::from_secs(seconds.parse().unwrap()))
}

#[test]
fn a_long_pause_is_missed_seconds_and_at_most_one_frame_more() {
    check_pause(long());
}

#[test]
fn so_is_an_interval_that_is_missed() {
    check_pause(Duration::from_millis(2_200));
}

fn check_pause(pause: Duration) {
    let exporter = Exporter::listen();
    let agent = Agent::start(&exporter, &[("AGENT_NAME", "paused")]);
    let mut connection = exporter.accept_and_welcome();
    Told::next(&mut connection);
    let before = Told::next(&mut connection);

    agent.signal(Signal::STOP);
    sleep(pause.min(IDLE));
    let is_closed = pause >= IDLE;
    if is_closed {
        drop(connection);
        sleep(pause - IDLE);
        let resumed = resume(&agent);
        connection = exporter.accept_and_welcome();
        check_after(&mut connection, pause, &before, resumed);
    } else {
        let resumed = resume(&agent);
        let frames = check_after(&mut connection, pause, &before, resumed);
        let catch_up = frames.first().unwrap();
        // Its interval is the pause: no sample of one second.
        assert_eq!((catch_up.samples, catch_up.sum), (before.samples, before.sum));
        assert!(frames.windows(2).all(|pair| pair[1].seconds_since(pair[0].at) > 0.7), "{frames:?}");
    }
}

fn resume(agent: &Agent) -> Instant {
    let resumed = Instant::now();
    agent.signal(Signal::CONT);
    resumed
}

/// The frames after a pause, each of which has to be right.
fn check_after(
    connection: &mut super::exporter::Connection,
    pause: Duration,
    before: &Told,
    resumed: Instant,
) -> Vec<Told> {
    let frames: Vec<_> = (0..4).map(|_| Told::next(connection)).collect();
    assert!(frames[0].seconds_since(resumed) < BACK.as_secs_f64(), "back in time: {frames:?}");
    for (index, told) in frames.iter().enumerate() {
        told.assert_each_second_counts_once_since(before);
        assert_eq!(told.seq, before.seq + 1 + index as u64, "no frame is repeated or left out");
        let awake = told.seconds_since(resumed);
        let (samples, missed) = (told.samples - before.samples, told.missed - before.missed);
        assert!(samples as f64 <= awake + 1.0, "{samples} seconds were measured in {awake} s");
        assert!(missed as f64 >= pause.as_secs_f64() - 1.0, "{missed} s are missed after {pause:?}");
        // One to catch up, one a second, one for where in its second the first one is.
        assert!(index as f64 <= awake + 2.0, "a burst of frames: {frames:?}");
    }
    frames
}
