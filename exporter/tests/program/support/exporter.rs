//! A running exporter.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use super::{Exposition, PATIENCE, Page, Process, program};

/// How often a state that nothing announces is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// An exporter that listens; it ends with this value.
#[derive(Debug)]
pub(crate) struct Exporter {
    pub(crate) process: Process,
    pub(crate) ingest: SocketAddr,
    pub(crate) ingest_tls: Option<SocketAddr>,
    pub(crate) http: SocketAddr,
}

/// Waits until `condition` holds.
pub(crate) fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "still waiting until {what}");
        thread::sleep(LOOK_EVERY);
    }
}

impl Exporter {
    /// An exporter with these variables and no others, on ports of its own.
    pub(crate) fn start(variables: &[(&str, &str)]) -> Self {
        let mut command = program(&[
            ("EXPORTER_INGEST_LISTEN", "127.0.0.1:0"),
            ("EXPORTER_HTTP_LISTEN", "127.0.0.1:0"),
            ("EXPORTER_LOG_FORMAT", "json"),
        ]);
        Self::listening(command.envs(variables.iter().copied()))
    }

    fn listening(command: &mut Command) -> Self {
        let mut process = Process::start(command);
        let fields = process.event("listening");
        let address = |field: &Value| field.as_str().and_then(|text| text.parse().ok()).unwrap();
        Self {
            ingest: address(&fields["ingest"]),
            ingest_tls: fields.get("ingest_tls").map(address),
            http: address(&fields["http"]),
            process,
        }
    }

    /// What it serves at `/metrics` now.
    pub(crate) fn metrics(&self) -> Exposition {
        let page = Page::get(self.http, "/metrics", "");
        assert_eq!(page.status, 200);
        Exposition::parse(page.text()).unwrap()
    }

    /// The value of the one series that `selector` means, now.
    pub(crate) fn value(&self, selector: &str) -> Option<f64> {
        self.metrics().value(selector)
    }

    /// Waits until what it serves meets `condition`, and returns it.
    pub(crate) fn when(&self, what: &str, condition: impl Fn(&Exposition) -> bool) -> Exposition {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let metrics = self.metrics();
            if condition(&metrics) {
                return metrics;
            }
            if Instant::now() > deadline {
                let agents = metrics.series().filter(|series| series.labels.contains_key("agent"));
                panic!("still waiting until {what}: {:#?}", agents.collect::<Vec<_>>());
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    /// Waits until the one series that `selector` means has this value, or none.
    pub(crate) fn when_value(&self, selector: &str, value: Option<f64>) -> Exposition {
        self.when(&format!("{selector} is {value:?}"), |metrics| metrics.value(selector) == value)
    }

    /// The largest amount of memory that it has had so far, in bytes.
    pub(crate) fn peak_memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        let kilobytes: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
        kilobytes * 1024
    }

    /// Tells whether it has taken no object of the original since it was asked before. That it answers shows
    /// that it could have.
    pub(crate) fn takes_nothing(&self) -> impl FnMut() -> bool + use<> {
        let (http, mut before) = (self.http, None);
        move || {
            let page = Page::get(http, "/metrics", "");
            let metrics = Exposition::parse(page.text()).unwrap();
            let taken = metrics.value(r#"cpumon_exporter_frames_total{format="original"}"#);
            std::mem::replace(&mut before, taken) == taken
        }
    }

    /// Asks it to stop, and waits for that; it must have gone well.
    pub(crate) fn stop(mut self) {
        self.process.signal(Signal::TERM);
        assert_eq!(self.process.wait().code(), Some(0));
    }
}
