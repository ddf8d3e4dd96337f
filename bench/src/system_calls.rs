//! How many system calls a process makes, counted by `strace`, which must be installed and allowed to look.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

/// How long strace may take to take hold of a process.
const ATTACH_MAX: Duration = Duration::from_secs(10);

/// A process whose system calls are being counted.
#[derive(Debug)]
pub struct SystemCalls {
    tracer: Child,
    summary: PathBuf,
}

impl SystemCalls {
    /// Begins to count those of all threads of process `pid`; what is traced runs several times slower.
    ///
    /// # Errors
    ///
    /// When strace is missing or may not trace.
    pub fn count(pid: u32) -> anyhow::Result<Self> {
        let summary = std::env::temp_dir().join(format!("cpumon-bench-{pid}.strace"));
        let mut strace = Command::new("strace");
        strace.args(["-f", "-c", "-p", &pid.to_string(), "-o"]).arg(&summary).stderr(Stdio::null());
        let tracer = strace.spawn().context("strace cannot be run (on Debian: apt-get install strace)")?;
        let mut counting = Self { tracer, summary };
        counting.wait_until_attached(pid)?;
        Ok(counting)
    }

    /// Ends counting; how many calls there were.
    ///
    /// # Errors
    ///
    /// When strace has seen nothing, or its summary is of an unknown form.
    pub fn end(mut self) -> anyhow::Result<u64> {
        // strace writes its summary when it is interrupted, and lets go of the process.
        let pid = rustix::process::Pid::from_child(&self.tracer);
        rustix::process::kill_process(pid, rustix::process::Signal::INT)?;
        self.tracer.wait()?;
        total(&std::fs::read_to_string(&self.summary)?)
    }

    fn wait_until_attached(&mut self, pid: u32) -> anyhow::Result<()> {
        let deadline = Instant::now() + ATTACH_MAX;
        while !is_traced(pid)? {
            ensure!(self.tracer.try_wait()?.is_none(), "strace may not trace here");
            ensure!(Instant::now() < deadline, "strace does not take hold of the process");
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }
}

impl Drop for SystemCalls {
    fn drop(&mut self) {
        // Both are over already after a call of `end`.
        let _ = self.tracer.kill();
        let _ = self.tracer.wait();
        let _ = std::fs::remove_file(&self.summary);
    }
}

/// Whether every thread of process `pid` is traced.
fn is_traced(pid: u32) -> anyhow::Result<bool> {
    for thread in Path::new("/proc").join(pid.to_string()).join("task").read_dir()? {
        // A thread may end while they are read.
        let Ok(status) = std::fs::read_to_string(thread?.path().join("status")) else { continue };
        if status.lines().any(|line| line.strip_prefix("TracerPid:").is_some_and(|by| by.trim() == "0")) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The number of calls in strace's summary.
fn total(summary: &str) -> anyhow::Result<u64> {
    // `100.00    0.000310           4        70           total`
    let line = summary.lines().find(|line| line.ends_with("total")).context("strace saw nothing")?;
    let calls = line.split_whitespace().nth(3).and_then(|word| word.parse().ok());
    calls.context("strace's summary is of another form")
}

#[cfg(test)]
mod tests {
    use super::total;

    #[test]
    fn the_total_of_a_summary() {
        let summary = "\
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 58.53    0.069801          17      3985           sendto
 41.47    0.050000           6      3985         2 recvfrom
------ ----------- ----------- --------- --------- ----------------
100.00    0.119801          11      7970         2 total
";
        assert_eq!(total(summary).unwrap(), 7_970);
        assert!(total("").is_err());
    }
}
