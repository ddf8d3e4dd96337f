//! The roster on disk: who was there, over a restart of the exporter.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::fleet::Roster;

/// The file that keeps the roster.
#[derive(Clone, Debug)]
pub(crate) struct RosterFile {
    path: PathBuf,
}

impl RosterFile {
    /// The file at `path`, which need not be there yet.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// What the file keeps. A file that is not there keeps nobody; one that cannot be read is told and set
    /// aside, since a monitor must start.
    pub(crate) fn load(&self) -> Roster {
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Roster::default(),
            Err(error) => {
                tracing::error!(path = %self.path.display(), %error, "cannot read the roster; who was there before is not known");
                return Roster::default();
            }
        };
        Roster::from_json(&bytes).unwrap_or_else(|error| {
            let aside = self.beside("unreadable");
            let kept = fs::rename(&self.path, &aside).is_ok();
            tracing::error!(path = %self.path.display(), error = ?error.to_string(), kept, aside = %aside.display(), "the roster makes no sense; who was there before is not known");
            Roster::default()
        })
    }

    /// Replaces the file whole: who reads it finds the old roster or the new one.
    ///
    /// # Errors
    ///
    /// Those of the file system.
    pub(crate) fn save(&self, roster: &Roster) -> io::Result<()> {
        let fresh = self.beside("new");
        let mut file = fs::File::create(&fresh)?;
        file.write_all(roster.to_json().as_bytes())?;
        file.sync_all()?;
        fs::rename(&fresh, &self.path)
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = self.path.as_os_str().to_owned();
        name.push(".");
        name.push(suffix);
        name.into()
    }
}

#[cfg(test)]
mod tests {
    use cpumon_protocol::model::{AgentName, WallTime};

    use super::*;

    #[test]
    fn what_is_saved_is_loaded_and_nonsense_is_set_aside() {
        let dir = tempfile::tempdir().unwrap();
        let file = RosterFile::new(dir.path().join("roster.json"));
        assert_eq!(file.load(), Roster::default());
        let roster = Roster([(AgentName::new("a").unwrap(), WallTime(7))].into());
        file.save(&roster).unwrap();
        assert_eq!(file.load(), roster);
        fs::write(file.path(), "{\"version\":1,").unwrap();
        assert_eq!(file.load(), Roster::default());
        assert!(!file.path().exists() && dir.path().join("roster.json.unreadable").exists());
    }
}
