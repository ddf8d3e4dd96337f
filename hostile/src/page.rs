//! The page of metrics, as far as cases look at it.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;

/// The longest wait for a page.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is served at `path`, over a connection of its own.
///
/// # Errors
///
/// When there is no answer in time, or another one than success.
pub fn get(http: SocketAddr, path: &str) -> anyhow::Result<String> {
    let config = ureq::Agent::config_builder()
        .timeout_global(Some(PATIENCE))
        .max_idle_connections(0)
        .proxy(None)
        .build();
    let mut answer = ureq::Agent::from(config).get(format!("http://{http}{path}")).call()?;
    answer.body_mut().with_config().limit(256 * 1024 * 1024).read_to_string().context("the page breaks off")
}

/// A page of metrics.
#[derive(Clone, Debug)]
pub struct Page(String);

impl Page {
    /// What is shown now.
    ///
    /// # Errors
    ///
    /// When there is no answer in time, or another one than success.
    pub fn now(http: SocketAddr) -> anyhow::Result<Self> {
        get(http, "/metrics").map(Self)
    }

    /// The series whose lines begin with `beginning`: the rest of the line, and its value.
    pub fn series<'a>(&'a self, beginning: &'a str) -> impl Iterator<Item = (&'a str, f64)> {
        self.0.lines().filter_map(move |line| {
            let (series, value) = line.strip_prefix(beginning)?.rsplit_once(' ')?;
            Some((series, value.parse().ok()?))
        })
    }

    /// How many series have lines that begin so.
    pub fn count(&self, beginning: &str) -> u64 {
        self.series(beginning).count() as u64
    }

    /// The sum of the series whose lines begin so.
    pub fn sum(&self, beginning: &str) -> f64 {
        self.series(beginning).map(|(_, value)| value).sum()
    }

    /// Frames and connections that were refused or cut so far.
    pub fn refused(&self) -> f64 {
        self.sum("cpumon_exporter_rejected_connections_total{")
            + self.sum("cpumon_exporter_rejected_frames_total{")
    }

    /// Frames that were refused for `reason` so far.
    pub fn rejected_frames(&self, reason: &str) -> f64 {
        self.sum(&format!("cpumon_exporter_rejected_frames_total{{reason=\"{reason}\"}}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_found_by_their_beginning() {
        let page = Page("# HELP a b\na{x=\"1 2\"} 3\na{x=\"y\"} 4\nab 5\n".to_owned());
        assert_eq!(page.count("a{"), 2);
        assert!((page.sum("a{") - 7.0).abs() < 1e-9);
        assert!((page.sum("ab") - 5.0).abs() < 1e-9);
    }
}
