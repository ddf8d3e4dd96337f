//! An agent as a process, with its log.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::exporter::Exporter;

/// The longest wait for anything; reached only where something is wrong.
pub(super) const FINISH: Duration = Duration::from_secs(20);

/// A running agent; killed when it is dropped.
pub(super) struct Agent {
    child: Child,
    log: Receiver<String>,
    health_socket: String,
}

impl Agent {
    /// Starts an agent that reports to `exporter`, with these variables and no others.
    pub(super) fn start(exporter: &Exporter, variables: &[(&str, &str)]) -> Self {
        Self::start_towards(&exporter.address(), variables)
    }

    pub(super) fn start_towards(exporter: &str, variables: &[(&str, &str)]) -> Self {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let health_socket = format!("@cpumon-agent-test-{}-{number}", std::process::id());
        let mut child = program(&health_socket)
            .env("AGENT_EXPORTERS", exporter)
            .envs(variables.iter().copied())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (lines, log) = channel();
        std::thread::spawn(move || {
            stderr.lines().map_while(Result::ok).try_for_each(|line| lines.send(line))
        });
        Self { child, log, health_socket }
    }

    pub(super) fn health_socket(&self) -> &str {
        &self.health_socket
    }

    /// Waits for a line of the log that contains `text`.
    pub(super) fn log_line(&self, text: &str) {
        let lines = self.log_until(|line| line.contains(text));
        assert!(lines.last().is_some_and(|line| line.contains(text)), "no {text:?} in the log: {lines:#?}");
    }

    /// The lines up to one that is `wanted`, or to the end of the log.
    fn log_until(&self, wanted: impl Fn(&str) -> bool) -> Vec<String> {
        let (start, mut lines) = (Instant::now(), Vec::new());
        loop {
            match self.log.recv_timeout(FINISH.saturating_sub(start.elapsed())) {
                Ok(line) => lines.push(line),
                Err(RecvTimeoutError::Disconnected) => return lines,
                Err(RecvTimeoutError::Timeout) => panic!("the log goes on: {lines:#?}"),
            }
            if lines.last().is_some_and(|line| wanted(line)) {
                return lines;
            }
        }
    }

    /// The largest amount of memory that it has had so far, in bytes.
    pub(super) fn peak_memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        let kilobytes: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
        kilobytes * 1024
    }

    pub(super) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    pub(super) fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Ends it without a chance to say anything.
    pub(super) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits until it ends by itself; its exit status, and the lines that were not waited for.
    pub(super) fn ended(&mut self) -> (Option<i32>, Vec<String>) {
        // The log ends with the process.
        let lines = self.log_until(|_| false);
        (self.child.wait().unwrap().code(), lines)
    }

    /// The exit status of `healthcheck` for this agent, and what it says.
    pub(super) fn healthcheck(&self) -> (Option<i32>, String) {
        let output = program(&self.health_socket).arg("healthcheck").output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn program(health_socket: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cpumon-agent"));
    command.env_clear().env("AGENT_HEALTH_SOCKET", health_socket);
    command
}
