//! What is worth a line in the log, and how often: changes of state, one line a second of each kind.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use cpumon_daemon::logs::Limited;
use cpumon_protocol::model::{Micros, Moment};
use cpumon_protocol::reject::Rejection;

use crate::exposition::own::Refusal;
use crate::fleet::{Departure, End};

/// The log of what happens to agents and connections.
#[derive(Debug)]
pub struct Journal {
    limited: Mutex<Limited<&'static str>>,
}

impl Default for Journal {
    fn default() -> Self {
        Self { limited: Mutex::new(Limited::new(Micros::from_secs(1))) }
    }
}

impl Journal {
    /// An agent's samples arrive.
    pub fn joined(&self, agent: &str, peer: SocketAddr, now: Moment) {
        if let Some(left_out) = self.pass("joined", now) {
            tracing::info!(agent, %peer, left_out, "agent is there");
        }
    }

    /// An agent's connection has ended.
    pub fn left(&self, departure: &Departure, end: End, now: Moment) {
        let (agent, reason) = (&*departure.agent, end.label());
        let Some(left_out) = self.pass(reason, now) else { return };
        if departure.in_peace {
            tracing::info!(agent, reason, left_out, "agent has left");
        } else {
            tracing::warn!(agent, reason, left_out, "agent is gone");
        }
    }

    /// A frame was refused.
    pub fn rejected(&self, rejection: &Rejection, peer: SocketAddr, now: Moment) {
        let reason = rejection.reason.label();
        if let Some(left_out) = self.pass(reason, now) {
            // The message may hold what the peer sent.
            tracing::warn!(%peer, reason, detail = ?rejection.message, left_out, "refused a frame");
        }
    }

    /// A connection was refused.
    pub fn refused(&self, refusal: Refusal, peer: Option<SocketAddr>, now: Moment) {
        let reason = refusal.label();
        if let Some(left_out) = self.pass(reason, now) {
            tracing::warn!(
                peer = peer.map(tracing::field::display),
                reason,
                left_out,
                "refused a connection"
            );
        }
    }

    /// A handshake failed. Which side is at fault stays open: it may be a scanner, or a CA that the agent lacks.
    pub fn handshake_failed(&self, error: &std::io::Error, peer: SocketAddr, now: Moment) {
        let reason = Refusal::Tls.label();
        if let Some(left_out) = self.pass(reason, now) {
            tracing::warn!(%peer, reason, detail = ?error.to_string(), left_out, "refused a connection");
        }
    }

    /// HTTP connections were refused or cut, so many since the last call for the same reason; to be called once a
    /// second at most.
    pub fn refused_by_http(&self, refusal: Refusal, count: u64) {
        let reason = refusal.label();
        // A kept connection that rests for too long is no news.
        if refusal == Refusal::HttpLate {
            tracing::debug!(reason, count, "closed http connections");
        } else {
            tracing::warn!(reason, count, "refused http connections");
        }
    }

    fn pass(&self, kind: &'static str, now: Moment) -> Option<u64> {
        self.limited.lock().unwrap_or_else(PoisonError::into_inner).pass(kind, now)
    }
}
