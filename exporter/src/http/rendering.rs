//! A document in memory, from its first byte on.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use slab::Slab;
use thiserror::Error;

use super::leases::Lease;
use super::lock;

/// How much of a document is there before its answer begins, in bytes, if that is not all of it. An answer that begins when
/// its document is whole tells its length, as some simple clients want it.
const BEGINNING: u64 = 512 * 1024;

/// The rendering failed, which is a defect of the program: its cause is in the log.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the document could not be rendered")]
pub(super) struct RenderingFailed;

/// One document as it was at one moment, in one coding, for all who read it. They may read what there is while the rest
/// is made. Each part is freed when the last of them has taken it.
#[derive(Debug, Default)]
pub(super) struct Rendering {
    state: Mutex<State>,
    lease: OnceLock<Arc<Lease>>,
}

#[derive(Debug, Default)]
struct State {
    /// What somebody has still to take, in order; none is empty.
    segments: VecDeque<Segment>,
    /// How many were before them.
    before: usize,
    /// Of all segments, in bytes.
    length: u64,
    end: Option<Result<(), RenderingFailed>>,
    /// One for each reader that waits.
    readers: Slab<Option<Waker>>,
}

#[derive(Debug)]
struct Segment {
    bytes: Bytes,
    /// How many readers have to take it.
    readers: usize,
}

impl Rendering {
    /// Someone who reads all of it. To be called before its beginning.
    pub(super) fn reader(self: &Arc<Self>) -> Reader {
        let key = lock(&self.state).readers.insert(None);
        Reader { rendering: Arc::clone(self), key, next: 0 }
    }

    /// Whether nobody reads it.
    pub(super) fn is_unread(&self) -> bool {
        lock(&self.state).readers.is_empty()
    }

    /// It may be in memory, by this right.
    pub(super) fn begin(&self, lease: Arc<Lease>) {
        let begun = self.lease.set(lease);
        debug_assert!(begun.is_ok(), "a rendering begins once");
    }

    /// Adds a segment.
    pub(super) fn push(&self, bytes: Bytes) {
        if bytes.is_empty() {
            return;
        }
        let mut state = lock(&self.state);
        state.length += bytes.len() as u64;
        let readers = state.readers.len();
        if readers == 0 {
            state.before += 1;
        } else {
            state.segments.push_back(Segment { bytes, readers });
        }
        wake(state);
    }

    /// No more comes; with an error when that is not all. The first that is said holds. How long it is, in bytes.
    pub(super) fn end(&self, end: Result<(), RenderingFailed>) -> u64 {
        let mut state = lock(&self.state);
        state.end.get_or_insert(end);
        let length = state.length;
        wake(state);
        length
    }
}

/// Wakes those who wait, once `state` is let go of: who is woken looks at it at once.
fn wake(mut state: MutexGuard<'_, State>) {
    let mut waiting = state.readers.iter_mut().filter_map(|(_, reader)| reader.take());
    let first = waiting.next();
    let others: Vec<_> = waiting.collect();
    drop(state);
    first.into_iter().chain(others).for_each(Waker::wake);
}

impl State {
    /// The segment that is number `next` of all was taken, or will not be.
    fn taken(&mut self, next: usize) {
        if let Some(segment) = self.segments.get_mut(next - self.before) {
            segment.readers -= 1;
        }
        // Each reader takes them in order, so that the first is done with first.
        while self.segments.front().is_some_and(|segment| segment.readers == 0) {
            self.segments.pop_front();
            self.before += 1;
        }
    }
}

/// Someone who reads a rendering from its beginning to its end.
#[derive(Debug)]
pub(super) struct Reader {
    rendering: Arc<Rendering>,
    key: usize,
    /// The number of the segment that comes next.
    next: usize,
}

impl Reader {
    /// Ready as soon as it is whole, or long enough that it is worth while not to wait for the rest. What has failed by then
    /// is an error.
    pub(super) fn poll_begun(&self, cx: &mut Context<'_>) -> Poll<Result<(), RenderingFailed>> {
        let mut state = lock(&self.rendering.state);
        if let Some(end) = state.end {
            return Poll::Ready(end);
        }
        if state.length >= BEGINNING {
            return Poll::Ready(Ok(()));
        }
        self.wait(&mut state, cx);
        Poll::Pending
    }

    /// The next segment; none at the end.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, RenderingFailed>>> {
        let mut state = lock(&self.rendering.state);
        if let Some(segment) = state.segments.get(self.next - state.before) {
            let bytes = segment.bytes.clone();
            state.taken(self.next);
            self.next += 1;
            return Poll::Ready(Some(Ok(bytes)));
        }
        match state.end {
            Some(Ok(())) => Poll::Ready(None),
            Some(Err(failed)) => Poll::Ready(Some(Err(failed))),
            None => {
                self.wait(&mut state, cx);
                Poll::Pending
            }
        }
    }

    /// What is left, in bytes; unknown as long as not all is there.
    pub(super) fn remaining(&self) -> Option<u64> {
        let state = lock(&self.rendering.state);
        state.end.and_then(Result::ok)?;
        let left = state.segments.iter().skip(self.next - state.before);
        Some(left.map(|segment| segment.bytes.len() as u64).sum())
    }

    /// The right of the rendering to stay in memory, for as long as it is not revoked; there is one once it began.
    pub(super) fn lease(&self) -> Option<&Arc<Lease>> {
        self.rendering.lease.get()
    }

    fn wait(&self, state: &mut State, cx: &Context<'_>) {
        if let Some(waiting) = state.readers.get_mut(self.key)
            && !waiting.as_ref().is_some_and(|waker| waker.will_wake(cx.waker()))
        {
            *waiting = Some(cx.waker().clone());
        }
    }
}

/// Reads what is left for itself.
impl Clone for Reader {
    fn clone(&self) -> Self {
        let mut state = lock(&self.rendering.state);
        let left = self.next - state.before;
        state.segments.iter_mut().skip(left).for_each(|segment| segment.readers += 1);
        let key = state.readers.insert(None);
        drop(state);
        Self { rendering: Arc::clone(&self.rendering), key, next: self.next }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut state = lock(&self.rendering.state);
        state.readers.try_remove(self.key);
        // The last one first: taking the first one away moves the others.
        for next in (self.next..state.before + state.segments.len()).rev() {
            state.taken(next);
        }
    }
}

#[cfg(test)]
mod tests;
