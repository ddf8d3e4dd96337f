//! What a process has cost so far, by the kernel's own account.

use std::fs;
use std::io;
use std::time::Duration;

/// A process by its number.
#[derive(Clone, Copy, Debug)]
pub struct Process {
    pid: u32,
}

impl Process {
    /// The process `pid`.
    pub const fn new(pid: u32) -> Self {
        Self { pid }
    }

    /// Its number.
    pub const fn id(self) -> u32 {
        self.pid
    }

    /// CPU time that its living threads have used, to the nanosecond. A thread that ends between two calls takes
    /// its share with it.
    ///
    /// # Errors
    ///
    /// When there is no such process, or the kernel keeps no such account.
    pub fn cpu_time(self) -> io::Result<Duration> {
        let mut total = Duration::ZERO;
        for thread in fs::read_dir(format!("/proc/{}/task", self.pid))? {
            // A thread may end while they are read.
            let Ok(text) = fs::read_to_string(thread?.path().join("schedstat")) else { continue };
            let nanos = text.split(' ').next().and_then(|word| word.parse().ok());
            total += Duration::from_nanos(nanos.ok_or_else(|| malformed("schedstat"))?);
        }
        Ok(total)
    }

    /// CPU time that all its threads have used, those that ended included, to a tick of the kernel's clock (10 ms).
    ///
    /// # Errors
    ///
    /// When there is no such process.
    pub fn cpu_ticks(self) -> io::Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid))?;
        // The name before it may hold anything but a closing parenthesis after the last one.
        let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
        let mut ticks = fields.split_whitespace().skip(11).map(str::parse::<u64>);
        let (Some(Ok(user)), Some(Ok(system))) = (ticks.next(), ticks.next()) else {
            return Err(malformed("stat"));
        };
        let second = rustix::param::clock_ticks_per_second().max(1);
        Ok(Duration::from_nanos((user + system).saturating_mul(1_000_000_000 / second)))
    }

    /// How often its living threads have gone to sleep by themselves, and so have been woken.
    ///
    /// # Errors
    ///
    /// When there is no such process.
    pub fn wake_ups(self) -> io::Result<u64> {
        let mut total = 0;
        for thread in fs::read_dir(format!("/proc/{}/task", self.pid))? {
            let Ok(status) = fs::read_to_string(thread?.path().join("status")) else { continue };
            let value = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
            total += value
                .and_then(|value| value.trim().parse::<u64>().ok())
                .ok_or_else(|| malformed("status"))?;
        }
        Ok(total)
    }

    /// Its resident memory, in bytes, shared pages included.
    ///
    /// # Errors
    ///
    /// When there is no such process.
    pub fn resident(self) -> io::Result<u64> {
        self.status_kb("VmRSS:").map(|kb| kb * 1024)
    }

    /// The most resident memory that it ever had, in bytes.
    ///
    /// # Errors
    ///
    /// When there is no such process.
    pub fn resident_peak(self) -> io::Result<u64> {
        self.status_kb("VmHWM:").map(|kb| kb * 1024)
    }

    fn status_kb(self, key: &str) -> io::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let value = status.lines().find_map(|line| line.strip_prefix(key));
        value
            .and_then(|value| value.trim().strip_suffix(" kB")?.parse().ok())
            .ok_or_else(|| malformed("status"))
    }
}

fn malformed(file: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("/proc/<pid>/{file} is of another form"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_cost_something() {
        let me = Process::new(std::process::id());
        let before = me.cpu_time().unwrap();
        let before_ticks = me.cpu_ticks().unwrap();
        while me.cpu_ticks().unwrap() < before_ticks + Duration::from_millis(20) {}
        assert!(me.cpu_time().unwrap() > before + Duration::from_millis(2));
        assert!(me.resident().unwrap() > 100_000);
        let slept_before = me.wake_ups().unwrap();
        std::thread::sleep(Duration::from_millis(1));
        assert!(me.wake_ups().unwrap() > slept_before);
        assert!(me.resident_peak().unwrap() >= me.resident().unwrap() / 2);
        assert!(Process::new(u32::MAX).cpu_time().is_err());
    }
}
