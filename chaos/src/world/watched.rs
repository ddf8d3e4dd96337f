//! What was seen of one agent on the exporter's page.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::fault::Kind;

/// After this silence an exporter has to free a connection (`EXPORTER_IDLE_TIMEOUT`).
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);

/// What a busy machine may take on top of a limit before that is called a violation.
const PATIENCE: Duration = Duration::from_secs(5);

/// An agent's samples came again after a fault.
#[derive(Clone, Copy, Debug)]
pub struct Recovery {
    /// After which fault.
    pub kind: Kind,
    /// How long after its end the first sample was shown that was measured after its end.
    pub took: Duration,
}

/// A connection whose other end is gone without a word.
#[derive(Clone, Copy, Debug)]
struct HalfOpen {
    since: Instant,
    /// Ends of connections that had been counted before.
    disconnects: u64,
}

/// What was shown of one account.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// Its last reading that was shown, ...
    pub reading: usize,
    /// ... and since when.
    pub since: Instant,
    /// When the first one was.
    pub first: Instant,
}

/// One agent.
#[derive(Debug, Default)]
pub struct Watched {
    /// What strikes it now.
    struck: Option<Kind>,
    /// Since when, and after what, a sample is waited for.
    waiting: Option<(Instant, Kind)>,
    /// Whether a sample was seen since the last fault.
    seen: bool,
    /// Whether its samples were being taken when its last fault began.
    pub(super) was_taken: bool,
    /// Whether no page was seen since its process ended.
    pub(super) ended_unseen: bool,
    half_open: Option<HalfOpen>,
    /// The reading that was last shown.
    pub(super) last: Option<usize>,
    /// Ends of its connections as last shown.
    pub(super) disconnects: u64,
    /// By account.
    pub known: BTreeMap<usize, Known>,
    /// How old the oldest gauge was that was ever shown.
    pub oldest_gauge: Duration,
    /// The same, while the agent was dead, frozen or cut off.
    pub oldest_dead_gauge: Duration,
    /// Recoveries that were seen to their end.
    pub recoveries: Vec<Recovery>,
    /// Recoveries that the next fault cut short.
    pub recoveries_cut_short: usize,
    /// How long it took until the exporter had freed the half-open connection.
    pub freed: Vec<Duration>,
}

impl Watched {
    /// Whether nothing strikes it and a sample was seen since.
    pub fn is_well(&self) -> bool {
        self.struck.is_none() && self.seen
    }

    /// Whether it is dead, frozen or cut off on purpose.
    pub(super) fn is_dead(&self) -> bool {
        self.struck.is_some_and(|kind| kind != Kind::DropReceived)
    }

    pub(super) fn is_struck(&mut self, kind: Kind, now: Instant) {
        self.half_open = (self.was_taken && kind.leaves_half_open())
            .then_some(HalfOpen { since: now, disconnects: self.disconnects });
        self.struck = Some(kind);
        self.stop_waiting();
    }

    /// Its fault is over. `exporter_is_well` says whether its samples can be taken now.
    pub(super) fn is_whole(
        &mut self,
        kind: Kind,
        now: Instant,
        exporter_is_well: bool,
    ) -> Result<(), String> {
        self.struck = None;
        self.waiting = exporter_is_well.then_some((now, kind));
        match self.half_open.take() {
            Some(half_open) if now - half_open.since > IDLE_TIMEOUT + PATIENCE => Err(format!(
                "its connection was still held {:.1} s after it was cut",
                (now - half_open.since).as_secs_f64()
            )),
            _ => Ok(()),
        }
    }

    pub(super) fn exporter_is_struck(&mut self) {
        self.half_open = None;
        self.stop_waiting();
    }

    pub(super) fn exporter_is_back(&mut self, kind: Kind, now: Instant) {
        self.waiting = self.struck.is_none().then_some((now, kind));
    }

    /// A sample that was measured at `measured` is shown at `now`.
    pub(super) fn sample_is_shown(&mut self, measured: Instant, now: Instant) {
        if self.struck.is_some() {
            return;
        }
        match self.waiting {
            Some((since, kind)) if measured > since => {
                self.recoveries.push(Recovery { kind, took: now - since });
                self.waiting = None;
                self.seen = true;
            }
            Some(_) => {}
            // At the start of the run.
            None => self.seen = true,
        }
    }

    /// A reading of an account is shown at `now`.
    pub(crate) fn reading_is_shown(&mut self, account: usize, reading: usize, now: Instant) {
        let known = self.known.entry(account).or_insert(Known { reading, since: now, first: now });
        if known.reading != reading {
            (known.reading, known.since) = (reading, now);
        }
    }

    /// So many ends of its connections are shown.
    pub(super) fn disconnects_are_shown(&mut self, disconnects: u64, now: Instant) {
        if let Some(half_open) = self.half_open.filter(|half_open| disconnects > half_open.disconnects) {
            self.freed.push(now - half_open.since);
            self.half_open = None;
        }
        self.disconnects = disconnects;
    }

    /// Since when a sample is waited for.
    pub(super) fn waits_since(&self) -> Option<Instant> {
        self.waiting.map(|(since, _)| since)
    }

    fn stop_waiting(&mut self) {
        self.seen = false;
        if self.waiting.take().is_some() {
            self.recoveries_cut_short += 1;
        }
    }
}
