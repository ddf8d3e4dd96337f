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
        for (refusal, counter) in [
            (Refusal::Http, &self.http.refused_connections),
            (Refusal::HttpCrowded, &self.http.evicted_connections),
            (Refusal::HttpMalformed, &self.http.malformed_requests),
            (Refusal::HttpSlow, &self.http.slow_responses),
            (Refusal::HttpRevoked, &self.http.revoked_responses),
            (Refusal::HttpTls, &self.http.failed_handshakes),
            (Refusal::HttpAuth, &self.http.unauthorized_requests),
        ] {
            metrics.set_refused_connections(refusal, counter.get());
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
