//! A wall clock that is set back and forward.

use std::process::Command;

use super::exporter::Exporter;
use super::process::Agent;
use super::told::Told;
use super::wall_clock::WallClock;

/// The year that it is then, as it begins a line of the log.
fn year(days: i64) -> String {
    let date = Command::new("date").args(["--utc", "+%Y-", "--date"]).arg(format!("{days} days")).output();
    String::from_utf8(date.unwrap().stdout).unwrap().trim().to_owned()
}

#[test]
fn setting_the_wall_clock_changes_nothing() {
    let clock = WallClock::new();
    let exporter = Exporter::listen();
    let mut variables = clock.variables().to_vec();
    variables.extend([("AGENT_NAME", "set"), ("AGENT_BACKOFF_MIN", "10ms"), ("AGENT_BACKOFF_MAX", "10ms")]);
    let agent = Agent::start(&exporter, &variables);
    let mut connection = exporter.accept_and_welcome();
    let first = Told::next(&mut connection);
    let mut last = first;
    for days in [365, -365, 36_500, 0] {
        clock.set(days);
        for _ in 0..2 {
            let told = Told::next(&mut connection);
            told.assert_each_second_counts_once_since(&first);
            assert_eq!(told.seq, last.seq + 1);
            let gap = told.seconds_since(last.at);
            assert!((0.7..1.6).contains(&gap), "{gap} s between two frames, {days} days off");
            last = told;
        }
        // The end of a connection is told in a line that has the time, as the process knows it.
        drop(connection);
        agent.log_line(&year(days));
        connection = exporter.accept_and_welcome();
        let again = Told::next(&mut connection);
        assert_eq!(again.seq, last.seq + 1, "it is back with the sample that it had");
        last = again;
    }
    assert_eq!(last.missed, first.missed, "no second was missed");
}
