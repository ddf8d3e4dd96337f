//! What the exporter says of itself, held and encoded by the `prometheus` crate.

use std::time::Duration;

use cpumon_protocol::reject::RejectReason;
use prometheus::{
    Encoder, Gauge, GaugeVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
};

use super::families::Thresholds;
#[cfg(target_os = "linux")]
use super::process::ProcessMetrics;

/// Why a connection is refused: the label `reason` of `cpumon_exporter_rejected_connections_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// `EXPORTER_MAX_CONNECTIONS` are open.
    Connections,
    /// `EXPORTER_MAX_CONNECTIONS_PER_ADDRESS` are open from its address.
    Address,
    /// `EXPORTER_MAX_UNGREETED` others came after it and it had said nothing yet.
    Ungreeted,
    /// It sent no sample in the time for that.
    Silent,
    /// It did not read its answers in `EXPORTER_WRITE_TIMEOUT` and had sent no sample yet.
    Unread,
    /// `EXPORTER_MAX_HTTP_CONNECTIONS` are open, and all are being answered.
    Http,
    /// `EXPORTER_MAX_HTTP_CONNECTIONS` were open, and it had waited the longest for a request or been answered for
    /// longer than `EXPORTER_HTTP_CROWDED_TIMEOUT`.
    HttpCrowded,
    /// It sent no whole head of a request in `EXPORTER_HTTP_HEAD_TIMEOUT`, or no other one in
    /// `EXPORTER_HTTP_IDLE_TIMEOUT`.
    HttpLate,
    /// It sent what is no HTTP request, or one over its limits.
    HttpMalformed,
    /// It did not read its answer in `EXPORTER_HTTP_RESPONSE_TIMEOUT`.
    HttpSlow,
    /// It read so slowly that newer renderings needed the memory.
    HttpRevoked,
    /// It asked for `/events` while `EXPORTER_MAX_EVENT_STREAMS` were open.
    HttpEvents,
    /// The operating system could not take an agent's, for want of descriptors or memory.
    Accept,
    /// The same for HTTP.
    HttpAccept,
    /// Its TLS handshake failed.
    Tls,
    /// Its token is missing or wrong.
    Auth,
    /// Its TLS handshake on the HTTP port failed.
    HttpTls,
    /// Not the connection but a request on it: it had no token, or a wrong one.
    HttpAuth,
}

impl Refusal {
    /// Every refusal.
    pub const ALL: [Self; 18] = [
        Self::Connections,
        Self::Address,
        Self::Ungreeted,
        Self::Silent,
        Self::Unread,
        Self::Http,
        Self::HttpCrowded,
        Self::HttpLate,
        Self::HttpMalformed,
        Self::HttpSlow,
        Self::HttpRevoked,
        Self::HttpEvents,
        Self::Accept,
        Self::HttpAccept,
        Self::Tls,
        Self::Auth,
        Self::HttpTls,
        Self::HttpAuth,
    ];

    /// The value of the label `reason`.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::Address => "address",
            Self::Ungreeted => "ungreeted",
            Self::Silent => "silent",
            Self::Unread => "unread",
            Self::Http => "http",
            Self::HttpCrowded => "http_crowded",
            Self::HttpLate => "http_late",
            Self::HttpMalformed => "http_malformed",
            Self::HttpSlow => "http_slow",
            Self::HttpRevoked => "http_revoked",
            Self::HttpEvents => "http_events",
            Self::Accept => "accept",
            Self::HttpAccept => "http_accept",
            Self::Tls => "tls",
            Self::Auth => "auth",
            Self::HttpTls => "http_tls",
            Self::HttpAuth => "http_auth",
        }
    }
}

/// The exporter's own metrics.
#[derive(Debug)]
pub struct OwnMetrics {
    registry: Registry,
    /// Open ingest connections.
    pub connections: IntGauge,
    /// Frames taken from v1 agents.
    pub frames_v1: IntCounter,
    /// Frames taken from clients of the original.
    pub frames_original: IntCounter,
    /// Pauses in reading from a connection that sends too fast.
    pub throttled: IntCounter,
    rejected_frames: Vec<IntCounter>,
    rejected_connections: Vec<IntCounter>,
    agents_up: IntGauge,
    agents_down: IntGauge,
    event_streams: IntGauge,
    scrape_duration: Gauge,
    #[cfg(target_os = "linux")]
    process: ProcessMetrics,
}

