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
use crate::exposition::render::{Renderer, Rendering};
use crate::fleet::Looked;
use crate::http::{AgentPage, Document, Feed, HttpStats, PageOf, Site, Step};
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

/// `/metrics`: first the agents, then the exporter itself.
struct MetricsPage {
    desk: Arc<Desk>,
    http: Arc<HttpStats>,
    rendering: Rendering,
    stage: Stage,
    worked: Duration,
}

/// What is done next.
enum Stage {
    Looking,
    Agents,
    Own,
    Over,
}

impl MetricsPage {
    fn step(&mut self) -> Step {
        match self.stage {
            Stage::Looking => {
                if !self.rendering.look(&self.desk.fleet) {
                    self.desk.metrics.set_agents(self.rendering.up, self.rendering.down);
                    self.stage = Stage::Agents;
                }
                Step::Nothing
            }
            Stage::Agents => match self.rendering.next() {
                Some(part) => Step::Part(part),
                None => {
                    self.stage = Stage::Own;
                    Step::Nothing
                }
            },
            Stage::Own => {
                self.stage = Stage::Over;
                Step::Part(self.own())
            }
            Stage::Over => Step::End,
        }
    }

    fn own(&self) -> Bytes {
        let metrics = &self.desk.metrics;
        for (refusal, count) in http_refusals(&self.http) {
            metrics.set_refused_connections(refusal, count);
        }
        metrics.set_event_streams(self.http.open_event_streams.get());
        let mut own = Vec::new();
        metrics.write(&mut own);
        own.into()
    }
}

impl Document for MetricsPage {
    fn next(&mut self) -> Step {
        let begun = Instant::now();
        let step = self.step();
        self.worked += begun.elapsed();
        if step == Step::End {
            // This scrape's own duration is told by the next one.
            self.desk.metrics.set_scrape_duration(self.worked);
        }
        step
    }
}

impl Site for ExporterSite {
    fn metrics(&self) -> Box<dyn Document> {
        Box::new(MetricsPage {
            desk: Arc::clone(&self.desk),
            http: Arc::clone(&self.http),
            rendering: self.renderer.begin(self.clock.now().mono),
            stage: Stage::Looking,
            worked: Duration::ZERO,
        })
    }

    fn agents(&self) -> Box<dyn Document> {
        Box::new(api::Agents::new(Arc::clone(&self.desk), self.clock.now().mono))
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
