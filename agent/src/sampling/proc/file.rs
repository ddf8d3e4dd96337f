//! A file of the kernel's, kept open and read anew each time.
//!
//! A file of procfs stays the same file for ever, so it is opened once. Anything else under that name (a file
//! mounted over it, a copy made for a test, lxcfs) can be replaced by another, and the open one would then
//! show the old state for ever: such a file is opened for each reading.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rustix::fs::{PROC_SUPER_MAGIC, fstatfs};

use crate::sampling::Fault;

/// The most that is read of one file, in bytes: `/proc/stat` of 8,192 CPUs and their interrupts fits.
pub(in crate::sampling) const FILE_MAX: usize = 4 * 1024 * 1024;

/// What is read at first; grows to what is needed.
const FIRST_BUFFER: usize = 4 * 1024;

/// A file by its path, open or not.
#[derive(Debug)]
pub(in crate::sampling) struct KernelFile {
    path: PathBuf,
    kept: Option<File>,
}

/// Memory for the content of one file after another.
#[derive(Debug, Default)]
pub(in crate::sampling) struct Buffer(Vec<u8>);

impl KernelFile {
    /// The file at `path`, which need not exist yet.
    pub(in crate::sampling) const fn new(path: PathBuf) -> Self {
        Self { path, kept: None }
    }

    /// Where it is.
    pub(in crate::sampling) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the whole of it as it is now.
    pub(in crate::sampling) fn read<'b>(&mut self, buffer: &'b mut Buffer) -> Result<&'b [u8], Fault> {
        // What made the kept one fail may be over for one that is opened now.
        let of_kept = self.kept.as_ref().and_then(|file| buffer.fill(file).ok());
        let length = match of_kept {
            Some(length) => length,
            None => self.open_and_fill(buffer)?,
        };
        Ok(buffer.0.get(..length).unwrap_or_default())
    }

    /// Opens it anew at the next reading, because what was read was of no use.
    pub(in crate::sampling) fn distrust(&mut self) {
        self.kept = None;
    }

    /// Whether it is open between two readings.
    #[cfg(test)]
    pub(in crate::sampling) const fn is_kept(&self) -> bool {
        self.kept.is_some()
    }

    fn open_and_fill(&mut self, buffer: &mut Buffer) -> Result<usize, Fault> {
        self.kept = None;
        let file = File::open(&self.path).map_err(Fault::Io)?;
        let length = buffer.fill(&file)?;
        self.kept = is_of_procfs(&file).then_some(file);
        Ok(length)
    }
}

fn is_of_procfs(file: &File) -> bool {
    fstatfs(file).is_ok_and(|filesystem| filesystem.f_type == PROC_SUPER_MAGIC)
}

impl Buffer {
    /// Reads all of `file`; gives the number of bytes.
    fn fill(&mut self, file: &File) -> Result<usize, Fault> {
        let mut filled = 0;
        loop {
            if filled == self.0.len() {
                self.grow()?;
            }
            let free = self.0.get_mut(filled..).unwrap_or_default();
            let wanted = free.len();
            let got = match file.read_at(free, filled as u64) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                outcome => outcome.map_err(Fault::Io)?,
            };
            filled += got;
            // The kernel hands out such a file in one piece. A short one that ends a line is the whole: that
            // saves the read that would say so. Any other short one is read on until there is no more.
            let whole = got < wanted && self.0.get(..filled).is_some_and(|text| text.ends_with(b"\n"));
            if got == 0 || whole {
                return Ok(filled);
            }
        }
    }

    fn grow(&mut self) -> Result<(), Fault> {
        if self.0.len() >= FILE_MAX {
            return Err(Fault::TooLarge { limit: FILE_MAX });
        }
        let larger = (self.0.len() * 2).clamp(FIRST_BUFFER, FILE_MAX);
        self.0.resize(larger, 0);
        Ok(())
    }
}
