//! What is still to come, in the order of time.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// An event to come, ordered by when alone.
#[derive(Debug)]
struct Entry<At, Event> {
    at: At,
    /// Of two events at one moment, the one that was scheduled first comes first.
    order: u64,
    event: Event,
}

impl<At: Ord, Event> Ord for Entry<At, Event> {
    fn cmp(&self, other: &Self) -> Ordering {
        (&self.at, self.order).cmp(&(&other.at, other.order))
    }
}

impl<At: Ord, Event> PartialOrd for Entry<At, Event> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<At: Ord, Event> PartialEq for Entry<At, Event> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<At: Ord, Event> Eq for Entry<At, Event> {}

/// All events to come.
#[derive(Debug)]
pub(crate) struct Queue<At, Event> {
    heap: BinaryHeap<Reverse<Entry<At, Event>>>,
    scheduled: u64,
}

impl<At: Ord, Event> Default for Queue<At, Event> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new(), scheduled: 0 }
    }
}

impl<At: Ord, Event> Queue<At, Event> {
    pub(crate) fn schedule(&mut self, at: At, event: Event) {
        self.scheduled += 1;
        self.heap.push(Reverse(Entry { at, order: self.scheduled, event }));
    }

    pub(crate) fn next(&mut self) -> Option<(At, Event)> {
        self.heap.pop().map(|Reverse(entry)| (entry.at, entry.event))
    }

    /// The next event, if it comes before `until`.
    pub(crate) fn next_before(&mut self, until: At) -> Option<(At, Event)> {
        if self.heap.peek()?.0.at >= until {
            return None;
        }
        self.next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_in_the_order_of_time_and_then_of_scheduling() {
        let mut queue = Queue::default();
        for (at, event) in [(2, "c"), (1, "a"), (2, "d"), (1, "b"), (3, "e")] {
            queue.schedule(at, event);
        }
        assert_eq!(queue.next(), Some((1, "a")));
        assert_eq!(queue.next_before(1), None);
        let rest: Vec<_> = std::iter::from_fn(|| queue.next_before(3)).map(|(_, event)| event).collect();
        assert_eq!(rest, ["b", "c", "d"]);
        assert_eq!((queue.next(), queue.next()), (Some((3, "e")), None));
    }
}
