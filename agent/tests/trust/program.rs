//! An agent as a process, with its log.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// The longest wait for anything; reached only where something is wrong.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// A running agent; killed when it is dropped.
pub(super) struct Program {
    child: Child,
    log: Receiver<String>,
    seen: String,
}

impl Program {
    /// Starts an agent that reports to `exporter`, with these variables and no others.
    pub(super) fn start(exporter: &str, variables: &[(&str, String)]) -> Self {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let mut child = program()
            .env("AGENT_HEALTH_SOCKET", format!("@cpumon-trust-{}-{number}", std::process::id()))
            .env("AGENT_EXPORTERS", exporter)
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (lines, log) = channel();
        std::thread::spawn(move || {
            stderr.lines().map_while(Result::ok).try_for_each(|line| lines.send(line))
        });
        Self { child, log, seen: String::new() }
    }

    /// Waits for a line of the log that contains `text`.
    pub(super) fn log_line(&mut self, text: &str) {
        let begun = Instant::now();
        loop {
            let Ok(line) = self.log.recv_timeout(PATIENCE.saturating_sub(begun.elapsed())) else {
                panic!("no {text:?} in the log:\n{}", self.seen);
            };
            let is_it = line.contains(text);
            self.seen.extend([&line, "\n"]);
            if is_it {
                return;
            }
        }
    }

    /// Ends it; its whole log.
    pub(super) fn end(mut self) -> String {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let mut log = std::mem::take(&mut self.seen);
        log.extend(self.log.iter().flat_map(|line| [line, "\n".to_owned()]));
        log
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs an agent that ends by itself; its exit status and its log.
pub(super) fn run_to_its_end(variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let output = program().envs(variables.iter().copied()).output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cpumon-agent"));
    command.env_clear();
    command
}
