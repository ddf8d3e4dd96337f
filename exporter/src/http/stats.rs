//! What the HTTP side counts about itself.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that many tasks may change and anyone may read.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// The value now.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Adds `amount`.
    pub fn add(&self, amount: u64) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    /// Adds one.
    pub fn increment(&self) {
        self.add(1);
    }

    /// Takes one away; only for gauges.
    pub(super) fn decrement(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Counters of the HTTP side. All of them only rise, except the two that count what is open.
#[derive(Debug, Default)]
pub struct HttpStats {
    /// Connections that are being served now.
    pub open_connections: Counter,
    /// Connections that got a slot.
    pub accepted_connections: Counter,
    /// Connections answered 503, or just closed, because all slots were taken.
    pub refused_connections: Counter,
    /// Connections that made room for another one, because all slots were taken.
    pub evicted_connections: Counter,
    /// Failures of `accept`, such as no file descriptor left.
    pub accept_errors: Counter,
    /// Connections closed because no whole request head arrived in time, resting ones included.
    pub late_heads: Counter,
    /// Connections ended by bytes that are no HTTP/1 request, or a head over its limits.
    pub malformed_requests: Counter,
    /// Connections ended by a TLS handshake that failed.
    pub failed_handshakes: Counter,
    /// Requests answered 401, for want of the right token.
    pub unauthorized_requests: Counter,
    /// Connections cut because a request took longer than
    /// [`response_limit`](super::HttpConfig::response_limit).
    pub slow_responses: Counter,
    /// Connections cut because newer renderings needed the memory of theirs.
    pub revoked_responses: Counter,
    /// Streams of `/events` that are open now.
    pub open_event_streams: Counter,
    /// Requests for `/events` answered 503, because [`max_event_streams`](super::HttpConfig::max_event_streams) were open.
    pub refused_event_streams: Counter,
    /// Events that a reader of `/events` missed because he read too slowly.
    pub skipped_events: Counter,
    /// Renderings of a document.
    pub renderings: Counter,
    /// Compressions of a rendering.
    pub compressions: Counter,
}
