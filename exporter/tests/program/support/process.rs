//! The binary as a process: started, watched through its log, asked to end, and ended whatever happens.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::PATIENCE;

/// The binary, in an environment of only these variables.
pub(crate) fn program(variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cpumon-exporter"));
    command.env_clear().envs(variables.iter().copied()).stdin(Stdio::null());
    command
}

/// What a process that ended by itself left behind.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a command that ends by itself.
pub(crate) fn run(command: &mut Command) -> Output {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let reader = thread::spawn(move || {
        let mut text = String::new();
        stdout.read_to_string(&mut text).map(|_| text)
    });
    let mut process = Process::watch(child);
    let status = process.wait().code();
    let stderr: Vec<String> = process.rest().collect();
    Output { status, stdout: reader.join().unwrap().unwrap(), stderr: stderr.concat() }
}

/// A process and the lines of its log; it ends with this value.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    lines: Receiver<String>,
    /// Lines that were read already, to be shown when a test fails.
    seen: Vec<String>,
}

impl Process {
    /// Starts the command, whose stderr is its log.
    pub(crate) fn start(command: &mut Command) -> Self {
        Self::watch(command.stderr(Stdio::piped()).spawn().unwrap())
    }

    fn watch(mut child: Child) -> Self {
        let lines = lines_of(child.stderr.take().unwrap());
        Self { child, lines, seen: Vec::new() }
    }

    /// Its id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The fields of the next line of the log with this message, passing over others.
    pub(crate) fn event(&mut self, message: &str) -> Value {
        self.event_that(message, |event| event["message"] == message)["fields"].take()
    }

    /// The message of the next line of the log that begins so, passing over others.
    pub(crate) fn event_beginning(&mut self, start: &str) -> String {
        let begins = |event: &Value| event["message"].as_str().is_some_and(|text| text.starts_with(start));
        self.event_that(start, begins)["message"].as_str().unwrap().to_owned()
    }

    fn event_that(&mut self, message: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let line = match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => line,
                Err(why) => panic!("no log line {message:?}: {why}"),
            };
            let event: Value = serde_json::from_str(&line).unwrap_or_default();
            self.seen.push(line);
            if is_it(&event) {
                return event;
            }
        }
    }

    /// Every line of the log so far and until it says nothing for half a second.
    pub(crate) fn rest_until_quiet(&mut self) -> Vec<String> {
        let mut lines = std::mem::take(&mut self.seen);
        while let Ok(line) = self.lines.recv_timeout(Duration::from_millis(500)) {
            lines.push(line);
        }
        lines
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Whether it has not ended yet.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits until it has ended by itself.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        // Its stderr closes when it ends.
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => self.seen.push(line),
                Err(RecvTimeoutError::Disconnected) => return self.child.wait().unwrap(),
                Err(RecvTimeoutError::Timeout) => panic!("it does not end"),
            }
        }
    }

    /// Every line of the log so far, with its line end.
    pub(crate) fn rest(&mut self) -> impl Iterator<Item = String> {
        std::mem::take(&mut self.seen).into_iter().chain(self.lines.try_iter())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            let log: String = self.rest().collect();
            eprintln!("the log of process {}:\n{log}", self.child.id());
        }
    }
}

/// The lines of `stderr` as they come, line ends included, whatever their bytes.
fn lines_of(stderr: ChildStderr) -> Receiver<String> {
    let (sender, lines) = channel();
    thread::spawn(move || {
        let mut stderr = BufReader::new(stderr);
        let mut line = Vec::new();
        while stderr.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
            if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                return;
            }
            line.clear();
        }
    });
    lines
}
