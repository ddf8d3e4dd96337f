//! From a request to its answer: the service that hyper calls, one for each connection.

use std::convert::Infallible;
use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{Empty, Full};
use hyper::body::{Body, Incoming};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::service::Service;
use hyper::{Request, Response};
use tokio::time::Instant;

use super::body::{AnswerBody, Content};
use super::events::Subscription;
use super::progress::Progress;
use super::rendering::Reader;
use super::screen::{self, Refusal};
use super::token::CHALLENGES;
use super::{HttpStats, HttpToken};

/// Put by a route into its response's extensions: the body to send in place of the route's own. It goes
/// this way because a body of warp's can be made from a stream only, which would hide a rendering's length, and from
/// the connection's [`Progress`] that a stream is one.
#[derive(Clone)]
pub(super) enum Attachment {
    /// A document.
    Rendering(Reader),
    /// Events without an end.
    Events(Subscription),
}

/// What every answer carries unless its route says otherwise. Nothing here loads anything, is to be
/// framed, or stays true for as long as it takes to cache it.
const HEADERS: [(HeaderName, &str); 4] = [
    (header::CACHE_CONTROL, "no-store"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
];

/// What answers the requests that are not refused: warp's filters, or any service of this shape.
pub(super) trait Routes: Clone + Send + 'static {
    /// The body of an answer.
    type Body: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + Unpin + 'static;

    /// The answer, when it is ready.
    fn answer(
        &self,
        request: Request<Empty<Bytes>>,
    ) -> impl Future<Output = Response<Self::Body>> + Send + 'static;
}

impl<S, B> Routes for S
where
    S: Service<Request<Empty<Bytes>>, Response = Response<B>, Error = Infallible, Future: Send>,
    S: Clone + Send + 'static,
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + Unpin + 'static,
{
    type Body = B;

    fn answer(&self, request: Request<Empty<Bytes>>) -> impl Future<Output = Response<B>> + Send + 'static {
        let answered = self.call(request);
        async move {
            match answered.await {
                Ok(response) => response,
                Err(never) => match never {},
            }
        }
    }
}

/// Who is answered at all, and who is told of it when somebody is not.
#[derive(Clone)]
pub(super) struct Guard {
    pub(super) token: Option<HttpToken>,
    pub(super) stats: Arc<HttpStats>,
}

impl Guard {
    fn check<B>(&self, request: &Request<B>) -> Result<(), Refusal> {
        screen::screen(request.method(), request.version(), request.headers())?;
        match &self.token {
            Some(token) if !token.lets(request.uri().path(), request.headers()) => {
                self.stats.unauthorized_requests.increment();
                Err(Refusal::Unauthorized)
            }
            _ => Ok(()),
        }
    }
}

/// Answers the requests of one connection.
pub(super) struct Answer<R> {
    routes: R,
    guard: Guard,
    progress: Arc<Progress>,
}

impl<R> Answer<R> {
    /// `progress` is the connection's own.
    pub(super) fn new(routes: R, guard: Guard, progress: Arc<Progress>) -> Self {
        Self { routes, guard, progress }
    }
}

impl<R: Routes> Service<Request<Incoming>> for Answer<R> {
    type Response = Response<AnswerBody<R::Body>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        self.progress.request_began(Instant::now());
        let progress = Arc::clone(&self.progress);
        let closes = screen::has_body(request.headers());
        if let Err(refusal) = self.guard.check(&request) {
            let closes = closes || refusal.ends_connection();
            let response = finish(refuse(refusal), closes, progress);
            return Box::pin(std::future::ready(Ok(response)));
        }
        // No route can read a body, since it gets none.
        let answered = self.routes.answer(request.map(|_body| Empty::new()));
        Box::pin(async move {
            let mut response = answered.await;
            let attached = response.extensions_mut().remove::<Attachment>();
            let response = response.map(|body| match attached {
                None => Content::Route(body),
                Some(Attachment::Rendering(reader)) => {
                    if let Some(lease) = reader.lease() {
                        progress.sends(lease);
                    }
                    Content::Shared(reader)
                }
                Some(Attachment::Events(subscription)) => {
                    progress.streams();
                    Content::Stream(subscription.stream())
                }
            });
            Ok(finish(response, closes, progress))
        })
    }
}

fn refuse<B>(refusal: Refusal) -> Response<Content<B>> {
    let mut response = Response::new(Content::Text(Full::from(refusal.text())));
    *response.status_mut() = refusal.status();
    set_default(response.headers_mut(), header::CONTENT_TYPE, "text/plain; charset=utf-8");
    if refusal == Refusal::Method {
        set_default(response.headers_mut(), header::ALLOW, "GET, HEAD");
    }
    if refusal == Refusal::Unauthorized {
        for challenge in CHALLENGES {
            response.headers_mut().append(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
    }
    response
}

fn finish<B>(
    mut response: Response<Content<B>>,
    closes: bool,
    progress: Arc<Progress>,
) -> Response<AnswerBody<B>> {
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        set_default(headers, name, value);
    }
    if closes {
        set_default(headers, header::CONNECTION, "close");
    }
    response.map(|content| AnswerBody::new(content, progress))
}

fn set_default(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    headers.entry(name).or_insert(HeaderValue::from_static(value));
}
