//! What outlives the process: the histogram and the seconds missed, in one small file.
//!
//! Prometheus takes any fall of a total for a reset and adds the whole new value. So a restart may begin at
//! nothing (what no scrape had seen is lost) or where an exporter was last told (nothing is lost), but never in
//! between: beginning a little too low would count nearly everything twice. Therefore:
//!
//! - each sample is written before it is sent, so the file is never behind what an exporter knows;
//! - the file is good for one boot only. Within a boot a write to it cannot be lost, killed process or not, as the
//!   kernel has it; so it need not be forced to the disk, and after a crash of the machine it does not count;
//! - it is rewritten in place by a single write of fixed size: no new file, no new block, no directory entry
//!   each second, and nothing that a full disk could refuse;
//! - when a write fails all the same, the file is emptied and no longer used, and at a start nothing is
//!   taken from a file that cannot be written;
//! - it is locked, so that two agents that were given one name do not mix their totals.

mod directory;
mod record;
#[cfg(test)]
mod tests;

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use cpumon_protocol::model::AgentName;

use crate::recorder::Kept;

pub use record::Unusable;

/// The file of one agent, held open and locked.
#[derive(Debug)]
pub struct StateFile {
    path: PathBuf,
    file: File,
    boot: Box<str>,
}

/// What was found at the start.
#[derive(Debug)]
pub struct Restored {
    /// The file, to be written from here on.
    pub file: StateFile,
    /// What was in it; zeros when it is new.
    pub kept: Kept,
    /// Where an unreadable file was put aside, and why, if there was one.
    pub put_aside: Option<(PathBuf, Unusable)>,
}

/// Why nothing can be kept.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The directory or a file in it is not to be used.
    #[error("cannot use {path}: {error}")]
    Io {
        /// Which one.
        path: PathBuf,
        /// The system's words.
        error: io::Error,
    },
    /// Another agent has the file.
    #[error("{path} is in use by another agent of the same name; give each its own AGENT_NAME")]
    InUse {
        /// Which one.
        path: PathBuf,
    },
}

impl StateFile {
    /// Opens the file of the agent `name` for this `boot` in `directory`, takes what is in it and writes it back.
    ///
    /// Files of this name that other boots left behind are removed once they are a day old.
    ///
    /// # Errors
    ///
    /// When it cannot be read, locked and written: then nothing may be taken from it either.
    pub fn open(
        directory: &Path,
        name: &AgentName,
        boot: &str,
        now: SystemTime,
    ) -> Result<Restored, StateError> {
        let path = directory::file_of(directory, name, boot);
        let failed = |error| StateError::Io { path: path.clone(), error };
        let mut file = Self::lock(&path)?;
        let (kept, put_aside) = match record::read(&mut file, boot).map_err(failed)? {
            Ok(kept) => (kept.unwrap_or_default(), None),
            Err(unusable) => {
                let aside = directory::put_aside(&path).map_err(failed)?;
                file = Self::lock(&path)?;
                (Kept::default(), Some((aside, unusable)))
            }
        };
        let mut file = Self { path: path.clone(), file, boot: boot.into() };
        file.write(kept).map_err(failed)?;
        directory::remove_old(directory, name, boot, now);
        Ok(Restored { file, kept, put_aside })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes `kept`. To be called before any exporter is told of it.
    ///
    /// # Errors
    ///
    /// When that fails. The file then keeps nothing, and is not to be used again.
    pub fn save(&mut self, kept: Kept) -> io::Result<()> {
        self.write(kept).inspect_err(|_| {
            // Either is enough; where both fail, so will the write at the next start.
            let _ = self.file.set_len(0);
            let _ = fs::remove_file(&self.path);
        })
    }

    fn write(&mut self, kept: Kept) -> io::Result<()> {
        let record = record::encode(kept, &self.boot)?;
        write_at_start(&mut self.file, &record)
    }

    fn lock(path: &Path) -> Result<File, StateError> {
        let failed = |error| StateError::Io { path: path.to_owned(), error };
        let file =
            File::options().read(true).write(true).create(true).truncate(false).open(path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(StateError::InUse { path: path.to_owned() }),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }
}

#[cfg(unix)]
fn write_at_start(file: &mut File, record: &[u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, record, 0)
}

#[cfg(not(unix))]
fn write_at_start(file: &mut File, record: &[u8]) -> io::Result<()> {
    io::Seek::rewind(file)?;
    io::Write::write_all(file, record)
}
