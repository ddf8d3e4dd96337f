//! What HTTP shows of the exporter.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cpumon_daemon::clock::Clock;
use cpumon_daemon::stop::Stop;

use crate::api;
use crate::discovery;
use crate::exposition::node;
use crate::exposition::own::Refusal;
use crate::exposition::render::Renderer;
use crate::fleet::Looked;
use crate::http::{AgentPage, Feed, HttpStats, PageOf, Site};
use crate::ingest::Desk;
use crate::page::{About, FleetFeed};

/// What HTTP has refused or cut so far, by reason.
pub(crate) fn http_refusals(http: &HttpStats) -> [(Refusal, u64); 10] {
    [
        (Refusal::Http, http.refused_connections.get()),
        (Refusal::HttpCrowded, http.evicted_connections.get()),
        (Refusal::HttpLate, http.late_heads.get()),
        (Refusal::HttpMalformed, http.malformed_requests.get()),
        (Refusal::HttpSlow, http.slow_responses.get()),
        (Refusal::HttpRevoked, http.revoked_responses.get()),
        (Refusal::HttpEvents, http.refused_event_streams.get()),
        (Refusal::HttpAccept, http.accept_errors.get()),
        (Refusal::HttpTls, http.failed_handshakes.get()),
        (Refusal::HttpAuth, http.unauthorized_requests.get()),
    ]
}

/// The exporter, as HTTP sees it.
#[derive(Debug)]
pub(crate) struct ExporterSite {
    /// What is shown.
    pub(crate) desk: Arc<Desk>,
    pub(crate) about: About,
    pub(crate) renderer: Arc<Renderer>,
    pub(crate) http: Arc<HttpStats>,
    pub(crate) clock: Clock,
    pub(crate) stop: Stop,
}

impl ExporterSite {
    /// Looks at an agent; waits for its cores where they may still come, but no longer than `patience`.
    async fn look(&self, agent: &str, patience: Duration) -> Looked {
        let begun = self.clock.now().mono;
        let looked = self.desk.fleet().look(agent, begun, None);
        let Looked::Waiting(until) = looked else { return looked };
        let until = self.clock.instant(until.min(begun.plus(patience.into())));
        let come =
            poll_fn(|cx| match self.desk.fleet().look(agent, self.clock.now().mono, Some(cx.waker())) {
                Looked::Waiting(_) => Poll::Pending,
                looked => Poll::Ready(looked),
            });
        tokio::time::timeout_at(until, come).await.unwrap_or(looked)
    }
}

impl Site for ExporterSite {
    fn render_metrics(&self, segments: &mut Vec<Bytes>) {
        let begun = Instant::now();
        let rendering = self.renderer.render(&self.desk.fleet, self.clock.now().mono);
        segments.extend(rendering.families.into_iter().map(Bytes::from_owner));
        let metrics = &self.desk.metrics;
        for (refusal, count) in http_refusals(&self.http) {
            metrics.set_refused_connections(refusal, count);
        }
        metrics.set_agents(rendering.up, rendering.down);
        metrics.set_event_streams(self.http.open_event_streams.get());
        let mut own = Vec::new();
        metrics.write(&mut own);
        segments.push(own.into());
        // This scrape's own duration is told by the next one.
        metrics.set_scrape_duration(begun.elapsed());
    }

    fn render_agents(&self, segments: &mut Vec<Bytes>) {
        segments.push(api::agents(&self.desk.fleet, self.clock.now().mono).into());
    }

    fn targets(&self, host: &str) -> Option<Vec<u8>> {
        discovery::targets(&self.desk.fleet, self.clock.now().mono, host)
    }

    fn agent_page<'a>(&'a self, agent: &'a str, patience: Duration) -> PageOf<'a> {
        Box::pin(async move {
            match self.look(agent, patience).await {
                Looked::Unknown => AgentPage::Unknown,
                Looked::Gone => AgentPage::Gone,
                Looked::Waiting(_) | Looked::There => {
                    let now = self.clock.now().mono;
                    let mut page = Vec::new();
                    self.desk.fleet.read().show(agent, now, |view| node::write(&view, now, &mut page));
                    AgentPage::Shown(page)
                }
            }
        })
    }

    fn agent(&self, name: &str) -> Option<Vec<u8>> {
        api::agent(&self.desk.fleet, name, self.clock.now().mono)
    }

    fn feed(&self) -> Box<dyn Feed> {
        Box::new(FleetFeed::new(Arc::clone(&self.desk), self.clock, self.about))
    }

    fn ready(&self) -> Result<(), String> {
        if self.stop.is_requested() { Err("stopping".to_owned()) } else { Ok(()) }
    }
}
