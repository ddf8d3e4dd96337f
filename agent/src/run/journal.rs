//! What the agent logs while it runs: changes of state, each once; no line for a sample.

use std::net::SocketAddr;

use cpumon_daemon::logs::Limited;
use cpumon_protocol::model::{Micros, Moment};
use tracing::{debug, info, warn};

use crate::link::{Event, Failure};
use crate::recorder::Change;

/// The same kind of trouble is logged once in this time, with the number of times it was not.
const REPEAT: Micros = Micros::from_secs(60);

/// Knows what was said already.
#[derive(Debug)]
pub(super) struct Journal {
    peer: Option<SocketAddr>,
    /// Whether an exporter takes the samples: the end of that is told in any case.
    is_live: bool,
    /// Whether it was only taken for a server of the original, by an answer that could be anybody's.
    is_guess: bool,
    troubles: Limited<&'static str>,
}

impl Default for Journal {
    fn default() -> Self {
        Self { peer: None, is_live: false, is_guess: false, troubles: Limited::new(REPEAT) }
    }
}

impl Journal {
    /// A connection is open, to this address.
    pub(super) fn opened(&mut self, peer: SocketAddr) {
        debug!(exporter = %peer, "connected");
        self.peer = Some(peer);
    }

    /// The token is not shown to this address.
    pub(super) fn withheld(&mut self, now: Moment, peer: SocketAddr) {
        if let Some(left_out) = self.troubles.pass("withheld", now) {
            warn!(
                exporter = %peer,
                left_out,
                "the token is not sent, since others could read it on its way; set AGENT_TLS=true, or \
                 AGENT_PLAINTEXT_TOKEN=true if nobody can"
            );
        }
    }

    /// Something happened on the link.
    pub(super) fn event(&mut self, now: Moment, event: &Event) {
        if let Event::Acked { .. } = event {
            // One for every sample, and nothing to tell.
            return;
        }
        let exporter = self.peer.map(|peer| peer.to_string());
        let exporter = exporter.as_deref();
        match event {
            Event::Welcome { stale } => {
                self.is_live = true;
                info!(exporter, stale_ms = stale.as_millis(), "an exporter takes the samples");
            }
            Event::FellBack => {
                self.is_live = true;
                self.is_guess = true;
                info!(exporter, "a server of the original takes the samples: only the percentage is sent");
            }
            Event::Moved { to, stale } => {
                self.peer = Some(*to);
                let stale_ms = stale.as_millis();
                info!(exporter = %to, stale_ms, "an exporter that this agent prefers takes the samples");
            }
            Event::Stayed { away_from, why } => {
                if let Some(left_out) = self.troubles.pass("stayed", now) {
                    info!(exporter, %away_from, left_out, "the exporter that this agent prefers does not take it: {why}");
                }
            }
            Event::Acked { .. } => self.is_guess = false,
            Event::Refused { code, message, rest } => {
                if let Some(left_out) = self.troubles.pass("refused", now) {
                    let retry_ms = rest.as_millis();
                    warn!(exporter, code = &**code, retry_ms, left_out, "the exporter refused: {message}");
                }
            }
            Event::Lost { why, rest } => {
                let is_change = std::mem::take(&mut self.is_live);
                let is_new = !is_change || std::mem::take(&mut self.is_guess);
                let passed = self.troubles.pass(kind(why), now).or(is_change.then_some(0));
                if let Some(left_out) = passed {
                    warn!(
                        exporter,
                        retry_ms = rest.as_millis(),
                        left_out,
                        "no exporter takes the samples: {why}{}",
                        if is_new { advice(why) } else { "" }
                    );
                }
                self.peer = None;
            }
        }
    }

    /// The recorder noticed these.
    pub(super) fn changes(&mut self, now: Moment, changes: Vec<Change>) {
        let mut resets = Vec::new();
        for change in changes {
            match change {
                Change::Unreadable(error) => {
                    if let Some(left_out) = self.troubles.pass("unreadable", now) {
                        warn!(left_out, "no samples: {error}");
                    }
                }
                Change::Standing => {
                    if let Some(left_out) = self.troubles.pass("standing", now) {
                        warn!(left_out, "no samples: the CPU times stand still");
                    }
                }
                Change::Recovered => {
                    if let Some(left_out) = self.troubles.pass("recovered", now) {
                        info!(left_out, "the CPU times can be read again");
                    }
                }
                Change::Reset { total, from, to } => {
                    resets.push(format!("{} from {}us to {}us", total.label(), from.0, to.0));
                }
            }
        }
        if !resets.is_empty()
            && let Some(left_out) = self.troubles.pass("reset", now)
        {
            warn!(left_out, "the kernel's CPU times were reset: {}", resets.join(", "));
        }
    }
}

/// What a user can do who has just begun: where there was a connection before, it is not the settings.
const fn advice(why: &Failure) -> &'static str {
    match why {
        Failure::Io(_) | Failure::ConnectTimeout(_) => {
            "; does an exporter run where AGENT_EXPORTERS says, and is its port open to this machine?"
        }
        Failure::WelcomeTimeout(_) | Failure::Closed | Failure::Nonsense(_) => {
            "; is that an exporter's ingest port (8080 by default, see AGENT_EXPORTERS) and not another service?"
        }
        // The last two are reasons to stay at another exporter.
        Failure::AckTimeout(_) | Failure::Refused { .. } | Failure::Original => "",
    }
}

/// The kind of a failure, of a closed set.
const fn kind(why: &Failure) -> &'static str {
    match why {
        Failure::Io(_) => "io",
        Failure::Closed => "closed",
        Failure::ConnectTimeout(_) => "connect timeout",
        Failure::WelcomeTimeout(_) => "welcome timeout",
        Failure::AckTimeout(_) => "ack timeout",
        Failure::Refused { .. } => "refused",
        Failure::Original => "original",
        Failure::Nonsense(_) => "nonsense",
    }
}
