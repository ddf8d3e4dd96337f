//! A document that is rendered once for all who wait for it.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use bytes::Bytes;
use thiserror::Error;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time;
use tokio_util::sync::CancellationToken;
use tracing::error;

use super::leases::{Lease, Leases};
use super::negotiate::Coding;
use super::rendering::Rendering;
use super::turns::Turns;
use super::{HttpConfig, HttpStats, gzip, lock};

/// The rendering failed, which is a defect of the program: its cause is in the log.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the document could not be rendered")]
pub(super) struct RenderingFailed;

/// One document, rendered (and compressed) by at most one worker at a time, off the async threads.
///
/// Whoever asks gets a rendering that began after he asked, together with all who asked before it
/// began. Who goes away disturbs nobody; what nobody waits for any more is not begun.
pub(super) struct SharedRendering(Arc<Inner>);

type Render = dyn Fn(&mut Vec<Bytes>) + Send + Sync;

struct Inner {
    render: Box<Render>,
    stats: Arc<HttpStats>,
    turns: Mutex<Turns<Batch>>,
    leases: Mutex<Leases>,
    stop: CancellationToken,
}

/// Those who wait for one rendering, by coding.
#[derive(Default)]
struct Batch {
    identity: Waiters,
    gzip: Waiters,
}

/// Dropped before a rendering was sent, it tells that there will be none.
type Waiters = watch::Sender<Option<Arc<Rendering>>>;

impl SharedRendering {
    /// A document whose segments `render` appends. After `stop` nobody waits until others have read: nobody new comes.
    pub(super) fn new(
        config: &HttpConfig,
        stats: &Arc<HttpStats>,
        stop: &CancellationToken,
        render: impl Fn(&mut Vec<Bytes>) + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Inner {
            render: Box::new(render),
            stats: Arc::clone(stats),
            turns: Mutex::default(),
            leases: Mutex::new(Leases::new(config.max_renderings, config.crowded_spacing)),
            stop: stop.clone(),
        }))
    }

    /// The document as it is at some moment after this call.
    ///
    /// # Errors
    ///
    /// When rendering it panicked; the next call tries again.
    pub(super) async fn get(&self, coding: Coding) -> Result<Arc<Rendering>, RenderingFailed> {
        let mut rendering = self.join(coding);
        let finished = rendering.wait_for(Option::is_some).await.map_err(|_closed| RenderingFailed)?;
        finished.clone().ok_or(RenderingFailed)
    }

    fn join(&self, coding: Coding) -> watch::Receiver<Option<Arc<Rendering>>> {
        let mut turns = lock(&self.0.turns);
        let (batch, start_worker) = turns.join();
        let waiters = match coding {
            Coding::Identity => &batch.identity,
            Coding::Gzip => &batch.gzip,
        };
        let receiver = waiters.subscribe();
        drop(turns);
        if start_worker {
            tokio::spawn(Arc::clone(&self.0).work());
        }
        receiver
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
            if batch.identity.is_closed() && batch.gzip.is_closed() {
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

    async fn serve(self: Arc<Self>, batch: Batch) {
        let lease = lock(&self.leases).grant(time::Instant::now());
        let Some(plain) = Arc::clone(&self).render(Arc::clone(&lease)).await else { return };
        lock(&self.leases).rendered(plain.length());
        let plain = Arc::new(plain);
        batch.identity.send_replace(Some(Arc::clone(&plain)));
        // Lets go of the plain rendering here, if it is only wanted compressed.
        drop(batch.identity);
        if batch.gzip.is_closed() {
            return;
        }
        if let Some(compressed) = self.compress(plain, lease).await {
            batch.gzip.send_replace(Some(Arc::new(compressed)));
        }
    }

    async fn render(self: Arc<Self>, lease: Arc<Lease>) -> Option<Rendering> {
        let rendered = spawn_blocking(move || {
            let began = Instant::now();
            let mut segments = Vec::new();
            (self.render)(&mut segments);
            self.stats.renderings.increment();
            self.stats.rendering_us.add_span(began.elapsed());
            Rendering::new(segments, lease)
        });
        rendered.await.inspect_err(|error| error!(?error, "rendering a document failed")).ok()
    }

    async fn compress(self: Arc<Self>, plain: Arc<Rendering>, lease: Arc<Lease>) -> Option<Rendering> {
        let compressed = spawn_blocking(move || {
            let began = Instant::now();
            let segments = gzip::compress(plain.segments());
            self.stats.compressions.increment();
            self.stats.compression_us.add_span(began.elapsed());
            segments
        });
        let segments = compressed.await.map_err(io::Error::other).flatten();
        let segments = segments.inspect_err(|error| error!(?error, "compressing a document failed")).ok()?;
        Some(Rendering::new(segments, lease))
    }
}

#[cfg(test)]
mod tests;
