//! Whose turn it is: the rule by which requests share work, without any I/O.

/// Batches of those who wait for the same piece of work, done by at most one worker at a time.
///
/// Whoever joins gets a place in the batch that has *not begun*. [`begin`](Self::begin) hands that
/// batch out and closes it to others in one step, so all of its members arrived before the work began.
#[derive(Debug)]
pub(super) struct Turns<B> {
    waiting: Option<B>,
    has_worker: bool,
}

impl<B> Default for Turns<B> {
    fn default() -> Self {
        Self { waiting: None, has_worker: false }
    }
}

impl<B: Default> Turns<B> {
    /// The batch to wait with, and whether the caller has to start the worker.
    pub(super) fn join(&mut self) -> (&mut B, bool) {
        let start_worker = !self.has_worker;
        self.has_worker = true;
        (self.waiting.get_or_insert_default(), start_worker)
    }

    /// For the worker, when it has nothing in hand: whether it may go, because nobody waits. Once told
    /// so it must not come back; the next to join starts another.
    pub(super) fn dismiss(&mut self) -> bool {
        self.has_worker = self.waiting.is_some();
        !self.has_worker
    }

    /// For the worker: closes the waiting batch and hands it out.
    pub(super) fn begin(&mut self) -> Option<B> {
        self.waiting.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_arrive_before_the_begin_share_and_those_after_it_wait_for_the_next() {
        let mut turns = Turns::<Vec<&str>>::default();
        let (batch, start) = turns.join();
        batch.push("a");
        assert!(start, "the first starts the worker");
        let (batch, start) = turns.join();
        batch.push("b");
        assert!(!start, "the second finds it started");

        assert!(!turns.dismiss());
        assert_eq!(turns.begin(), Some(vec!["a", "b"]));

        let (batch, start) = turns.join();
        batch.push("c");
        assert!(!start, "the worker is busy, and will come back");
        assert!(!turns.dismiss());
        assert_eq!(turns.begin(), Some(vec!["c"]));

        assert!(turns.dismiss(), "nobody waits");
        assert_eq!(turns.begin(), None);
        assert!(turns.join().1, "the next starts a worker again");
    }
}
