//! The rows of the whole fleet as the pages know them, and what has changed since the last look.

use cpumon_protocol::model::Now;

use super::row::{Column, Row};
use crate::fleet::{AgentView, SharedFleet};

/// One place of the fleet, and the agent that stands there.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) name: Box<str>,
    pub(super) row: Row,
    /// What the last look found.
    pub(super) news: News,
    seen: bool,
}

/// What is new about an entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct News {
    /// Everything: another agent stood there, or none.
    pub(super) is_new: bool,
    /// How many CPUs it has.
    pub(super) logical_cpus: bool,
    /// Whether it is there.
    pub(super) state: bool,
    /// Its numbers, by [`Column::ALL`].
    pub(super) cells: [bool; Column::ALL.len()],
}

impl News {
    /// Everything is.
    pub(super) const ALL: Self =
        Self { is_new: true, logical_cpus: true, state: true, cells: [true; Column::ALL.len()] };
}

/// All agents by their place in the fleet.
#[derive(Debug, Default)]
pub(super) struct Roll {
    entries: Vec<Option<Entry>>,
    forgotten: Vec<usize>,
}

impl Roll {
    /// Looks at the fleet, a few agents at a time. One agent's row is of one moment; agents may come and go
    /// between two batches.
    pub(super) fn look(&mut self, fleet: &SharedFleet, now: Now) {
        fleet.show_all(now.mono, |view| self.note(view, now));
        self.forget_unseen();
    }

    /// Every place, whether or not somebody stands there.
    pub(super) fn entries(&self) -> impl Iterator<Item = (usize, Option<&Entry>)> {
        self.entries.iter().map(Option::as_ref).enumerate()
    }

    /// The places at which the last look found nobody any more.
    pub(super) fn forgotten(&self) -> &[usize] {
        &self.forgotten
    }

    fn note(&mut self, view: &AgentView<'_>, now: Now) {
        let place = view.place();
        if place >= self.entries.len() {
            self.entries.resize_with(place + 1, || None);
        }
        let Some(slot) = self.entries.get_mut(place) else { return };
        let row = Row::of(view, now);
        match slot {
            Some(entry) if *entry.name == *view.name() => entry.update(row),
            _ => *slot = Some(Entry { name: view.name().into(), row, news: News::ALL, seen: true }),
        }
    }

    fn forget_unseen(&mut self) {
        self.forgotten.clear();
        for (place, slot) in self.entries.iter_mut().enumerate() {
            match slot {
                Some(entry) if entry.seen => entry.seen = false,
                Some(_) => {
                    *slot = None;
                    self.forgotten.push(place);
                }
                None => {}
            }
        }
    }
}

impl Entry {
    fn update(&mut self, mut row: Row) {
        let old = &self.row;
        // They are still told of one that is gone.
        row.logical_cpus = row.logical_cpus.or(old.logical_cpus);
        self.news = News {
            is_new: false,
            logical_cpus: row.logical_cpus != old.logical_cpus,
            state: row.state != old.state || row.last_heard != old.last_heard,
            cells: std::array::from_fn(|column| row.cells.get(column) != old.cells.get(column)),
        };
        // Without news it stays as it was told: else it would move with the clock.
        if !self.news.state {
            row.silent_since = old.silent_since;
        }
        self.row = row;
        self.seen = true;
    }
}
