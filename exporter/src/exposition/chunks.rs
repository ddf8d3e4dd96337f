//! Memory for a page in chunks, which the next chunks get.
//!
//! The kernel clears every page of fresh memory when it is first touched, and takes it back when it is freed: that was
//! a quarter of what a scrape cost. And what was just read is still in the processor's cache. So what a chunk was written
//! into is written into again as soon as all have read it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::sink::Room;

/// How long a chunk is, in bytes; nearly, as no line is cut. Shorter ones wake whoever reads more often, which costs more
/// than what they save: docs/benchmarks.md. Longer ones are no longer in the processor's cache when they are sent.
pub(super) const CHUNK: usize = 512 * 1024;

/// For how many chunks memory is kept. Whoever reads as fast as is written has two of them at a time; who reads slowly has
/// many, and they are not needed again.
const SPARE_MAX: usize = 4;

/// Memory of chunks that were read.
#[derive(Clone, Debug, Default)]
pub(super) struct Pool(Arc<Mutex<Vec<Vec<u8>>>>);

impl Pool {
    /// Frees what it has.
    pub(super) fn clear(&self) {
        // Freed when nobody is kept waiting.
        let spare = std::mem::take(&mut *self.lock());
        drop(spare);
    }

    /// An empty chunk.
    pub(super) fn take(&self) -> Draft {
        let spare = self.lock().pop();
        Draft { bytes: spare.unwrap_or_else(|| vec![0; CHUNK]), length: 0 }
    }

    /// A chunk as others read it. Its memory comes back when all have.
    pub(super) fn share(&self, draft: Draft) -> Bytes {
        Bytes::from_owner(Chunk { draft, pool: self.clone() })
    }

    /// Keeps the memory of a chunk, unless there is none or enough.
    pub(super) fn give_back(&self, draft: Draft) {
        let mut spare = self.lock();
        if !draft.bytes.is_empty() && spare.len() < SPARE_MAX {
            spare.push(draft.bytes);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        // Nothing that is done with it can be left half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A chunk that is being written; one without memory is always full.
#[derive(Debug, Default)]
pub(super) struct Draft {
    /// All that it may become.
    bytes: Vec<u8>,
    length: usize,
}

impl Draft {
    /// Whether nothing was written.
    pub(super) const fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Lets `write` go on where the last one stopped.
    pub(super) fn go_on<T>(&mut self, write: impl FnOnce(&mut Room<'_>) -> T) -> T {
        let mut room = Room::new(&mut self.bytes, self.length);
        let written = write(&mut room);
        self.length = room.length();
        written
    }
}

/// A finished chunk. Its memory goes back where it came from.
struct Chunk {
    draft: Draft,
    pool: Pool,
}

impl AsRef<[u8]> for Chunk {
    fn as_ref(&self) -> &[u8] {
        &self.draft.bytes[..self.draft.length]
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        self.pool.give_back(std::mem::take(&mut self.draft));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exposition::sink::Sink;

    fn spare(pool: &Pool) -> usize {
        pool.lock().len()
    }

    #[test]
    fn a_chunk_has_the_memory_of_one_that_was_read() {
        let pool = Pool::default();
        let write = || {
            let mut chunk = pool.take();
            chunk.go_on(|room| room.append(b"x"));
            pool.share(chunk)
        };
        let first = write();
        let memory = first.as_ptr();
        let second = write();
        assert_ne!(second.as_ptr(), memory, "the first is still being read");
        drop(first);
        let third = write();
        assert_eq!((third.as_ptr(), &*third), (memory, &b"x"[..]));
        drop(third);
        drop(second);
        assert_eq!(spare(&pool), 2);
        pool.clear();
        assert_eq!(spare(&pool), 0);
    }

    #[test]
    fn what_slow_readers_had_is_not_all_kept() {
        let pool = Pool::default();
        let page: Vec<_> = (0..100).map(|_| pool.share(pool.take())).collect();
        drop(page);
        assert_eq!(spare(&pool), SPARE_MAX);
    }
}
