//! A document that is rendered once for all who wait for it.

use std::future::poll_fn;
use std::iter;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::task::{spawn_blocking, yield_now};
use tokio::time;
use tokio_util::sync::CancellationToken;
use tracing::error;

use super::leases::Leases;
use super::negotiate::Coding;
use super::rendering::{Reader, Rendering, RenderingFailed};
use super::turns::Turns;
use super::{Document, HttpConfig, HttpStats, Step, gzip, lock};

/// One document, rendered (and compressed) by at most one worker at a time: in steps, between which others are served, or
/// off the async threads where all that ask want it compressed.
///
/// Whoever asks gets a rendering that began after he asked, together with all who asked before it
/// began. Who goes away disturbs nobody; what nobody waits for any more is not begun.
pub(super) struct SharedRendering(Arc<Inner>);

type Begin = dyn Fn() -> Box<dyn Document> + Send + Sync;

struct Inner {
    begin: Box<Begin>,
    stats: Arc<HttpStats>,
    turns: Mutex<Turns<Batch>>,
    leases: Mutex<Leases>,
    stop: CancellationToken,
}

/// One rendering for those who wait for it, by coding.
#[derive(Default)]
struct Batch {
    identity: Arc<Rendering>,
    gzip: Arc<Rendering>,
}

impl SharedRendering {
    /// A document that `begin` begins. After `stop` nobody waits until others have read: nobody new comes.
    pub(super) fn new(
        config: &HttpConfig,
        stats: &Arc<HttpStats>,
        stop: &CancellationToken,
        begin: impl Fn() -> Box<dyn Document> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Inner {
            begin: Box::new(begin),
            stats: Arc::clone(stats),
            turns: Mutex::default(),
            leases: Mutex::new(Leases::new(config.max_renderings, config.crowded_spacing)),
            stop: stop.clone(),
        }))
    }

    /// The document as it is at some moment after this call, as soon as the first of it is there.
    ///
    /// # Errors
    ///
    /// When rendering it panicked before that; the next call tries again.
    pub(super) async fn get(&self, coding: Coding) -> Result<Reader, RenderingFailed> {
        let reader = self.join(coding);
        poll_fn(|cx| reader.poll_begun(cx)).await?;
        Ok(reader)
    }

    fn join(&self, coding: Coding) -> Reader {
        let mut turns = lock(&self.0.turns);
        let (batch, start_worker) = turns.join();
        let reader = match coding {
            Coding::Identity => batch.identity.reader(),
            Coding::Gzip => batch.gzip.reader(),
        };
        drop(turns);
        if start_worker {
            tokio::spawn(Arc::clone(&self.0).work());
        }
        reader
    }
}

impl Inner {
    /// Serves batch after batch until nobody waits.
    async fn work(self: Arc<Self>) {
        loop {
            if lock(&self.turns).dismiss() {
                return;
            }
            // Before the batch is closed: who comes while we wait for memory shares this rendering.
            self.wait_for_lease().await;
            let Some(batch) = lock(&self.turns).begin() else { continue };
            if batch.identity.is_unread() && batch.gzip.is_unread() {
                continue;
            }
            Arc::clone(&self).serve(batch).await;
        }
    }

    async fn wait_for_lease(&self) {
        let returned = lock(&self.leases).returned();
        loop {
            let Some(earliest) = lock(&self.leases).earliest() else { return };
            if earliest <= time::Instant::now() || self.stop.is_cancelled() {
                return;
            }
            // Each time look again: one lease may have come back, or its time may have come.
            let changed = self.stop.run_until_cancelled(returned.notified());
            let _ = time::timeout_at(earliest, changed).await;
        }
    }

    async fn serve(self: Arc<Self>, Batch { identity, gzip }: Batch) {
        let lease = lock(&self.leases).grant(time::Instant::now());
        identity.begin(Arc::clone(&lease));
        gzip.begin(lease);
        let making = Making::new(Arc::clone(&self));
        let length = if identity.is_unread() {
            self.compress(making, gzip).await
        } else if gzip.is_unread() {
            render(making, identity).await
        } else {
            let (runtime, mut reader) = (Handle::current(), identity.reader());
            let parts = iter::from_fn(move || runtime.block_on(poll_fn(|cx| reader.poll_next(cx))));
            let (length, _) = tokio::join!(render(making, identity), self.compress(parts, gzip));
            length
        };
        lock(&self.leases).rendered(length);
    }

    /// Compresses a document; how long it was.
    async fn compress(
        &self,
        parts: impl Iterator<Item = Result<Bytes, RenderingFailed>> + Send + 'static,
        compressed: Arc<Rendering>,
    ) -> u64 {
        let made = Arc::clone(&compressed);
        let done = spawn_blocking(move || gzip::compress(parts, |segment| made.push(segment))).await;
        let done = done.map_err(anyhow::Error::from).flatten();
        let done = done.inspect_err(|error| error!(?error, "compressing a document failed"));
        compressed.end(done.as_ref().map(|_| ()).map_err(|_| RenderingFailed));
        let Ok(length) = done else { return 0 };
        self.stats.compressions.increment();
        length
    }
}

/// Makes a document; how long it is.
async fn render(mut making: Making, rendering: Arc<Rendering>) -> u64 {
    let unfinished = Unfinished(Arc::clone(&rendering));
    let rendered = tokio::spawn(async move {
        loop {
            match making.step() {
                Step::Part(part) => unfinished.0.push(part),
                Step::Nothing => {}
                Step::End => return unfinished.0.end(Ok(())),
            }
            // It is sent, and others have their turn.
            yield_now().await;
        }
    });
    rendered.await.inspect_err(|error| error!(?error, "rendering a document failed")).unwrap_or(0)
}

/// A rendering that has failed if it has not ended when this is dropped: by a panic, or with the runtime.
struct Unfinished(Arc<Rendering>);

impl Drop for Unfinished {
    fn drop(&mut self) {
        self.0.end(Err(RenderingFailed));
    }
}

/// A document in the making.
struct Making {
    inner: Arc<Inner>,
    document: Option<Box<dyn Document>>,
}

impl Making {
    fn new(inner: Arc<Inner>) -> Self {
        Self { inner, document: None }
    }

    fn step(&mut self) -> Step {
        let step = self.document.get_or_insert_with(&self.inner.begin).next();
        if step == Step::End {
            self.inner.stats.renderings.increment();
        }
        step
    }
}

/// Its parts, for who has nothing else to do.
impl Iterator for Making {
    type Item = Result<Bytes, RenderingFailed>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.step() {
                Step::Part(part) => return Some(Ok(part)),
                Step::Nothing => {}
                Step::End => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests;
