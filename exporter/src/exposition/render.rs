//! The whole fleet as text, family by family.

use std::sync::{Mutex, PoisonError};

use cpumon_protocol::model::Moment;

use super::families::{FAMILIES, Family, Thresholds};
use super::lines::AgentLabel;
use crate::fleet::Fleet;

/// How many agents are shown before the fleet is let go of, so that ingest waits for a few hundred microseconds at most.
const BATCH: usize = 64;

/// The fleet as text, and what was counted on the way.
#[derive(Debug)]
pub struct Rendering {
    /// The text of each family that has series.
    pub families: Vec<Vec<u8>>,
    /// Agents whose samples arrive.
    pub up: usize,
    /// Agents that are missed.
    pub down: usize,
}

/// Writes the fleet; remembers how much text each family was, so that the next time it need not grow.
#[derive(Debug)]
pub struct Renderer {
    thresholds: Thresholds,
    sizes: Mutex<Vec<usize>>,
}

impl Renderer {
    /// A renderer for these thresholds.
    pub fn new(thresholds: Thresholds) -> Self {
        Self { thresholds, sizes: Mutex::new(vec![0; FAMILIES.len()]) }
    }

    /// The fleet as of `now`. One agent's lines are all of one moment; agents
    /// may join and leave between two batches.
    pub fn render(&self, fleet: &Mutex<Fleet>, now: Moment) -> Rendering {
        let (mut up, mut down) = (0, 0);
        let mut texts: Vec<Text> = self.begin();
        let mut labels = vec![AgentLabel::default(); BATCH];
        let mut next = Some(0);
        while let Some(from) = next {
            let fleet = fleet.lock().unwrap_or_else(PoisonError::into_inner);
            let mut batch = Vec::with_capacity(BATCH);
            next = fleet.visit(from, BATCH, now, |view| batch.push(view));
            for (view, label) in batch.iter().zip(&mut labels) {
                up += usize::from(view.up() == Some(true));
                down += usize::from(view.up() == Some(false));
                label.set(view.name());
            }
            // Family by family within the batch: a text that grows by some thousand bytes at a time is written at
            // the speed of memory, one that grows by a line at the speed of cache misses.
            for text in &mut texts {
                for (view, label) in batch.iter().zip(&labels) {
                    text.family.write(view, label, &self.thresholds, &mut text.bytes);
                }
            }
            drop(batch);
            drop(fleet);
            // Whoever waits for the fleet gets it before the next batch does.
            std::thread::yield_now();
        }
        self.remember(&texts);
        let families =
            texts.into_iter().filter(|text| text.bytes.len() > text.head).map(|text| text.bytes).collect();
        Rendering { families, up, down }
    }

    fn begin(&self) -> Vec<Text> {
        let sizes = self.sizes.lock().unwrap_or_else(PoisonError::into_inner);
        FAMILIES
            .iter()
            .zip(sizes.iter())
            .map(|(family, &size)| {
                // An eighth more, for a fleet that grows.
                let mut bytes = Vec::with_capacity(size + size / 8);
                family.write_head(&mut bytes);
                Text { family, head: bytes.len(), bytes }
            })
            .collect()
    }

    fn remember(&self, texts: &[Text]) {
        let mut sizes = self.sizes.lock().unwrap_or_else(PoisonError::into_inner);
        for (size, text) in sizes.iter_mut().zip(texts) {
            *size = text.bytes.len();
        }
    }
}

/// A family's text as it grows.
struct Text {
    family: &'static Family,
    /// Length of its HELP and TYPE.
    head: usize,
    bytes: Vec<u8>,
}
