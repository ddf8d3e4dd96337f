//! The accept loop: slots, errors of `accept`, and the stop.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cpumon_daemon::clock::Clock;
use cpumon_daemon::logs::Limited;
use cpumon_protocol::model::Micros;
use hyper_util::service::TowerToHyperService;
use rustix::net::sockopt::set_socket_send_buffer_size;
use rustls::ServerConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, info, warn};

use super::answer::{Guard, Routes};
use super::connection::{self, Ending, Stop};
use super::progress::{Cut, Limits, Progress};
use super::routes::routes;
use super::slots::{Slot, Slots};
use super::{HttpConfig, HttpStats, Site};
use crate::sockets::AcceptBackoff;

/// The answer to a connection for which there is no slot.
const REFUSAL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    Content-Type: text/plain; charset=utf-8\r\n\
    Content-Length: 51\r\n\
    Retry-After: 5\r\n\
    Connection: close\r\n\
    \r\n\
    too many connections at once: try again in seconds\n";

/// How long a refused client may take to read [`REFUSAL`].
const REFUSAL_LIMIT: Duration = Duration::from_secs(1);

/// How many clients at once may read [`REFUSAL`]; more are closed without it.
const REFUSALS: usize = 16;

/// How many connections may have as much of their answers in the kernel as it lets them: on a fast way to their client
/// that is some megabytes. More than that many are no scrapers' and no pages'.
const ROOMY_CONNECTIONS: usize = 64;

/// How much each of the others may have there, in bytes; the kernel takes it twice, its own needs included.
const CROWDED_SEND_BUFFER: usize = 128 * 1024;

/// How often it is told that connections cannot be accepted, and that they are again.
const TELL_EVERY: Micros = Micros::from_secs(1);

/// How a server ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// Connections that were cut: their client took nothing of the answer under way, or it was not finished at the
    /// end of [`stop_limit`](HttpConfig::stop_limit).
    pub cut_connections: usize,
}

/// Serves `site` on `listener` until `stop`, then lets answers under way finish within
/// [`stop_limit`](HttpConfig::stop_limit). No error of a client or of the listener ends it earlier.
pub async fn serve(
    listener: TcpListener,
    site: Arc<dyn Site>,
    config: HttpConfig,
    stats: Arc<HttpStats>,
    stop: CancellationToken,
) -> Stopped {
    let routes = TowerToHyperService::new(warp::service(routes(&site, &config, &stats, &stop)));
    let stop = Stop { gently: stop, at_once: CancellationToken::new() };
    let server = Server {
        slots: Slots::new(config.max_connections, config.crowded_limit),
        refusals: Arc::new(Semaphore::new(REFUSALS)),
        connections: TaskTracker::new(),
        stalled: Arc::default(),
        config,
        stats,
        stop,
    };
    server.accept_until_stopped(listener, routes).await;
    server.drain().await
}

struct Server {
    config: HttpConfig,
    stats: Arc<HttpStats>,
    slots: Arc<Slots>,
    refusals: Arc<Semaphore>,
    connections: TaskTracker,
    /// How many connections were cut so far because the server stops.
    stalled: Arc<AtomicUsize>,
    stop: Stop,
}

