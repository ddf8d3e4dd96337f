//! What one family says about all agents, until it is written.
//!
//! A page goes family by family, and the fleet is looked at agent by agent. In between are columns: numbers one behind the
//! other, which are taken from an agent while it is at hand, and written at the speed of memory.

use super::families::{Family, Source, Thresholds};
use super::lines::{AgentLabel, Ending, Lines, Short, end_line};
use super::number::Number;
use super::sink::{Room, Sink};
use crate::fleet::AgentView;

/// The most series that a family of [`Source::Each`] has about an agent.
const WIDTH_MAX: usize = 16;

/// The longest name of a series.
type Name = Short<48>;

/// The longest line but for the label of its agent, and the longest that a copy is longer than what is copied: name, end of
/// the labels, number.
const LINE_MAX: usize = 48 + 32 + 32 + 32;

/// The labels of all agents, in one piece of memory.
#[derive(Debug, Default)]
pub(super) struct Labels {
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl Labels {
    /// Forgets all agents, and keeps the memory that was needed for them.
    pub(super) fn clear(&mut self) {
        empty(&mut self.text);
        empty(&mut self.ends);
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Adds that of the agent `name`.
    pub(super) fn push(&mut self, name: &str) {
        AgentLabel::write(name, &mut self.text);
        self.ends.push(self.text.len());
    }

    /// All of them from number `from` on, in order.
    pub(super) fn iter(&self, from: usize) -> impl Iterator<Item = AgentLabel<'_>> {
        let mut begin = from.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |end| *end);
        let ends = self.ends.get(from..).unwrap_or_default();
        ends.iter().map(move |&end| {
            let begin = std::mem::replace(&mut begin, end);
            AgentLabel::new(&self.text[begin..], end - begin)
        })
    }
}

/// One family's column.
#[derive(Debug, Default)]
pub(super) struct Column {
    /// Whether there are values about each agent.
    has: Vec<bool>,
    /// The digits of those that there are.
    digits: Vec<u64>,
    /// How many of them stand behind the point: the same for all agents.
    decimals: [u32; WIDTH_MAX],
    /// What is no row of numbers, as it is written.
    text: Vec<u8>,
}

/// Up to where a column was written.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cursor {
    agent: usize,
    /// Digits, or bytes of the text.
    taken: usize,
}

/// The place of an agent's numbers in a column.
pub(super) struct Values<'a>(&'a mut Column);

impl Values<'_> {
    /// One for each ending, in order.
    pub(super) fn all<N: Into<Number>>(&mut self, numbers: impl IntoIterator<Item = N>) {
        for (number, decimals) in numbers.into_iter().zip(&mut self.0.decimals) {
            let number = number.into();
            *decimals = number.decimals;
            self.0.digits.push(number.digits);
        }
    }
}

impl Column {
    /// Forgets all agents, and keeps the memory that was needed for them.
    pub(super) fn clear(&mut self) {
        empty(&mut self.has);
        empty(&mut self.digits);
        empty(&mut self.text);
    }

    /// Takes what `family` says about more agents: `views`, whose labels are `labels`.
    pub(super) fn note<'l>(
        &mut self,
        family: &Family,
        views: &[AgentView<'_>],
        labels: impl Iterator<Item = AgentLabel<'l>>,
        thresholds: &Thresholds,
    ) {
        match family.source {
            Source::Gauge(value) => {
                views.iter().for_each(|view| self.note_one(view.gauges().and_then(value)));
            }
            Source::Total(value) => {
                views.iter().for_each(|view| self.note_one(view.totals().and_then(value)));
            }
            Source::One(_, value) => views.iter().for_each(|view| self.note_one(value(view))),
            Source::Each(_, endings, values) => {
                for view in views {
                    let before = self.digits.len();
                    values(view, thresholds, &mut Values(self));
                    let count = self.digits.len() - before;
                    debug_assert!(count == 0 || count == endings.len(), "{}: {count} values", family.name);
                    self.has.push(count > 0);
                }
            }
            Source::Any(_, write) => {
                for (view, label) in views.iter().zip(labels) {
                    write(view, &mut Lines::new(&mut self.text, family.name, label));
                }
            }
        }
    }

    fn note_one(&mut self, value: Option<Number>) {
        self.has.push(value.is_some());
        if let Some(number) = value {
            Values(self).all([number]);
        }
    }