impl OwnMetrics {
    /// All of them at zero, with a series for each reason.
    pub fn new(thresholds: &Thresholds) -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let frames = counters(&registry, "frames_total", "Frames taken, by dialect.", "format")?;
        let agents = IntGaugeVec::new(
            Opts::new("cpumon_exporter_agents", "Agents known, by whether samples arrive from them."),
            &["state"],
        )?;
        registry.register(Box::new(agents.clone()))?;
        let rejected_frames = counters(
            &registry,
            "rejected_frames_total",
            "Frames, or what should have been some, refused, by reason.",
            "reason",
        )?;
        let rejected_connections =
            counters(&registry, "rejected_connections_total", "Connections refused, by reason.", "reason")?;
        let own = Self {
            connections: registered(
                &registry,
                IntGauge::new("cpumon_exporter_connections", "Open connections of agents and clients.")?,
            )?,
            frames_v1: frames.get_metric_with_label_values(&["v1"])?,
            frames_original: frames.get_metric_with_label_values(&["original"])?,
            throttled: registered(
                &registry,
                IntCounter::new(
                    "cpumon_exporter_throttled_total",
                    "Pauses in reading from a connection that sends more frames than EXPORTER_MAX_FRAME_RATE.",
                )?,
            )?,
            rejected_frames: RejectReason::ALL
                .iter()
                .map(|reason| rejected_frames.get_metric_with_label_values(&[reason.label()]))
                .collect::<Result<_, _>>()?,
            rejected_connections: Refusal::ALL
                .iter()
                .map(|refusal| rejected_connections.get_metric_with_label_values(&[refusal.label()]))
                .collect::<Result<_, _>>()?,
            agents_up: agents.get_metric_with_label_values(&["up"])?,
            agents_down: agents.get_metric_with_label_values(&["down"])?,
            event_streams: registered(
                &registry,
                IntGauge::new("cpumon_exporter_event_streams", "Open streams of /events: one a live page.")?,
            )?,
            scrape_duration: registered(
                &registry,
                Gauge::new(
                    "cpumon_exporter_scrape_duration_seconds",
                    "How long the last finished scrape took to render, without the time in between in which it was sent.",
                )?,
            )?,
            #[cfg(target_os = "linux")]
            process: ProcessMetrics::new(&registry)?,
            registry,
        };
        own.register_constants(thresholds)?;
        Ok(own)
    }

    fn register_constants(&self, thresholds: &Thresholds) -> Result<(), prometheus::Error> {
        let bounds = registered(
            &self.registry,
            GaugeVec::new(
                Opts::new(
                    "cpumon_alert_threshold_ratio",
                    "Utilization above which a sample counts for the severity.",
                ),
                &["severity"],
            )?,
        )?;
        for (severity, threshold) in thresholds.by_severity() {
            bounds.get_metric_with_label_values(&[severity])?.set(f64::from(threshold.millionths()) / 1e6);
        }
        let build = registered(
            &self.registry,
            IntGaugeVec::new(
                Opts::new("cpumon_exporter_build_info", "The exporter's version; always 1."),
                &["version"],
            )?,
        )?;
        build.get_metric_with_label_values(&[env!("CARGO_PKG_VERSION")])?.set(1);
        Ok(())
    }

    /// Counts a refused frame.
    pub fn reject_frame(&self, reason: RejectReason) {
        if let Some(counter) = self.rejected_frames.get(reason as usize) {
            counter.inc();
        }
    }

    /// Counts a refused connection.
    pub fn refuse_connection(&self, refusal: Refusal) {
        if let Some(counter) = self.rejected_connections.get(refusal as usize) {
            counter.inc();
        }
    }

    /// Takes over a count of refused connections that is kept elsewhere and never falls.
    pub fn set_refused_connections(&self, refusal: Refusal, count: u64) {
        if let Some(counter) = self.rejected_connections.get(refusal as usize) {
            counter.inc_by(count.saturating_sub(counter.get()));
        }
    }

    /// Notes how many agents a rendering found up and down.
    pub fn set_agents(&self, up: usize, down: usize) {
        self.agents_up.set(i64::try_from(up).unwrap_or(i64::MAX));
        self.agents_down.set(i64::try_from(down).unwrap_or(i64::MAX));
    }

    /// Notes how many streams of events are open.
    pub fn set_event_streams(&self, open: u64) {
        self.event_streams.set(i64::try_from(open).unwrap_or(i64::MAX));
    }

    /// Notes how long a rendering took.
    pub fn set_scrape_duration(&self, duration: Duration) {
        self.scrape_duration.set(duration.as_secs_f64());
    }

    /// Appends all of it as text.
    pub fn write(&self, out: &mut Vec<u8>) {
        #[cfg(target_os = "linux")]
        self.process.observe();
        let written = TextEncoder::new().encode(&self.registry.gather(), out);
        debug_assert!(
            written.is_ok(),
            "writing to a Vec does not fail, nor does a gathered family: {written:?}"
        );
    }
}

pub(super) fn registered<C: prometheus::core::Collector + Clone + 'static>(
    registry: &Registry,
    collector: C,
) -> Result<C, prometheus::Error> {
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}

fn counters(
    registry: &Registry,
    name: &str,
    help: &str,
    label: &str,
) -> Result<IntCounterVec, prometheus::Error> {
    registered(registry, IntCounterVec::new(Opts::new(format!("cpumon_exporter_{name}"), help), &[label])?)
}
