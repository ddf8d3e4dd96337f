//! Linux's own account of its CPUs, read from procfs directly.
//!
//! Per sample: one read each of `stat`, `loadavg` and `pressure/cpu` into one buffer, no allocation once the
//! buffer has grown to the size of `stat`.

pub(super) mod decimal;
pub(super) mod file;
mod small;
mod stat;
#[cfg(test)]
mod tests;

use std::mem;
use std::path::Path;

use file::{Buffer, KernelFile};
use stat::{Stat, UserClock};

use super::cgroup::CgroupReader;
use super::{Cpu, Fault, ReadError, Reading, Source};

/// The files under the root of a procfs.
#[derive(Debug)]
pub struct ProcSource {
    stat: KernelFile,
    loadavg: KernelFile,
    pressure: KernelFile,
    cgroup: Option<CgroupReader>,
    clock: UserClock,
    buffer: Buffer,
    parsed: Stat,
    reading: Reading,
    seen: Seen,
}

/// Which lines after the cores the file had once: a kernel that writes them always does. So a file that is cut
/// off at the end of a line is known for what it is, though every line of it is well formed.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    context_switches: bool,
    procs_running: bool,
}

impl ProcSource {
    /// A source that reads below `root`, usually `/proc`. Nothing is opened before the first reading.
    pub fn new(root: &Path) -> Self {
        Self {
            stat: KernelFile::new(root.join("stat")),
            loadavg: KernelFile::new(root.join("loadavg")),
            pressure: KernelFile::new(root.join("pressure/cpu")),
            cgroup: None,
            clock: UserClock::new(rustix::param::clock_ticks_per_second()),
            buffer: Buffer::default(),
            parsed: Stat::default(),
            reading: Reading::default(),
            seen: Seen::default(),
        }
    }

    /// The same source, which reads the account of a control group too.
    #[must_use]
    pub fn with_cgroup(self, cgroup: Option<CgroupReader>) -> Self {
        Self { cgroup, ..self }
    }

    fn read_stat(&mut self) -> Result<(), Fault> {
        let text = self.stat.read(&mut self.buffer)?;
        let outcome = stat::parse(text, self.clock, &mut self.parsed)
            .and_then(|()| if self.seen.is_lost_in(&self.parsed) { Err(Fault::Truncated) } else { Ok(()) });
        match outcome {
            Ok(()) => self.seen.note(&self.parsed),
            Err(_) => self.stat.distrust(),
        }
        outcome
    }
}

impl Source for ProcSource {
    fn read(&mut self) -> Result<&Reading, ReadError> {
        // The list of cores goes back to the parser, which reuses its memory.
        if let Cpu::Times(times) = mem::take(&mut self.reading.cpu) {
            self.parsed.times = times;
        }
        self.read_stat().map_err(|fault| ReadError::new(self.stat.path().to_string_lossy(), fault))?;
        let times = mem::take(&mut self.parsed.times);
        let load = optional(&mut self.loadavg, &mut self.buffer, small::parse_loadavg);
        let pressure_waiting = optional(&mut self.pressure, &mut self.buffer, small::parse_pressure);
        self.reading = Reading {
            logical_cpus: u32::try_from(times.cores.len()).ok().filter(|&cores| cores > 0),
            cpu: Cpu::Times(times),
            load,
            procs_running: self.parsed.procs_running,
            context_switches: self.parsed.context_switches,
            pressure_waiting,
            boot_time: self.parsed.boot_time,
            cgroup: self.cgroup.as_mut().and_then(|group| group.read(&mut self.buffer)),
        };
        Ok(&self.reading)
    }
}

/// What `parse` finds in `file`; none when there is no such file, or nothing of use in it.
fn optional<T>(file: &mut KernelFile, buffer: &mut Buffer, parse: fn(&[u8]) -> Option<T>) -> Option<T> {
    let value = file.read(buffer).ok().and_then(parse);
    if value.is_none() {
        file.distrust();
    }
    value
}

impl Seen {
    fn note(&mut self, stat: &Stat) {
        self.context_switches |= stat.context_switches.is_some();
        self.procs_running |= stat.procs_running.is_some();
    }

    fn is_lost_in(self, stat: &Stat) -> bool {
        (self.context_switches && stat.context_switches.is_none())
            || (self.procs_running && stat.procs_running.is_none())
    }
}
