//! Where the machines' `/proc/stat` files lie, and who reads which version of them when.
//!
//! Each version is a file of its own that takes the place of the one before it, and the kernel tells when it is
//! opened (inotify). So what an agent has read is known from outside, without asking the agent, and in the
//! order in which it happened: the event is there before the agent has seen a byte.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::Errno;

/// Files that are watched.
#[derive(Debug)]
pub struct Stage {
    root: PathBuf,
    inotify: OwnedFd,
    /// The machine and the version of each file that is watched.
    watched: HashMap<i32, (usize, usize)>,
}

impl Stage {
    /// A stage below `root`, which containers may read.
    ///
    /// # Errors
    ///
    /// When the kernel or the file system do not play along.
    pub fn new(root: &Path) -> io::Result<Self> {
        let inotify = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        Ok(Self { root: root.to_owned(), inotify, watched: HashMap::new() })
    }

    /// Makes `text` the `stat` of `machine`, as this version of it.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn publish(&mut self, machine: usize, version: usize, text: &str) -> io::Result<()> {
        let directory = self.directory(machine);
        let (new, stat) = (directory.join("stat.new"), directory.join("stat"));
        if version == 0 {
            fs::create_dir_all(&directory)?;
            fs::set_permissions(&directory, fs::Permissions::from_mode(0o755))?;
        }
        fs::write(&new, text)?;
        fs::set_permissions(&new, fs::Permissions::from_mode(0o644))?;
        // From here on only agents open it. Their closing is of no interest, but stands between two openings,
        // which the kernel would tell as one.
        let watch = inotify::add_watch(&self.inotify, &new, WatchFlags::OPEN | WatchFlags::CLOSE_NOWRITE)?;
        self.watched.insert(watch, (machine, version));
        fs::rename(&new, &stat)
    }

    /// What was read since the last call: machine and version, in order.
    ///
    /// # Errors
    ///
    /// When the kernel cannot tell, or had to leave something out.
    pub fn take_reads(&mut self) -> io::Result<Vec<(usize, usize)>> {
        let mut reads = Vec::new();
        let mut buffer = [MaybeUninit::uninit(); 4_096];
        let mut reader = inotify::Reader::new(&self.inotify, &mut buffer);
        loop {
            let event = match reader.next() {
                Ok(event) => event,
                Err(Errno::WOULDBLOCK) => return Ok(reads),
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            };
            if event.events().contains(inotify::ReadFlags::QUEUE_OVERFLOW) {
                return Err(io::Error::other("the kernel left out events of inotify"));
            }
            if event.events().contains(inotify::ReadFlags::IGNORED) {
                self.watched.remove(&event.wd());
            } else if event.events().contains(inotify::ReadFlags::OPEN) {
                reads.extend(self.watched.get(&event.wd()));
            }
        }
    }

    /// A handle to wait with until something is read, without holding the stage.
    ///
    /// # Errors
    ///
    /// When there are no descriptors left.
    pub fn bell(&self) -> io::Result<Bell> {
        Ok(Bell(self.inotify.try_clone()?))
    }

    /// The root of the `procfs` of `machine`.
    pub fn directory(&self, machine: usize) -> PathBuf {
        self.root.join(machine.to_string())
    }
}

/// Tells that something was read.
#[derive(Debug)]
pub struct Bell(OwnedFd);

impl Bell {
    /// Waits until there is a read to take, at most as long as `patience`.
    ///
    /// # Errors
    ///
    /// When the kernel cannot tell.
    pub fn wait(&self, patience: Duration) -> io::Result<()> {
        let timeout = rustix::event::Timespec {
            tv_sec: i64::try_from(patience.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: patience.subsec_nanos().into(),
        };
        match poll(&mut [PollFd::new(&self.0, PollFlags::IN)], Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_what_was_read_in_order() {
        let root = tempfile::tempdir().unwrap();
        let mut stage = Stage::new(root.path()).unwrap();
        let read =
            |stage: &Stage, machine| fs::read_to_string(stage.directory(machine).join("stat")).unwrap();
        for machine in 0..2 {
            stage.publish(machine, 0, &format!("{machine} 0")).unwrap();
        }
        assert_eq!(stage.take_reads().unwrap(), []);
        let mut expected = Vec::new();
        for version in 1..50 {
            for machine in 0..2 {
                stage.publish(machine, version, &format!("{machine} {version}")).unwrap();
                if version % (machine + 2) == 0 {
                    assert_eq!(read(&stage, machine), format!("{machine} {version}"));
                    expected.push((machine, version));
                }
            }
        }
        // The same one twice, and one that is still open when the next takes its place.
        assert_eq!(read(&stage, 0), "0 49");
        let open = fs::File::open(stage.directory(0).join("stat")).unwrap();
        stage.publish(0, 50, "0 50").unwrap();
        assert_eq!(io::read_to_string(open).unwrap(), "0 49");
        assert_eq!(read(&stage, 0), "0 50");
        expected.extend([(0, 49), (0, 49), (0, 50)]);
        stage.bell().unwrap().wait(Duration::from_secs(5)).unwrap();
        assert_eq!(stage.take_reads().unwrap(), expected);
        assert!(stage.watched.len() <= 4, "{:?}", stage.watched);
    }
}
