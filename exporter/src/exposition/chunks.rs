//! Memory for a page in chunks, which the next chunks get.
//!
//! The kernel clears every page of fresh memory when it is first touched, and takes it back when it is freed: that was
//! a quarter of what a scrape cost. And what was just read is still in the processor's cache. So what a chunk was written
//! into is written into again as soon as all have read it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

/// How long a chunk may become, in bytes. Shorter ones wake whoever reads more often, which costs more
/// than what they save: docs/benchmarks.md. Longer ones are no longer in the processor's cache when they are sent.
pub(super) const CHUNK: usize = 512 * 1024;

/// For how many chunks memory is kept. Whoever reads as fast as is written has one or two of them at a time; who reads slowly
/// has many, and they are not needed again.
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

    /// Room for a chunk, in which may still be another one.
    pub(super) fn take(&self) -> Vec<u8> {
        let spare = self.lock().pop();
        spare.unwrap_or_else(|| vec![0; CHUNK])
    }

    /// The first `length` bytes of `room` as others read them. It comes back when all have.
    pub(super) fn share(&self, room: Vec<u8>, length: usize) -> Bytes {
        Bytes::from_owner(Chunk { room, pool: self.clone() }).slice(..length)
    }

    /// Keeps `room` for another chunk, unless there is enough.
    pub(super) fn give_back(&self, room: Vec<u8>) {
        let mut spare = self.lock();
        if spare.len() < SPARE_MAX {
            spare.push(room);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        // Nothing that is done with it can be left half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A finished chunk. Its memory goes back where it came from.
struct Chunk {
    room: Vec<u8>,
    pool: Pool,
}

impl AsRef<[u8]> for Chunk {
    fn as_ref(&self) -> &[u8] {
        &self.room
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        self.pool.give_back(std::mem::take(&mut self.room));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spare(pool: &Pool) -> usize {
        pool.lock().len()
    }

    #[test]
    fn a_chunk_has_the_memory_of_one_that_was_read() {
        let pool = Pool::default();
        let write = || {
            let mut chunk = pool.take();
            chunk[0] = b'x';
            pool.share(chunk, 1)
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
        let page: Vec<_> = (0..100).map(|_| pool.share(pool.take(), CHUNK)).collect();
        drop(page);
        assert_eq!(spare(&pool), SPARE_MAX);
    }
}