    /// Whether there is no series.
    pub(super) fn is_empty(&self) -> bool {
        self.digits.is_empty() && self.text.is_empty()
    }

    /// Goes on writing the lines of `family` while there is room; whether all are written.
    pub(super) fn write(
        &self,
        family: &Family,
        labels: &Labels,
        cursor: &mut Cursor,
        room: &mut Room<'_>,
    ) -> bool {
        let endings = match family.source {
            Source::Any(..) => return self.write_text(cursor, room),
            Source::Each(_, endings, _) => endings,
            Source::Gauge(_) | Source::Total(_) | Source::One(..) => &[Ending::suffix("")],
        };
        let mut names = [Name::EMPTY; WIDTH_MAX];
        for (name, ending) in names.iter_mut().zip(endings) {
            *name = name.with(family.name).with(ending.suffix);
        }
        let rows = self.has.get(cursor.agent..).unwrap_or_default().iter().zip(labels.iter(cursor.agent));
        let mut digits = self.digits.get(cursor.taken..).unwrap_or_default();
        for (&has, label) in rows {
            if room.left() < endings.len() * (LINE_MAX + label.length()) {
                return false;
            }
            cursor.agent += 1;
            if !has {
                continue;
            }
            for ((ending, name), &decimals) in endings.iter().zip(&names).zip(&self.decimals) {
                let Some((&first, rest)) = digits.split_first() else { break };
                digits = rest;
                name.append_to(room);
                label.append_to(room);
                ending.append_to(room);
                end_line(Number { digits: first, decimals }, room);
            }
            cursor.taken += endings.len();
        }
        true
    }

    fn write_text(&self, cursor: &mut Cursor, room: &mut Room<'_>) -> bool {
        let rest = self.text.get(cursor.taken..).unwrap_or_default();
        let part = rest.get(..room.left()).unwrap_or(rest);
        room.append(part);
        cursor.taken += part.len();
        cursor.taken == self.text.len()
    }
}

/// Empties `values`. Of a fleet that has shrunk the memory is given back, but for as much again as was needed.
fn empty<T>(values: &mut Vec<T>) {
    if values.capacity() / 4 > values.len() {
        values.shrink_to(2 * values.len());
    }
    values.clear();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exposition::families::FAMILIES;

    #[test]
    fn every_name_has_room() {
        for family in FAMILIES {
            let endings = match family.source {
                Source::Each(_, endings, _) => endings,
                _ => &[Ending::suffix("")],
            };
            assert!(endings.len() <= WIDTH_MAX, "{}", family.name);
            for ending in endings {
                // One that is too long panics.
                let _ = Name::EMPTY.with(family.name).with(ending.suffix);
            }
        }
    }

    #[test]
    fn a_row_is_written_only_where_its_longest_line_has_room() {
        let family = FAMILIES.iter().find(|family| matches!(family.source, Source::Total(_))).unwrap();
        let (mut labels, mut column) = (Labels::default(), Column::default());
        for name in ["a", &"b".repeat(128), "c"] {
            labels.push(name);
            column.note_one(Some(Number { digits: u64::MAX, decimals: 6 }));
        }
        let mut all = vec![0; 10_000];
        let mut room = Room::new(&mut all);
        assert!(column.write(family, &labels, &mut Cursor::default(), &mut room));
        let length = room.length();
        for size in 0..1_000 {
            let (mut text, mut cursor) = (Vec::new(), Cursor::default());
            let mut chunk = vec![0; size];
            loop {
                let mut room = Room::new(&mut chunk);
                let is_over = column.write(family, &labels, &mut cursor, &mut room);
                let written = room.length();
                text.extend_from_slice(&chunk[..written]);
                if is_over || written == 0 {
                    break;
                }
            }
            assert!(all[..length].starts_with(&text), "{size}");
            assert!(text.len() == length || size < 2 * LINE_MAX, "{size}");
        }
    }

    #[test]
    fn the_memory_of_a_fleet_that_has_shrunk_is_given_back() {
        let mut values = vec![0_u8; 1_000];
        empty(&mut values);
        assert!(values.is_empty() && values.capacity() >= 1_000);
        values.resize(300, 0);
        empty(&mut values);
        assert!(values.capacity() >= 1_000, "it may grow again");
        values.resize(10, 0);
        empty(&mut values);
        assert!((10..100).contains(&values.capacity()), "{}", values.capacity());
    }
}
