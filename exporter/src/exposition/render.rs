//! The whole fleet as text, family by family.

use std::hint::black_box;
use std::ops::Range;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use cpumon_protocol::model::{Micros, Moment};

use super::families::Thresholds;
use super::lines::AgentLabel;
use super::text::{Shelf, Text};
use crate::fleet::SharedFleet;

/// How many agents are shown before the fleet is let go of, so that ingest waits for a few hundred microseconds at most.
const BATCH: usize = 64;

/// How many agents a thread is worth: fewer are written in less time than it takes to start one.
const AGENTS_A_THREAD: usize = 400;

/// How many threads write a page at most. What more of them gained, the socket would not take.
const THREADS_MAX: usize = 4;

/// How long memory is kept for a rendering that does not come. Prometheus scrapes once a minute if it is not told
/// otherwise.
const KEEP: Micros = Micros::from_secs(150);

/// The fleet as text, and what was counted on the way.
#[derive(Debug)]
pub struct Rendering {
    /// The text of each family that has series, in one piece or several.
    pub families: Vec<Text>,
    /// Agents whose samples arrive.
    pub up: usize,
    /// Agents that are missed.
    pub down: usize,
}

/// Writes the fleet, each time into the memory of the last.
#[derive(Debug)]
pub struct Renderer {
    thresholds: Thresholds,
    threads: usize,
    shelf: Shelf,
    /// When the fleet was last rendered, in microseconds.
    rendered: AtomicU64,
}

impl Renderer {
    /// A renderer for these thresholds. A large fleet is written by as many threads as there are cores, up to four.
    pub fn new(thresholds: Thresholds) -> Self {
        Self::with_threads(
            thresholds,
            thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX),
        )
    }

    fn with_threads(thresholds: Thresholds, threads: usize) -> Self {
        Self { thresholds, threads, shelf: Shelf::new(threads), rendered: AtomicU64::new(0) }
    }

    /// Frees the memory that is kept for the next rendering, if the last one was long ago.
    pub fn tidy(&self, now: Moment) {
        if now > Moment(self.rendered.load(Ordering::Relaxed)).plus(KEEP) {
            self.shelf.clear(0);
        }
    }

    /// The fleet as of `now`. One agent's lines are all of one moment; agents
    /// may join and leave between two batches.
    pub fn render(&self, fleet: &SharedFleet, now: Moment) -> Rendering {
        self.rendered.store(now.0, Ordering::Relaxed);
        let agents = fleet.read().len();
        let parts = (agents / AGENTS_A_THREAD).clamp(1, self.threads);
        // A fleet that has shrunk needs fewer.
        self.shelf.clear(parts);
        // Places are taken from the first on, so they are full up to about the number of agents.
        let start = |part| if part == parts { usize::MAX } else { agents / parts * part };
        let write = |part| self.write(part, start(part)..start(part + 1), fleet, now);
        let written = thread::scope(|scope| {
            let others: Vec<_> = (1..parts)
                .map(|part| (part, thread::Builder::new().spawn_scoped(scope, move || write(part))))
                .collect();
            let mut written = vec![write(0)];
            for (part, thread) in others {
                written.push(match thread {
                    Ok(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
                    // There may be no more threads to be had than there are.
                    Err(_) => write(part),
                });
            }
            written
        });
        let (up, down) = written.iter().fold((0, 0), |(up, down), part| (up + part.up, down + part.down));
        Rendering { families: in_order(written), up, down }
    }

    /// The agents at `places`.
    fn write(&self, part: usize, places: Range<usize>, fleet: &SharedFleet, now: Moment) -> Part {
        let mut part = Part { texts: self.shelf.begin(part), up: 0, down: 0 };
        let mut labels = vec![AgentLabel::default(); BATCH];
        let mut next = Some(places.start);
        while let Some(from) = next.filter(|from| places.contains(from)) {
            let held = fleet.read();
            let mut batch = Vec::with_capacity(BATCH);
            next = held.visit(from, BATCH.min(places.end - from), now, |view| batch.push(view));
            black_box(batch.iter().fold(0_u64, |sum, view| sum.wrapping_add(view.touch())));
            for (view, label) in batch.iter().zip(&mut labels) {
                part.up += usize::from(view.up() == Some(true));
                part.down += usize::from(view.up() == Some(false));
                label.set(view.name());
            }
            // Family by family within the batch: a text that grows by some thousand bytes at a time is written at
            // the speed of memory, one that grows by a line at the speed of cache misses.
            for text in &mut part.texts {
                for (view, label) in batch.iter().zip(&labels) {
                    text.family.write(view, label, &self.thresholds, &mut text.bytes);
                }
            }
        }
        part
    }
}

/// What one thread has written.
struct Part {
    /// One of each family.
    texts: Vec<Text>,
    up: usize,
    down: usize,
}

/// Family after family, each from the first part to the last, if it has series in any of them.
fn in_order(parts: Vec<Part>) -> Vec<Text> {
    let mut parts: Vec<_> = parts.into_iter().map(|part| part.texts.into_iter()).collect();
    let mut families = Vec::new();
    loop {
        let texts: Vec<Text> = parts.iter_mut().filter_map(Iterator::next).collect();
        if texts.is_empty() {
            return families;
        }
        if texts.iter().any(Text::has_series) {
            families.extend(texts.into_iter().filter(|text| !text.as_ref().is_empty()));
        }
    }
}

#[cfg(test)]
mod tests;
