//! What HTTP shows of the exporter.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use cpumon_daemon::clock::Clock;
use cpumon_daemon::stop::Stop;

use crate::api;
use crate::exposition::own::Refusal;
use crate::exposition::render::Renderer;
use crate::http::{HttpStats, Site};
use crate::ingest::Desk;

/// What HTTP has refused or cut so far, by reason.
pub(crate) fn http_refusals(http: &HttpStats) -> [(Refusal, u64); 9] {
    [
        (Refusal::Http, http.refused_connections.get()),
        (Refusal::HttpCrowded, http.evicted_connections.get()),
        (Refusal::HttpLate, http.late_heads.get()),
        (Refusal::HttpMalformed, http.malformed_requests.get()),
        (Refusal::HttpSlow, http.slow_responses.get()),
        (Refusal::HttpRevoked, http.revoked_responses.get()),
        (Refusal::HttpAccept, http.accept_errors.get()),
        (Refusal::HttpTls, http.failed_handshakes.get()),
        (Refusal::HttpAuth, http.unauthorized_requests.get()),
    ]
}

/// The exporter, as HTTP sees it.
#[derive(Debug)]
pub(crate) struct ExporterSite {
    desk: Arc<Desk>,
    renderer: Renderer,
    http: Arc<HttpStats>,
    clock: Clock,
    stop: Stop,
}

impl ExporterSite {
    /// Shows what is on `desk`.
    pub(crate) fn new(
        desk: Arc<Desk>,
        renderer: Renderer,
        http: Arc<HttpStats>,
        clock: Clock,
        stop: Stop,
    ) -> Self {
        Self { desk, renderer, http, clock, stop }
    }
}

impl Site for ExporterSite {
    fn render_metrics(&self, segments: &mut Vec<Bytes>) {
        let begun = Instant::now();
        let rendering = self.renderer.render(&self.desk.fleet, self.clock.now().mono);
        segments.extend(rendering.families.into_iter().map(Bytes::from));
        let metrics = &self.desk.metrics;
        for (refusal, count) in http_refusals(&self.http) {
            metrics.set_refused_connections(refusal, count);
        }
        metrics.set_agents(rendering.up, rendering.down);
        let mut own = Vec::new();
        metrics.write(&mut own);
        segments.push(own.into());
        // This scrape's own duration is told by the next one.
        metrics.set_scrape_duration(begun.elapsed());
    }

    fn render_agents(&self, segments: &mut Vec<Bytes>) {
        segments.push(api::agents(&self.desk.fleet, self.clock.now().mono).into());
    }

    fn ready(&self) -> Result<(), String> {
        if self.stop.is_requested() { Err("stopping".to_owned()) } else { Ok(()) }
    }
}
