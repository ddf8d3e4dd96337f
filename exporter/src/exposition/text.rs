//! The text of a family, in memory that one rendering leaves for the next.
//!
//! The kernel clears every page of fresh memory when it is first touched, and takes it back when it is freed: that was
//! a quarter of what a scrape cost. So a text's memory is kept where the next rendering looks for it.

use std::borrow::Borrow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::families::{FAMILIES, Family};

/// Room of earlier texts, for each family (and part, when a page is written in several) that of one. Whoever reads
/// slowly keeps what he reads; then the next text of the family gets new room, and what comes back second is freed.
#[derive(Clone, Debug)]
pub(super) struct Shelf(Arc<[Mutex<Room>]>);

/// Where a family's next text can be written.
#[derive(Debug, Default)]
struct Room {
    memory: Vec<u8>,
    /// How long the last text was.
    length: usize,
}

impl Shelf {
    /// For pages that are written in so many parts at most.
    pub(super) fn new(parts: usize) -> Self {
        Self((0..parts * FAMILIES.len()).map(|_| Mutex::default()).collect())
    }

    /// A part's text of each family. In the first part all have their head, in the others nothing.
    pub(super) fn begin(&self, part: usize) -> Vec<Text> {
        let first = part * FAMILIES.len();
        FAMILIES
            .iter()
            .zip(first..)
            .map(|(family, index)| {
                let mut bytes = self.0.get(index).map_or_else(Vec::new, |room| lock(room).take());
                if part == 0 {
                    family.write_head(&mut bytes);
                }
                Text { family, index, head: bytes.len(), bytes, shelf: self.clone() }
            })
            .collect()
    }

    /// Frees what is kept for the parts from `part` on.
    pub(super) fn clear(&self, part: usize) {
        for room in self.0.iter().skip(part * FAMILIES.len()) {
            lock(room).memory = Vec::new();
        }
    }
}

impl Room {
    fn take(&mut self) -> Vec<u8> {
        if self.memory.capacity() == 0 {
            // An eighth more, for a fleet that grows.
            return Vec::with_capacity(self.length + self.length / 8);
        }
        std::mem::take(&mut self.memory)
    }

    /// Keeps `text`'s memory, unless there is some already or most of it was not needed.
    fn give_back(&mut self, mut text: Vec<u8>) {
        self.length = text.len();
        if self.memory.capacity() == 0 && text.capacity() / 2 <= text.len() {
            text.clear();
            self.memory = text;
        }
    }
}

fn lock(room: &Mutex<Room>) -> MutexGuard<'_, Room> {
    // Nothing that is done with a room can be left half done.
    room.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The text of one family, or a part of it: its HELP and TYPE first, then its series. Its memory goes back where it came
/// from.
#[derive(Debug)]
pub struct Text {
    pub(super) family: &'static Family,
    pub(super) bytes: Vec<u8>,
    index: usize,
    /// The length of HELP and TYPE.
    head: usize,
    shelf: Shelf,
}

impl Text {
    /// Whether there is a series.
    pub(super) fn has_series(&self) -> bool {
        self.bytes.len() > self.head
    }
}

impl Drop for Text {
    fn drop(&mut self) {
        if let Some(room) = self.shelf.0.get(self.index) {
            lock(room).give_back(std::mem::take(&mut self.bytes));
        }
    }
}

impl AsRef<[u8]> for Text {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// So that texts can be put together to a page.
impl Borrow<[u8]> for Text {
    fn borrow(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where the memory of the first family's next text is, when `length` bytes have been written to it.
    fn write(shelf: &Shelf, length: usize) -> (Text, *const u8) {
        let mut text = shelf.begin(0).swap_remove(0);
        text.bytes.resize(text.head + length, b'x');
        let memory = text.bytes.as_ptr();
        (text, memory)
    }

    #[test]
    fn the_next_text_has_the_memory_of_the_last() {
        let shelf = Shelf::new(1);
        let (first, memory) = write(&shelf, 100_000);
        assert!(first.has_series());
        drop(first);
        let (second, again) = write(&shelf, 90_000);
        assert_eq!(again, memory);
        let (third, elsewhere) = write(&shelf, 90_000);
        assert_ne!(elsewhere, memory, "the second is still being read");
        drop((second, third));
        assert_eq!(write(&shelf, 90_000).1, memory, "of two that come back, the first is kept");
    }

    #[test]
    fn what_is_not_needed_is_freed() {
        let shelf = Shelf::new(1);
        let kept = || lock(&shelf.0[0]).memory.capacity();
        drop(write(&shelf, 100_000));
        assert!(kept() >= 100_000);
        drop(write(&shelf, 1_000));
        assert_eq!(kept(), 0, "a fleet that has shrunk");
        drop(write(&shelf, 1_000));
        assert!((1_000..10_000).contains(&kept()), "{}", kept());
        shelf.clear(1);
        assert_ne!(kept(), 0, "of the part before");
        shelf.clear(0);
        assert_eq!(kept(), 0);
    }

    #[test]
    fn the_first_part_alone_has_heads() {
        let shelf = Shelf::new(2);
        assert!(shelf.begin(0).iter().all(|text| !text.as_ref().is_empty() && !text.has_series()));
        assert!(shelf.begin(1).iter().all(|text| text.as_ref().is_empty() && !text.has_series()));
        drop(write(&shelf, 10));
        assert_eq!(lock(&shelf.0[FAMILIES.len()]).memory.capacity(), 0, "of the other part");
    }
}
