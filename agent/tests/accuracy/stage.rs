//! The directory that stands for `/proc`, and what can be put there.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::machine::Machine;

/// What stands at `/proc/stat` for a second.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    /// What a kernel writes.
    Machine(Machine),
    /// Text from which nothing can be learnt.
    Text(Vec<u8>),
    /// Nothing.
    Gone,
    /// A directory.
    Directory,
    /// A link to itself.
    Loop,
    /// A file that can be opened and gives an I/O error when it is read, whoever reads it.
    Broken,
    /// A file that nobody may read; root may all the same, and then it is a machine's.
    Forbidden(Machine),
}

/// The directory.
#[derive(Debug)]
pub(crate) struct Stage(TempDir);

impl Stage {
    /// A stage in memory, where there is such a place: it is rewritten some hundred thousand times.
    pub(crate) fn new() -> Self {
        Self(TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).unwrap())
    }

    /// The directory's own path, for `AGENT_PROCFS`.
    pub(crate) fn root(&self) -> &Path {
        self.0.path()
    }

    fn stat(&self) -> PathBuf {
        self.root().join("stat")
    }

    /// Puts `content` there in one step, so that no reader sees half of it.
    pub(crate) fn show(&self, content: &Content) {
        let (stat, next) = (self.stat(), self.root().join("next"));
        match content {
            Content::Machine(machine) => fs::write(&next, machine.stat()).unwrap(),
            Content::Text(text) => fs::write(&next, text).unwrap(),
            Content::Loop => symlink("stat", &next).unwrap(),
            Content::Broken => symlink("/proc/self/mem", &next).unwrap(),
            Content::Forbidden(machine) => {
                fs::write(&next, machine.stat()).unwrap();
                fs::set_permissions(&next, fs::Permissions::from_mode(0o000)).unwrap();
            }
            Content::Gone => {}
            Content::Directory => fs::create_dir(&next).unwrap(),
        }
        // A directory and a file do not replace each other.
        let other_kind = stat.is_dir() || matches!(content, Content::Directory | Content::Gone);
        if other_kind && stat.symlink_metadata().is_ok() {
            let remove = if stat.is_dir() { fs::remove_dir(&stat) } else { fs::remove_file(&stat) };
            remove.unwrap();
        }
        if !matches!(content, Content::Gone) {
            fs::rename(&next, &stat).unwrap();
        }
    }

    /// The machine that a reader learns of; none where there is nothing to learn.
    pub(crate) fn learnt<'c>(&self, content: &'c Content) -> Option<&'c Machine> {
        match content {
            Content::Machine(machine) => Some(machine),
            Content::Forbidden(machine) => fs::read(self.stat()).is_ok().then_some(machine),
            _ => None,
        }
    }
}
