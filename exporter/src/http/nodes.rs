//! Agents as targets of their own: the list of them, and the page of each.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;
use warp::Filter;
use warp::http::StatusCode;
use warp::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HOST, HeaderMap, HeaderValue, VARY};
use warp::http::uri::Authority;
use warp::reject::Rejection;
use warp::reply::Response;

use super::negotiate::{Coding, negotiate};
use super::routes::{FAILED, JSON, METRICS, NOT_ACCEPTABLE, TEXT, set, text};
use super::site::AgentPage;
use super::{Site, gzip};

/// How Prometheus says how long it will wait.
const SCRAPE_TIMEOUT: &str = "x-prometheus-scrape-timeout-seconds";

/// How long before the end of that time an answer is under way.
const MARGIN: Duration = Duration::from_millis(500);

/// How long is waited for an agent's cores at most, and where nothing is said.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is compressed in less time than it takes to hand it to another thread and back; and hundreds of scrapes at once do not
/// need as many threads.
const COMPRESSED_AT_ONCE: usize = 32 * 1024;

const NO_HOST: &str = "the request names no host that the targets could have; send the header Host\n";
const NOT_YET: &str =
    "agents may still be coming back after the exporter's start; keep the targets that you have\n";
const UNKNOWN: &str = "no agent of this name is known\n";
const GONE: &str = "this agent is gone\n";

/// `/sd` and `/agents/<agent>/metrics`.
pub(super) fn routes(
    site: &Arc<dyn Site>,
) -> impl Filter<Extract = (Response,), Error = Rejection> + Clone + Send + Sync + use<> {
    let (listed, shown) = (Arc::clone(site), Arc::clone(site));
    let targets = warp::path!("sd")
        .and(warp::header::headers_cloned())
        .then(move |request: HeaderMap| targets(Arc::clone(&listed), request));
    let page = warp::path!("agents" / String / "metrics")
        .and(warp::header::headers_cloned())
        .then(move |agent: String, request: HeaderMap| page(Arc::clone(&shown), agent, request));
    targets.or(page).unify()
}

async fn targets(site: Arc<dyn Site>, request: HeaderMap) -> Response {
    let host = request.get(HOST).and_then(|host| Authority::try_from(host.as_bytes()).ok());
    let Some(host) = host else {
        return text(StatusCode::BAD_REQUEST, TEXT, NO_HOST);
    };
    match spawn_blocking(move || site.targets(host.as_str())).await {
        Ok(Some(targets)) => document(&request, JSON, targets).await,
        Ok(None) => text(StatusCode::SERVICE_UNAVAILABLE, TEXT, NOT_YET),
        Err(error) => failed(&error),
    }
}

async fn page(site: Arc<dyn Site>, agent: String, request: HeaderMap) -> Response {
    match site.agent_page(&agent, patience(&request)).await {
        AgentPage::Shown(page) => document(&request, METRICS, page).await,
        AgentPage::Gone => text(StatusCode::SERVICE_UNAVAILABLE, TEXT, GONE),
        AgentPage::Unknown => text(StatusCode::NOT_FOUND, TEXT, UNKNOWN),
    }
}

/// How long whoever asks can wait for what is not there yet.
fn patience(request: &HeaderMap) -> Duration {
    let seconds = request.get(SCRAPE_TIMEOUT).and_then(|value| value.to_str().ok()?.parse().ok());
    let timeout = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    timeout.map_or(PATIENCE, |timeout| timeout.saturating_sub(MARGIN).min(PATIENCE))
}

/// Answers with a document that nobody else asks for at the same time.
async fn document(request: &HeaderMap, content_type: &'static str, body: Vec<u8>) -> Response {
    let accepted = request.get_all(ACCEPT_ENCODING).iter().map(HeaderValue::as_bytes);
    let mut response = match negotiate(accepted) {
        None => text(StatusCode::NOT_ACCEPTABLE, TEXT, NOT_ACCEPTABLE),
        Some(Coding::Identity) => with_body(content_type, body),
        Some(Coding::Gzip) => match compressed(body).await {
            Ok(body) => {
                let mut response = with_body(content_type, body);
                set(&mut response, CONTENT_ENCODING, "gzip");
                response
            }
            Err(error) => failed(&error),
        },
    };
    set(&mut response, VARY, "Accept-Encoding");
    response
}

async fn compressed(body: Vec<u8>) -> std::io::Result<Vec<u8>> {
    if body.len() <= COMPRESSED_AT_ONCE {
        return gzip::compress_whole(&body);
    }
    let compressed = spawn_blocking(move || gzip::compress_whole(&body)).await;
    compressed.map_err(std::io::Error::other).flatten()
}

fn with_body(content_type: &'static str, body: Vec<u8>) -> Response {
    let mut response = text(StatusCode::OK, content_type, "");
    *response.body_mut() = body.into();
    response
}

fn failed(error: &dyn std::error::Error) -> Response {
    tracing::error!(?error, "making an answer failed");
    text(StatusCode::INTERNAL_SERVER_ERROR, TEXT, FAILED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scrape_is_answered_within_its_time() {
        for (header, millis) in [
            (None, 10_000),
            (Some("10"), 9_500),
            (Some("1.5"), 1_000),
            (Some("0.2"), 0),
            (Some("600"), 10_000),
            (Some("-1"), 10_000),
            (Some("NaN"), 10_000),
            (Some("soon"), 10_000),
        ] {
            let mut request = HeaderMap::new();
            if let Some(header) = header {
                request.insert(SCRAPE_TIMEOUT, HeaderValue::from_static(header));
            }
            assert_eq!(patience(&request).as_millis(), millis, "{header:?}");
        }
    }
}
