//! A wall clock that is set back and forward, for one process alone: libfaketime gives it another one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::exporter::Exporter;
use super::process::Agent;
use super::python::python;
use super::told::Told;

/// The wall clock of a process, and where it is set.
struct WallClock {
    directory: tempfile::TempDir,
    library: String,
}

impl WallClock {
    fn new() -> Self {
        let program = "import libfaketime, pathlib; print(next(pathlib.Path(libfaketime.__file__).parent.rglob('libfaketime.so.1')))";
        let found = Command::new(python()).args(["-c", program]).output().unwrap();
        assert!(found.status.success(), "{}", String::from_utf8_lossy(&found.stderr));
        let library = String::from_utf8(found.stdout).unwrap().trim().to_owned();
        let clock = Self { directory: tempfile::tempdir().unwrap(), library };
        clock.set("+0");
        clock
    }

    /// The variables that make a process use it. What runs on the monotonic clock is left alone.
    fn variables<'a>(&'a self, file: &'a Path) -> [(&'a str, &'a str); 4] {
        [
            ("LD_PRELOAD", &self.library),
            ("FAKETIME_TIMESTAMP_FILE", file.to_str().unwrap()),
            ("FAKETIME_NO_CACHE", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ]
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("clock")
    }

    /// Sets it to the true time and so much more or less.
    fn set(&self, difference: &str) {
        let next = self.directory.path().join("next");
        fs::write(&next, format!("{difference}\n")).unwrap();
        fs::rename(next, self.file()).unwrap();
    }
}

/// The year that it is then, as it begins a line of the log.
fn year(difference: &str) -> String {
    let date =
        Command::new("date").args(["--utc", "+%Y-", "--date"]).arg(format!("{difference} days")).output();
    String::from_utf8(date.unwrap().stdout).unwrap().trim().to_owned()
}

#[test]
fn setting_the_wall_clock_changes_nothing() {
    let clock = WallClock::new();
    let file = clock.file();
    let exporter = Exporter::listen();
    let mut variables = clock.variables(&file).to_vec();
    variables.extend([("AGENT_NAME", "set"), ("AGENT_BACKOFF_MIN", "10ms"), ("AGENT_BACKOFF_MAX", "10ms")]);
    let agent = Agent::start(&exporter, &variables);
    let mut connection = exporter.accept_and_welcome();
    let first = Told::next(&mut connection);
    let mut last = first;
    for days in ["+365", "-365", "+36500", "+0"] {
        clock.set(&format!("{days}d"));
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