impl Server {
    async fn accept_until_stopped(&self, listener: TcpListener, routes: impl Routes) {
        let mut backoff = AcceptBackoff::default();
        // Where descriptors run out, one comes free now and then: each time is no news.
        let (clock, mut tell) = (Clock::start(), Limited::new(TELL_EVERY));
        let mut is_failing = false;
        loop {
            let next = async {
                self.slots.calm().await;
                listener.accept().await
            };
            let accepted = tokio::select! {
                biased;
                () = self.stop.gently.cancelled() => return,
                accepted = next => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    backoff.succeeded();
                    if is_failing && tell.pass("again", clock.now().mono).is_some() {
                        is_failing = false;
                        info!("http connections are accepted again");
                    }
                    self.admit(stream, peer, &routes);
                }
                Err(error) => {
                    self.stats.accept_errors.increment();
                    let wait = backoff.after(&error);
                    if !wait.is_zero()
                        && let Some(left_out) = tell.pass("failing", clock.now().mono)
                    {
                        is_failing = true;
                        warn!(%error, left_out, "cannot accept http connections, will keep trying");
                    }
                    tokio::select! {
                        () = self.stop.gently.cancelled() => return,
                        () = sleep(wait) => {}
                    }
                }
            }
        }
    }

    /// Gives the connection a slot, or tells it that there is none.
    fn admit(&self, stream: TcpStream, peer: SocketAddr, routes: &impl Routes) {
        let now = Instant::now();
        let progress = Arc::new(Progress::new(self.limits(), now));
        let Some(slot) = self.slots.take(peer, Arc::clone(&progress), now) else {
            self.refuse(stream);
            return;
        };
        if let Err(error) = stream.set_nodelay(true) {
            debug!(%error, "cannot switch off Nagle's algorithm for a client");
        }
        if slot.number() > ROOMY_CONNECTIONS
            && let Err(error) = set_socket_send_buffer_size(&stream, CROWDED_SEND_BUFFER)
        {
            debug!(%error, "cannot bound what the kernel keeps for a client that does not read");
        }
        let open = OpenConnection::new(Arc::clone(&self.stats), slot);
        let (routes, stop, limit) = (routes.clone(), self.stop.clone(), self.config.first_request_limit);
        let guard = Guard { token: self.config.token.clone(), stats: Arc::clone(&self.stats) };
        let stalled = Arc::clone(&self.stalled);
        // Two kinds of task, so that a plain connection keeps no room for TLS.
        let Some(tls) = &self.config.tls else {
            self.connections.spawn(async move {
                let evicted = open.slot.evicted();
                let ending = connection::serve(stream, routes, guard, progress, &stop, evicted).await;
                open.end(&ending, &stalled);
            });
            return;
        };
        let tls = tls.config();
        self.connections.spawn(async move {
            let evicted = open.slot.evicted();
            // What shaking hands needs is freed with it.
            let ending = match Box::pin(shake_hands(stream, tls, limit, &stop, evicted)).await {
                Ok(stream) => connection::serve(stream, routes, guard, progress, &stop, evicted).await,
                Err(ending) => ending,
            };
            open.end(&ending, &stalled);
        });
    }

    fn refuse(&self, stream: TcpStream) {
        self.stats.refused_connections.increment();
        if self.config.tls.is_some() {
            return;
        }
        if let Ok(permit) = Arc::clone(&self.refusals).try_acquire_owned() {
            let at_once = self.stop.at_once.clone();
            self.connections.spawn(async move {
                let told = timeout(REFUSAL_LIMIT, tell_refusal(stream));
                let _ = at_once.run_until_cancelled(told).await;
                drop(permit);
            });
        }
    }

    fn limits(&self) -> Limits {
        Limits {
            first_request: self.config.first_request_limit,
            head: self.config.head_limit,
            response: self.config.response_limit,
        }
    }

    async fn drain(self) -> Stopped {
        self.connections.close();
        let drained = timeout(self.config.stop_limit, self.connections.wait()).await;
        let left = if drained.is_ok() { 0 } else { self.connections.len() };
        self.stop.at_once.cancel();
        self.connections.wait().await;
        Stopped { cut_connections: left + self.stalled.load(Ordering::Relaxed) }
    }
}

/// Begins TLS within `limit`, which is also the time for all of it and the first request.
async fn shake_hands(
    stream: TcpStream,
    tls: Arc<ServerConfig>,
    limit: Duration,
    stop: &Stop,
    evicted: &CancellationToken,
) -> Result<TlsStream<TcpStream>, Ending> {
    tokio::select! {
        biased;
        () = stop.gently.cancelled() => Err(Ending::Stopped),
        () = evicted.cancelled() => Err(Ending::Evicted),
        shaken = timeout(limit, TlsAcceptor::from(tls).accept(stream)) => match shaken {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) => {
                debug!(error = ?error.to_string(), "a TLS handshake of an HTTP client failed");
                Err(Ending::Handshake)
            }
            Err(_) => Err(Ending::Cut(Cut::LateHead)),
        },
    }
}

/// Sends the refusal and waits for the client to close. Closing first, with its request unread, would
/// reset the connection, and the client might never see the answer.
async fn tell_refusal(mut stream: TcpStream) {
    if stream.write_all(REFUSAL).await.is_err() || stream.shutdown().await.is_err() {
        return;
    }
    let mut ignored = [0; 1024];
    while let Ok(1..) = stream.read(&mut ignored).await {}
}

/// A connection that is counted as open until dropped, whatever way its task ends.
struct OpenConnection {
    stats: Arc<HttpStats>,
    slot: Slot,
}

impl OpenConnection {
    fn new(stats: Arc<HttpStats>, slot: Slot) -> Self {
        stats.accepted_connections.increment();
        stats.open_connections.increment();
        Self { stats, slot }
    }

    /// Counts how it has ended.
    fn end(self, ending: &Ending, stalled: &AtomicUsize) {
        match ending {
            Ending::Closed | Ending::Stopped => {}
            Ending::Stalled => {
                stalled.fetch_add(1, Ordering::Relaxed);
            }
            Ending::Evicted => self.stats.evicted_connections.increment(),
            Ending::Malformed => self.stats.malformed_requests.increment(),
            Ending::Handshake => self.stats.failed_handshakes.increment(),
            Ending::Cut(Cut::LateHead) => self.stats.late_heads.increment(),
            Ending::Cut(Cut::SlowResponse) => self.stats.slow_responses.increment(),
            Ending::Cut(Cut::Revoked) => self.stats.revoked_responses.increment(),
        }
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.stats.open_connections.decrement();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_refusal_is_as_long_as_it_says() {
        let text = std::str::from_utf8(REFUSAL).expect("text");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
        assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{}", body.len());
    }
}
