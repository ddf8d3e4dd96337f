//! A wall clock for one process alone, to be set back and forward: libfaketime gives it to the process.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::python::python;

/// Where the library is.
const FIND: &str = "import libfaketime, pathlib; \
                    print(next(pathlib.Path(libfaketime.__file__).parent.rglob('libfaketime.so.1')))";

/// The clock, as long as this value lives.
#[derive(Debug)]
pub(crate) struct WallClock {
    directory: TempDir,
    file: PathBuf,
    library: String,
}

impl WallClock {
    /// A clock that tells the true time.
    pub(crate) fn new() -> Self {
        let found = Command::new(python()).args(["-c", FIND]).output().unwrap();
        assert!(found.status.success(), "{}", String::from_utf8_lossy(&found.stderr));
        let library = String::from_utf8(found.stdout).unwrap().trim().to_owned();
        let directory = tempfile::tempdir().unwrap();
        let clock = Self { file: directory.path().join("clock"), directory, library };
        clock.set(0);
        clock
    }

    /// The variables that make a process use it. The monotonic clock is left alone.
    pub(crate) fn variables(&self) -> [(&str, &str); 4] {
        [
            ("LD_PRELOAD", &self.library),
            ("FAKETIME_TIMESTAMP_FILE", self.file.to_str().unwrap()),
            ("FAKETIME_NO_CACHE", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ]
    }

    /// Sets it to so many days after the true time, or before it.
    pub(crate) fn set(&self, days: i64) {
        let next = self.directory.path().join("next");
        fs::write(&next, format!("{days:+}d\n")).unwrap();
        fs::rename(next, Path::new(&self.file)).unwrap();
    }
}
