//! Which endpoint answers what.

use std::convert::Infallible;
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use tokio_util::sync::CancellationToken;
use warp::Filter;
use warp::http::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER, VARY,
};
use warp::http::{HeaderName, StatusCode};
use warp::reject::Rejection;
use warp::reply::{Reply, Response};

use super::answer::Attachment;
use super::assets::assets;
use super::events::Events;
use super::negotiate::{Coding, negotiate};
use super::shared_rendering::SharedRendering;
use super::{HttpConfig, HttpStats, Site, nodes};

pub(super) const TEXT: &str = "text/plain; charset=utf-8";
pub(super) const JSON: &str = "application/json";
const EVENTS: &str = "text/event-stream";
/// Prometheus 3 refuses a scrape without this content type.
pub(super) const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

const NOT_FOUND: &str = "nothing is served at this path; there are /, /metrics, /sd, /agents/<agent>/metrics, /api/agents, /events, /-/healthy and /-/ready\n";
pub(super) const NOT_ACCEPTABLE: &str =
    "Accept-Encoding refuses all that this can be had in: identity and gzip\n";
pub(super) const FAILED: &str =
    "the answer could not be made, which is a defect of the exporter: its log says why\n";
const NO_AGENT: &str = "no agent of this name is known; /api/agents lists those who are\n";
const TOO_MANY_STREAMS: &str =
    "too many pages are open, as EXPORTER_MAX_EVENT_STREAMS says; close one, or raise that\n";

/// All endpoints. Requests that get here have no body and are GET or HEAD; a HEAD is answered like a
/// GET, and hyper leaves the body out.
pub(super) fn routes(
    site: &Arc<dyn Site>,
    config: &HttpConfig,
    stats: &Arc<HttpStats>,
    stop: &CancellationToken,
) -> impl Filter<Extract = (impl Reply + use<>,), Error = Infallible> + Clone + Send + Sync + use<> {
    let healthy = warp::path!("-" / "healthy").map(|| text(StatusCode::OK, TEXT, "healthy\n"));
    let ready = {
        let site = Arc::clone(site);
        warp::path!("-" / "ready").map(move || readiness(site.ready()))
    };
    let metrics = {
        let site = Arc::clone(site);
        SharedRendering::new(config, stats, stop, move || site.metrics())
    };
    let agents = {
        let site = Arc::clone(site);
        SharedRendering::new(config, stats, stop, move || site.agents())
    };
    let agent = {
        let site = Arc::clone(site);
        warp::path!("api" / "agents" / String).map(move |name: String| one_agent(&*site, &name))
    };
    let events = {
        let events = Events::new(site, config, stats, stop.clone());
        warp::path!("events").map(move || stream(&events))
    };
    warp::path!("metrics")
        .and(document(metrics, METRICS))
        .or(warp::path!("api" / "agents").and(document(agents, JSON)))
        .unify()
        .or(nodes::routes(site))
        .unify()
        .or(agent)
        .unify()
        .or(events)
        .unify()
        .or(healthy)
        .unify()
        .or(ready)
        .unify()
        .or(assets())
        .unify()
        .recover(explain)
}

pub(super) fn text(status: StatusCode, content_type: &'static str, body: impl Into<String>) -> Response {
    let mut response = Response::new(body.into().into());
    *response.status_mut() = status;
    set(&mut response, CONTENT_TYPE, content_type);
    response
}

pub(super) fn set(response: &mut Response, name: HeaderName, value: &'static str) {
    response.headers_mut().insert(name, HeaderValue::from_static(value));
}

fn readiness(ready: Result<(), String>) -> Response {
    match ready {
        Ok(()) => text(StatusCode::OK, TEXT, "ready\n"),
        Err(reason) => text(StatusCode::SERVICE_UNAVAILABLE, TEXT, format!("not ready: {reason}\n")),
    }
}

/// What is known of the agent whose name is this part of a path.
fn one_agent(site: &dyn Site, segment: &str) -> Response {
    let known = percent_decode_str(segment).decode_utf8().ok().and_then(|name| site.agent(&name));
    match known {
        Some(json) => {
            let mut response = Response::new(json.into());
            set(&mut response, CONTENT_TYPE, JSON);
            response
        }
        None => text(StatusCode::NOT_FOUND, TEXT, NO_AGENT),
    }
}

/// Begins to tell events.
fn stream(events: &Events) -> Response {
    let Some(subscription) = events.open() else {
        let mut response = text(StatusCode::SERVICE_UNAVAILABLE, TEXT, TOO_MANY_STREAMS);
        set(&mut response, RETRY_AFTER, "10");
        return response;
    };
    let mut response = text(StatusCode::OK, EVENTS, "");
    response.extensions_mut().insert(Attachment::Events(subscription));
    response
}

/// Answers with a document that others may be asking for too.
fn document(
    shared: SharedRendering,
    content_type: &'static str,
) -> impl Filter<Extract = (Response,), Error = Infallible> + Clone {
    let shared = Arc::new(shared);
    warp::header::headers_cloned().then(move |request: HeaderMap| {
        let shared = Arc::clone(&shared);
        async move {
            let accepted = request.get_all(ACCEPT_ENCODING).iter().map(HeaderValue::as_bytes);
            let mut response = match negotiate(accepted) {
                None => text(StatusCode::NOT_ACCEPTABLE, TEXT, NOT_ACCEPTABLE),
                Some(coding) => in_coding(coding, &shared, content_type).await,
            };
            set(&mut response, VARY, "Accept-Encoding");
            response
        }
    })
}

async fn in_coding(coding: Coding, shared: &SharedRendering, content_type: &'static str) -> Response {
    let Ok(reader) = shared.get(coding).await else {
        return text(StatusCode::INTERNAL_SERVER_ERROR, TEXT, FAILED);
    };
    let mut response = text(StatusCode::OK, content_type, "");
    if coding == Coding::Gzip {
        set(&mut response, CONTENT_ENCODING, "gzip");
    }
    response.extensions_mut().insert(Attachment::Rendering(reader));
    response
}

/// Turns what no route took into an answer.
async fn explain(rejection: Rejection) -> Result<Response, Infallible> {
    Ok(if rejection.is_not_found() {
        text(StatusCode::NOT_FOUND, TEXT, NOT_FOUND)
    } else {
        tracing::error!(?rejection, "a route refused a request without saying how");
        text(StatusCode::INTERNAL_SERVER_ERROR, TEXT, FAILED)
    })
}
