//! How many renderings may be in memory at once.
//!
//! A client that reads slowly keeps the rendering that it reads. One such client per rendering, 512 of
//! them, would keep 512 renderings of 35 MB each. So each rendering has a lease, leases are few, and
//! the oldest is revoked for a new one: its readers are cut. So that slow readers cannot by that let
//! honest ones be cut, new leases are spaced out as soon as several are held: by the time that an honest reader needs,
//! which is short for a short document, so that a scraper does not wait for long either.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// What a reader takes in a second who is not slow, in bytes.
const READING_RATE: f64 = 12e6;

/// The least between two leases while they are crowded: round trips take time too.
const SPACING_MIN: Duration = Duration::from_millis(250);

/// The right of one rendering to be in memory. Held by the rendering and by each connection until the
/// last byte of it has left; given back when the last of them drops it.
#[derive(Debug)]
pub(super) struct Lease {
    revoked: CancellationToken,
    returned: Arc<Notify>,
}

impl Lease {
    /// Cancelled when whoever reads the rendering has to let go of it.
    pub(super) fn revoked(&self) -> &CancellationToken {
        &self.revoked
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.returned.notify_one();
    }
}

/// The leases of one document.
#[derive(Debug)]
pub(super) struct Leases {
    max: usize,
    spacing_max: Duration,
    spacing: Duration,
    held: VecDeque<Weak<Lease>>,
    last_granted: Option<Instant>,
    returned: Arc<Notify>,
}

impl Leases {
    /// At most `max` leases at once (at least one). While half of them are held they are spaced out, by `spacing_max`
    /// at most, and so until the document's [length](Self::rendered) is known.
    pub(super) fn new(max: usize, spacing_max: Duration) -> Self {
        Self {
            max: max.max(1),
            spacing_max,
            spacing: spacing_max,
            held: VecDeque::new(),
            last_granted: None,
            returned: Arc::default(),
        }
    }

    /// The newest rendering is `length` bytes long; about as long will be the next.
    pub(super) fn rendered(&mut self, length: u64) {
        let reading = Duration::from_secs_f64(length as f64 / READING_RATE);
        self.spacing = reading.max(SPACING_MIN).min(self.spacing_max);
    }

    /// When the next lease may be granted; `None` means at once. Asked again after
    /// [`returned`](Self::returned) says that a lease came back, the answer may be better.
    pub(super) fn earliest(&mut self) -> Option<Instant> {
        self.held.retain(|lease| lease.strong_count() > 0);
        let crowded = self.held.len() * 2 >= self.max;
        self.last_granted.filter(|_| crowded).map(|last| last + self.spacing)
    }

    /// Notified when a lease comes back.
    pub(super) fn returned(&self) -> Arc<Notify> {
        Arc::clone(&self.returned)
    }

    /// Grants a lease, and revokes the oldest ones when there would be too many.
    pub(super) fn grant(&mut self, now: Instant) -> Arc<Lease> {
        self.held.retain(|lease| lease.strong_count() > 0);
        let surplus = (self.held.len() + 1).saturating_sub(self.max);
        for lease in self.held.drain(..surplus).filter_map(|lease| lease.upgrade()) {
            lease.revoked.cancel();
        }
        let lease =
            Arc::new(Lease { revoked: CancellationToken::new(), returned: Arc::clone(&self.returned) });
        self.held.push_back(Arc::downgrade(&lease));
        self.last_granted = Some(now);
        lease
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPACING: Duration = Duration::from_secs(3);

    fn is_revoked(lease: &Lease) -> bool {
        lease.revoked().is_cancelled()
    }

    #[test]
    fn leases_that_came_back_neither_crowd_nor_get_revoked() {
        let now = Instant::now();
        let mut leases = Leases::new(4, SPACING);
        for _ in 0..100 {
            assert_eq!(leases.earliest(), None);
            let lease = leases.grant(now);
            assert!(!is_revoked(&lease));
        }
    }

    #[test]
    fn half_of_them_held_spaces_out_the_next() {
        let now = Instant::now();
        let mut leases = Leases::new(4, SPACING);
        let first = leases.grant(now);
        assert_eq!(leases.earliest(), None);
        let second = leases.grant(now);
        assert_eq!(leases.earliest(), Some(now + SPACING));
        drop(first);
        assert_eq!(leases.earliest(), None);
        assert!(!is_revoked(&second));
    }

    #[test]
    fn who_waits_for_a_short_document_waits_less() {
        let now = Instant::now();
        let mut leases = Leases::new(2, SPACING);
        let _held = leases.grant(now);
        for (length, wait) in [
            (0, SPACING_MIN),
            (360_000, SPACING_MIN),
            (12_000_000, Duration::from_secs(1)),
            (1 << 30, SPACING),
        ] {
            leases.rendered(length);
            assert_eq!(leases.earliest(), Some(now + wait), "{length}");
        }
    }

    #[test]
    fn one_too_many_revokes_the_oldest_only() {
        let now = Instant::now();
        let mut leases = Leases::new(3, SPACING);
        let held: Vec<_> = (0..3).map(|_| leases.grant(now)).collect();
        assert!(!held.iter().any(|lease| is_revoked(lease)));
        let newest = leases.grant(now);
        let revoked: Vec<_> = held.iter().map(|lease| is_revoked(lease)).collect();
        assert_eq!(revoked, [true, false, false]);
        assert!(!is_revoked(&newest));
    }

    #[test]
    fn a_lease_is_kept_for_at_least_half_of_the_others_times_the_spacing() {
        // The worst that slow readers can do: all keep all they get, and a new one is asked for always.
        let start = Instant::now();
        let mut leases = Leases::new(4, SPACING);
        let mut now = start;
        let mut granted: Vec<(Instant, Arc<Lease>)> = Vec::new();
        for _ in 0..50 {
            now = now.max(leases.earliest().unwrap_or(now));
            let lease = leases.grant(now);
            for (_, old) in granted.extract_if(.., |(at, old)| {
                let early = now < *at + 2 * SPACING;
                assert!(!(early && is_revoked(old)), "revoked too early");
                is_revoked(old)
            }) {
                drop(old);
            }
            granted.push((now, lease));
            assert!(granted.len() <= 4);
        }
        assert!(now >= start + 40 * SPACING, "they were spaced out");
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_that_comes_back_is_told() {
        let mut leases = Leases::new(2, SPACING);
        let lease = leases.grant(Instant::now());
        let returned = leases.returned();
        drop(lease);
        let told = tokio::time::timeout(SPACING, returned.notified()).await;
        assert!(told.is_ok());
    }
}
