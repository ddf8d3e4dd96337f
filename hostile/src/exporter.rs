//! The exporter's process.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// The longest that it may take to listen.
const READY_MAX: Duration = Duration::from_secs(20);

/// A running exporter; it ends with this value.
#[derive(Debug)]
pub struct Exporter {
    child: Mutex<Child>,
    pid: u32,
    /// Where agents connect.
    pub ingest: SocketAddr,
    /// Where agents connect over TLS, if they may.
    pub ingest_tls: Option<SocketAddr>,
    /// Where HTTP is.
    pub http: SocketAddr,
    lines: Arc<AtomicU64>,
    last_words: Arc<Mutex<Value>>,
    log: Mutex<Option<JoinHandle<()>>>,
}

impl Exporter {
    /// Starts `binary` with these variables and no others on free ports, with this bound on descriptors.
    ///
    /// # Errors
    ///
    /// When it does not listen in time.
    pub fn start(
        binary: &Path,
        variables: &[(&'static str, String)],
        descriptors: Option<u32>,
    ) -> anyhow::Result<Self> {
        let mut command = match descriptors {
            None => Command::new(binary),
            Some(bound) => {
                let mut shell = Command::new("/bin/sh");
                shell.args(["-c", &format!("ulimit -n {bound} && exec \"$0\"")]).arg(binary);
                shell
            }
        };
        command
            .env_clear()
            .env("EXPORTER_INGEST_LISTEN", "127.0.0.1:0")
            .env("EXPORTER_HTTP_LISTEN", "127.0.0.1:0")
            .env("EXPORTER_LOG_FORMAT", "json")
            .envs(variables.iter().map(|(name, value)| (*name, value)))
            .stdin(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("cannot start {}", binary.display()))?;
        let pid = child.id();
        let stderr = child.stderr.take().context("the exporter has no log")?;
        let (lines, last_words) = (Arc::<AtomicU64>::default(), Arc::<Mutex<Value>>::default());
        let (listening, log) = {
            let (lines, last_words) = (Arc::clone(&lines), Arc::clone(&last_words));
            follow(BufReader::new(stderr), lines, last_words)
        };
        let fields = match listening.recv_timeout(READY_MAX) {
            Ok(fields) => fields,
            Err(_) => {
                let _ = child.kill();
                bail!("{} does not listen", binary.display())
            }
        };
        let address = |name: &str| {
            let text = fields.get(name).and_then(Value::as_str).unwrap_or_default();
            text.parse().with_context(|| format!("the log names no {name} address"))
        };
        let (ingest, http) = (address("ingest")?, address("http")?);
        let is_over_tls = fields.get("ingest_tls").is_some_and(Value::is_string);
        let ingest_tls = is_over_tls.then(|| address("ingest_tls")).transpose()?;
        Ok(Self {
            child: Mutex::new(child),
            pid,
            ingest,
            ingest_tls,
            http,
            lines,
            last_words,
            log: Mutex::new(Some(log)),
        })
    }

    /// Its process's number.
    pub const fn pid(&self) -> u32 {
        self.pid
    }

    /// How many descriptors it has open.
    pub fn open_descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.pid)).map_or(0, Iterator::count)
    }

    /// How many lines its log has.
    pub fn log_lines(&self) -> u64 {
        self.lines.load(Ordering::Relaxed)
    }

    /// How many frames one that has ended says that it has counted.
    pub fn frames_counted(&self) -> Option<i64> {
        if let Some(log) = lock(&self.log).take() {
            let _ = log.join();
        }
        lock(&self.last_words).as_i64()
    }

    /// Whether it has not ended.
    pub fn is_running(&self) -> bool {
        matches!(lock(&self.child).try_wait(), Ok(None))
    }

    /// Asks it to stop.
    ///
    /// # Errors
    ///
    /// When there is no such process any more.
    pub fn terminate(&self) -> anyhow::Result<()> {
        Ok(kill_process(Pid::from_child(&lock(&self.child)), Signal::TERM)?)
    }

    /// How it ended, if it does within `limit`.
    pub fn ended_within(&self, limit: Duration) -> Option<ExitStatus> {
        let until = Instant::now() + limit;
        loop {
            match lock(&self.child).try_wait() {
                Ok(Some(status)) => return Some(status),
                _ if Instant::now() >= until => return None,
                _ => {}
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        // It may have ended by itself.
        let mut child = lock(&self.child);
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// Reads the log to its end; hands over the addresses once they are told.
fn follow(
    log: impl BufRead + Send + 'static,
    lines: Arc<AtomicU64>,
    last_words: Arc<Mutex<Value>>,
) -> (Receiver<Value>, JoinHandle<()>) {
    let (tell, told) = channel();
    let reader = thread::spawn(move || {
        for line in log.split(b'\n').map_while(Result::ok) {
            let event: Value = serde_json::from_slice(&line).unwrap_or_default();
            if event.get("message").and_then(Value::as_str) == Some("listening") {
                let _ = tell.send(event.get("fields").cloned().unwrap_or_default());
            }
            if let Some(frames) = event.pointer("/fields/frames") {
                *lock(&last_words) = frames.clone();
            }
            lines.fetch_add(1, Ordering::Relaxed);
        }
    });
    (told, reader)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
