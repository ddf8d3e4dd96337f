//! The whole fleet as text, family by family, in chunks: each can be sent before the next is written.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use cpumon_protocol::model::{Micros, Moment};

use super::chunks::Pool;
use super::column::{Column, Cursor, Labels};
use super::families::{FAMILIES, Thresholds};
use super::sink::Room;
use crate::fleet::SharedFleet;

/// How many times some agents are looked at in a row: for less than a millisecond.
const BATCHES: usize = 16;

/// The longest `# HELP` and `# TYPE` of a family.
const HEAD_MAX: usize = 1024;

/// How long memory is kept for a rendering that does not come. Prometheus scrapes once a minute if it is not told
/// otherwise.
const KEEP: Micros = Micros::from_secs(150);

/// Writes the fleet, each time into the memory of the last.
#[derive(Debug)]
pub struct Renderer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    thresholds: Thresholds,
    pool: Pool,
    /// That of the last rendering that ended.
    memory: Mutex<Memory>,
    /// When the fleet was last rendered, in microseconds.
    rendered: AtomicU64,
}

/// What a rendering has seen.
#[derive(Debug)]
struct Memory {
    labels: Labels,
    /// One for each family.
    columns: Vec<Column>,
}

impl Default for Memory {
    fn default() -> Self {
        Self { labels: Labels::default(), columns: FAMILIES.iter().map(|_| Column::default()).collect() }
    }
}

impl Renderer {
    /// A renderer for these thresholds.
    pub fn new(thresholds: Thresholds) -> Self {
        Self(Arc::new(Inner {
            thresholds,
            pool: Pool::default(),
            memory: Mutex::default(),
            rendered: AtomicU64::new(0),
        }))
    }

    /// Begins to write the fleet as of `now`.
    pub fn begin(&self, now: Moment) -> Rendering {
        self.0.rendered.store(now.0, Ordering::Relaxed);
        let mut memory = std::mem::take(&mut *self.0.memory());
        memory.labels.clear();
        memory.columns.iter_mut().for_each(Column::clear);
        Rendering {
            renderer: Arc::clone(&self.0),
            now,
            memory,
            up: 0,
            down: 0,
            next: Some(0),
            family: 0,
            cursor: None,
        }
    }

    /// The fleet as of `now` in one piece.
    pub fn page(&self, fleet: &SharedFleet, now: Moment) -> Vec<u8> {
        let mut rendering = self.begin(now);
        while rendering.look(fleet) {}
        rendering.rest()
    }

    /// Frees the memory that is kept for the next rendering, if the last one was long ago.
    pub fn tidy(&self, now: Moment) {
        if now > Moment(self.0.rendered.load(Ordering::Relaxed)).plus(KEEP) {
            self.0.pool.clear();
            drop(std::mem::take(&mut *self.0.memory()));
        }
    }
}

impl Inner {
    fn memory(&self) -> MutexGuard<'_, Memory> {
        // It is put there and taken away, and cannot be left half done.
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The fleet as of one moment, being written: first it is [looked at](Self::look), then comes [chunk](Self::next) after
/// chunk. One agent's lines are all of one moment.
#[derive(Debug)]
pub struct Rendering {
    renderer: Arc<Inner>,
    now: Moment,
    memory: Memory,
    /// Agents seen whose samples arrive.
    pub up: usize,
    /// Agents seen that are missed.
    pub down: usize,
    /// The place in the fleet that is looked at next; none once all were.
    next: Option<usize>,
    /// The family that is being written, and up to where it is.
    family: usize,
    cursor: Option<Cursor>,
}

impl Rendering {
    /// Looks at a thousand agents of `fleet` at most; false when there were no more. Each is as it was at one moment; agents may
    /// join and leave between two of some dozens.
    pub fn look(&mut self, fleet: &SharedFleet) -> bool {
        for _ in 0..BATCHES {
            let Some(from) = self.next else { return false };
            let Memory { labels, columns } = &mut self.memory;
            let seen = labels.len();
            let held = fleet.read();
            held.touch(from, SharedFleet::BATCH);
            let mut views = Vec::with_capacity(SharedFleet::BATCH);
            self.next = held.visit(from, SharedFleet::BATCH, self.now, |view| views.push(view));
            for view in &views {
                labels.push(view.name());
                self.up += usize::from(view.up() == Some(true));
                self.down += usize::from(view.up() == Some(false));
            }
            for (family, column) in FAMILIES.iter().zip(columns) {
                column.note(family, &views, labels.iter(seen), &self.renderer.thresholds);
            }
        }
        true
    }

    /// The next part of the text, none of which is empty; none at the end. It may begin and end anywhere.
    #[allow(
        clippy::should_implement_trait,
        reason = "nothing is to be iterated over before all agents were seen"
    )]
    pub fn next(&mut self) -> Option<Bytes> {
        let Memory { labels, columns } = &self.memory;
        let pool = &self.renderer.pool;
        // Not sooner: what the last one was written into may have come back by now, and is in the processor's cache.
        let mut chunk = pool.take();
        let mut room = Room::new(&mut chunk);
        while let Some((family, column)) = FAMILIES.get(self.family).zip(columns.get(self.family)) {
            if !column.is_empty() {
                if room.left() < HEAD_MAX {
                    break;
                }
                let cursor = self.cursor.get_or_insert_with(|| {
                    family.write_head(&mut room);
                    Cursor::default()
                });
                if !column.write(family, labels, cursor, &mut room) {
                    break;
                }
            }
            self.cursor = None;
            self.family += 1;
        }
        match room.length() {
            0 => {
                pool.give_back(chunk);
                None
            }
            length => Some(pool.share(chunk, length)),
        }
    }

    /// What is left of the text in one piece.
    pub fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        while let Some(chunk) = self.next() {
            rest.extend_from_slice(&chunk);
        }
        rest
    }
}

impl Drop for Rendering {
    /// Leaves its memory to the next.
    fn drop(&mut self) {
        *self.renderer.memory() = std::mem::take(&mut self.memory);
    }
}

#[cfg(test)]
mod tests;
