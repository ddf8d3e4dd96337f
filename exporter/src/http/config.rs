//! The limits of the HTTP side that a user may set.

use std::sync::Arc;
use std::time::Duration;

use cpumon_daemon::tls::ServerTls;

use super::HttpToken;

/// Limits of the HTTP server. The defaults are meant for a port that strangers can reach.
#[derive(Clone, Debug)]
pub struct HttpConfig {
    /// The most connections at once. One more takes the place of the one that has waited the longest for a
    /// request; while all are being answered it is answered 503 and closed.
    pub max_connections: usize,
    /// How long a request and its answer may take while all connections are taken; then it may have to make
    /// room.
    pub crowded_limit: Duration,
    /// The most streams of `/events` at once, each on a connection of its own; one more is answered 503.
    pub max_event_streams: usize,
    /// How long a new connection may take to send the head of its first request.
    pub first_request_limit: Duration,
    /// How long any later head may take, counted from the end of the answer before it; so this is also
    /// how long a kept-alive connection may rest. It must be above Prometheus's scrape interval, else
    /// every scrape connects anew.
    pub head_limit: Duration,
    /// How long a request may take from its head until the last byte of the answer is handed to the
    /// kernel. A client that reads slower than that is cut. Of a stream each part may take as long.
    pub response_limit: Duration,
    /// How long a stop waits for answers that are under way before it cuts them.
    pub stop_limit: Duration,
    /// The most renderings of one document that may be in memory at once, the newest included. When one
    /// more must begin, the readers of the oldest are cut.
    pub max_renderings: usize,
    /// While half of `max_renderings` or more are still being read, a new one begins only when there was time to read
    /// the last, this at most. It bounds how fast slow readers can make honest ones lose their rendering.
    pub crowded_spacing: Duration,
    /// With it, connections are over TLS, all of them.
    pub tls: Option<Arc<ServerTls>>,
    /// What clients must show, but for health and readiness.
    pub token: Option<HttpToken>,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            max_connections: 512,
            crowded_limit: Duration::from_secs(5),
            max_event_streams: 128,
            first_request_limit: Duration::from_secs(10),
            head_limit: Duration::from_secs(30),
            response_limit: Duration::from_secs(60),
            stop_limit: Duration::from_secs(3),
            max_renderings: 4,
            crowded_spacing: Duration::from_secs(3),
            tls: None,
            token: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_alive_connection_outlives_the_scrape_interval() {
        let scrape_interval = Duration::from_secs(15);
        let config = HttpConfig::default();
        assert!(config.head_limit > scrape_interval);
        assert!(config.response_limit > scrape_interval);
    }
}
