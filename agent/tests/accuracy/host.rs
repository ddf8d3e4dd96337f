//! This machine, as the program sees it, between two readings of another's.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::exporter::{Connection, Exporter};
use super::figures::Figures;
use super::health::last_tick;
use super::process::{Agent, FINISH};

/// How many samples are looked at.
const SAMPLES: usize = 6;

/// From so long before a tick on, the kernel is asked again and again.
const BEFORE: Duration = Duration::from_millis(40);

/// The kernel's unit: 10 ms at 100 a second.
const TICK_US: u64 = 10_000;

/// The first line of `/proc/stat`, by field, in ticks; read in another way than the agent's.
fn kernel() -> Vec<u64> {
    let text = fs::read_to_string("/proc/stat").unwrap();
    let line = text.lines().next().unwrap().strip_prefix("cpu").unwrap();
    line.split_ascii_whitespace().map(|word| word.parse().unwrap()).collect()
}

/// Readings of which one is from before the agent's next tick, and the next from after it; none when this test was
/// too late for the first. Leaves in `tick` when that was.
fn around_the_next_tick(agent: &Agent, tick: &mut Instant) -> Option<[Vec<u64>; 2]> {
    let due = *tick + Duration::from_secs(1);
    sleep(due.saturating_duration_since(Instant::now() + BEFORE));
    let mut before = None;
    loop {
        let reading = kernel();
        // Asked after the reading: as long as there is no other tick, the reading is from before it.
        let last = last_tick(agent).unwrap();
        if last > *tick + Duration::from_millis(500) {
            *tick = last;
            return before.map(|before| [before, reading]);
        }
        before = Some(reading);
        assert!(due.elapsed() < FINISH, "the agent does not tick");
    }
}

fn next_sample(connection: &mut Connection) -> Value {
    let frame = connection.frame();
    assert_eq!(frame["t"], "sample");
    connection.ack(&frame);
    frame
}

#[test]
fn totals_are_within_a_tick_of_another_reading() {
    let exporter = Exporter::listen();
    let agent = Agent::start(&exporter, &[("AGENT_NAME", "accuracy")]);
    let mut connection = exporter.accept_and_welcome();
    next_sample(&mut connection);
    let mut tick = last_tick(&agent).unwrap();
    let mut last: Option<Figures> = None;
    let mut compared = 0;
    while compared < SAMPLES {
        let readings = around_the_next_tick(&agent, &mut tick);
        let figures = Figures::of_frame(&next_sample(&mut connection));
        if let Some(last) = last.replace(figures.clone()) {
            check_ratio(&last, &figures);
        }
        let Some([before, after]) = readings else { continue };
        compared += 1;
        for (mode, &us) in figures.modes.iter().enumerate() {
            assert!(us.is_multiple_of(TICK_US));
            // One tick for a mode that fell in between, as iowait may.
            let (least, most) = (before[mode].saturating_sub(1), after[mode] + 1);
            assert!(
                (least..=most).contains(&(us / TICK_US)),
                "mode {mode}: {us} us, and the kernel said {before:?} before and {after:?} after"
            );
        }
    }
}

/// The ratio is that of the totals, but for one tick: a total that fell a little is shown as it was.
fn check_ratio(before: &Figures, now: &Figures) {
    let change = |mode: usize| (now.modes[mode] - before.modes[mode]) as f64;
    let all: f64 = (0..8).map(change).sum();
    let busy = all - change(3) - change(4);
    let tick = TICK_US as f64 / all;
    let ratio = f64::from(now.utilization) / 1e6;
    assert!((ratio - busy / all).abs() <= tick, "{ratio} and {busy} of {all}");
}
