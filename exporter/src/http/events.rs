//! `/events`: one feed, told to all who listen.
//!
//! Each second it is looked at once and written once, however many listen; all of them are sent the same bytes. Who
//! reads too slowly misses parts, is then told the whole anew, and never has more than a few parts waiting for him. While
//! nobody listens there is no feed, and no work.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{BoxStream, StreamExt, unfold};
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;
use tracing::error;

use super::{Feed, HttpConfig, HttpStats, Site, lock};

/// How often the feed is looked at.
const EVERY: Duration = Duration::from_secs(1);

/// How many parts may wait for a reader before he is told the whole instead.
const BACKLOG: usize = 4;

/// Tells everyone what the site's feed says.
#[derive(Clone)]
pub(super) struct Events(Arc<Inner>);

struct Inner {
    site: Arc<dyn Site>,
    stats: Arc<HttpStats>,
    stop: CancellationToken,
    slots: Arc<Semaphore>,
    /// There while somebody listens, and up to a second longer.
    channel: Mutex<Option<Channel>>,
}

/// A feed, and those who listen to it.
struct Channel {
    feed: Box<dyn Feed>,
    /// The whole as of the last part, once somebody has asked for it.
    whole: Option<Bytes>,
    parts: broadcast::Sender<Bytes>,
    /// How long the last part was: the next one will need about as much room.
    part_length: usize,
}

impl Events {
    /// Tells nobody anything yet. Every stream ends with `stop`.
    pub(super) fn new(
        site: &Arc<dyn Site>,
        config: &HttpConfig,
        stats: &Arc<HttpStats>,
        stop: CancellationToken,
    ) -> Self {
        Self(Arc::new(Inner {
            site: Arc::clone(site),
            stats: Arc::clone(stats),
            stop,
            slots: Arc::new(Semaphore::new(config.max_event_streams)),
            channel: Mutex::new(None),
        }))
    }

    /// The right to listen; none when as many listen as may.
    pub(super) fn open(&self) -> Option<Subscription> {
        match Arc::clone(&self.0.slots).try_acquire_owned() {
            Ok(slot) => Some(Subscription { inner: Arc::clone(&self.0), _slot: Arc::new(slot) }),
            Err(_none_left) => {
                self.0.stats.refused_event_streams.increment();
                None
            }
        }
    }
}

/// The right of one reader to listen. It goes through a response's extensions, and so can be cloned.
#[derive(Clone)]
pub(super) struct Subscription {
    inner: Arc<Inner>,
    _slot: Arc<OwnedSemaphorePermit>,
}

impl Subscription {
    /// What is told from now on. Nothing begins before the stream is polled.
    pub(super) fn stream(self) -> BoxStream<'static, Bytes> {
        let listener = Listener { open: OpenStream::new(&self.inner.stats), subscription: self, parts: None };
        unfold(listener, |mut listener| async {
            let stop = listener.subscription.inner.stop.clone();
            let part = stop.run_until_cancelled(listener.next()).await.flatten()?;
            Some((part, listener))
        })
        .boxed()
    }
}

/// One reader's place in what is told.
struct Listener {
    subscription: Subscription,
    parts: Option<broadcast::Receiver<Bytes>>,
    #[expect(dead_code, reason = "counts while it lives")]
    open: OpenStream,
}

impl Listener {
    /// The next part, or the whole for one who is new or has missed some.
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(parts) = &mut self.parts {
            match parts.recv().await {
                Ok(part) => return Some(part),
                Err(RecvError::Closed) => return None,
                Err(RecvError::Lagged(missed)) => self.subscription.inner.stats.skipped_events.add(missed),
            }
        }
        let inner = Arc::clone(&self.subscription.inner);
        let joined = spawn_blocking(move || inner.join()).await;
        let (whole, parts) = joined.inspect_err(|error| error!(?error, "telling events failed")).ok()?;
        self.parts = Some(parts);
        Some(whole)
    }
}

impl Inner {
    /// The whole, and what will be told after it.
    fn join(self: &Arc<Self>) -> (Bytes, broadcast::Receiver<Bytes>) {
        let mut channel = lock(&self.channel);
        let channel = channel.get_or_insert_with(|| {
            tokio::spawn(Arc::clone(self).tell());
            Channel {
                feed: self.site.feed(),
                whole: None,
                parts: broadcast::Sender::new(BACKLOG),
                part_length: 0,
            }
        });
        let Channel { feed, whole, parts, .. } = channel;
        let whole = whole.get_or_insert_with(|| {
            let mut out = Vec::new();
            feed.whole(&mut out);
            out.into()
        });
        (whole.clone(), parts.subscribe())
    }

    /// Tells part after part until nobody listens.
    async fn tell(self: Arc<Self>) {
        let mut ticks = interval_at(Instant::now() + EVERY, EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let inner = Arc::clone(&self);
            match spawn_blocking(move || inner.tell_next()).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    error!(?error, "telling events failed");
                    // Ends every stream; who comes back begins anew.
                    *lock(&self.channel) = None;
                    return;
                }
            }
        }
    }

    /// Tells one part; false when nobody listens.
    fn tell_next(&self) -> bool {
        let mut guard = lock(&self.channel);
        let Some(channel) = guard.as_mut().filter(|channel| channel.parts.receiver_count() > 0) else {
            *guard = None;
            return false;
        };
        let mut part = Vec::with_capacity(channel.part_length + channel.part_length / 8);
        channel.feed.next(&mut part);
        channel.whole = None;
        channel.part_length = part.len();
        // The last of them may have left meanwhile.
        let _ = channel.parts.send(part.into());
        true
    }
}

/// A stream that is counted as open until dropped.
struct OpenStream(Arc<HttpStats>);

impl OpenStream {
    fn new(stats: &Arc<HttpStats>) -> Self {
        stats.open_event_streams.increment();
        Self(Arc::clone(stats))
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.open_event_streams.decrement();
    }
}
