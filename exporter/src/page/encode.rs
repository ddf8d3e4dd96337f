//! A look at the fleet as a server-sent event: one line of JSON, small enough to be sent each second.
//!
//! `docs/page.md` describes the form. Numbers come column by column, as runs: where a run begins, then the values of
//! the agents that stand there one after the other.

use cpumon_protocol::model::{Now, WallTime};

use super::roll::{Entry, News, Roll};
use super::row::{Column, State};
use crate::exposition::families::Thresholds;

/// How many unchanged values are sent along, where that is shorter than to begin another run.
const BRIDGE: usize = 2;

/// What a page is told of the exporter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct About {
    /// Above which utilization an agent stands out.
    pub(crate) thresholds: Thresholds,
    /// Where agents connect.
    pub(crate) ingest_port: u16,
}

/// Appends the event that a page begins with: all that is known of the fleet.
pub(super) fn whole(roll: &Roll, now: Now, about: &About, out: &mut Vec<u8>) {
    out.extend_from_slice(b"event: fleet\ndata: {\"exporter\":");
    text(env!("CARGO_PKG_VERSION"), out);
    out.extend_from_slice(b",\"ingest\":");
    number(u64::from(about.ingest_port), out);
    for (severity, threshold) in about.thresholds.by_severity() {
        out.extend_from_slice(b",\"");
        out.extend_from_slice(severity.as_bytes());
        out.extend_from_slice(b"\":");
        number(u64::from(threshold.millionths() / 1_000), out);
    }
    out.push(b',');
    Part { roll, news: |_| News::ALL, is_whole: true }.write(now, out);
}

/// Appends the event of one second: what the last look at the fleet has found to be new.
pub(super) fn second(roll: &Roll, now: Now, out: &mut Vec<u8>) {
    out.extend_from_slice(b"event: second\ndata: {");
    Part { roll, news: |entry| entry.news, is_whole: false }.write(now, out);
}

/// The part of a roll that is told.
struct Part<'a> {
    roll: &'a Roll,
    news: fn(&Entry) -> News,
    is_whole: bool,
}

impl Part<'_> {
    fn write(&self, now: Now, out: &mut Vec<u8>) {
        out.extend_from_slice(b"\"time\":");
        milliseconds(now.wall, out);
        self.agents(out);
        self.states(out);
        if !self.is_whole {
            out.extend_from_slice(b",\"forgotten\":[");
            for &place in self.roll.forgotten() {
                number(place as u64, out);
                out.push(b',');
            }
            close(out);
        }
        for column in Column::ALL {
            out.extend_from_slice(b",\"");
            out.extend_from_slice(column.key().as_bytes());
            out.extend_from_slice(b"\":[");
            self.runs(column, out);
            close(out);
        }
        out.extend_from_slice(b"}\n\n");
    }

    fn entries(&self) -> impl Iterator<Item = (usize, &Entry, News)> {
        self.roll.entries().filter_map(|(place, entry)| entry.map(|entry| (place, entry, (self.news)(entry))))
    }

    /// `[place, name, CPUs]` of those who are new there, or have other CPUs than before.
    fn agents(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b",\"agents\":[");
        for (place, entry, _) in self.entries().filter(|(_, _, news)| news.is_new || news.logical_cpus) {
            out.push(b'[');
            number(place as u64, out);
            out.push(b',');
            text(&entry.name, out);
            out.push(b',');
            optional(entry.row.logical_cpus.map(u64::from), out);
            out.extend_from_slice(b"],");
        }
        close(out);
    }

    /// `[place, state, since]`. Who is new and up is not told to be.
    fn states(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b",\"states\":[");
        for (place, entry, news) in self.entries().filter(|(_, _, news)| news.state) {
            if news.is_new && entry.row.state == State::Up {
                continue;
            }
            out.push(b'[');
            number(place as u64, out);
            out.extend_from_slice(b",\"");
            out.extend_from_slice(entry.row.state.word().as_bytes());
            out.extend_from_slice(b"\",");
            match entry.row.silent_since {
                Some(since) => milliseconds(since, out),
                None => out.extend_from_slice(b"null"),
            }
            out.extend_from_slice(b"],");
        }
        close(out);
    }

    /// `[place, value, value, ...]`, again and again.
    fn runs(&self, column: Column, out: &mut Vec<u8>) {
        // The values since the last one that was told, which may turn out to be worth telling.
        let mut unchanged: Vec<Option<u64>> = Vec::with_capacity(BRIDGE);
        let mut is_open = false;
        for (place, entry) in self.roll.entries() {
            let value = entry.map(|entry| entry.row.cell(column));
            let is_news = entry.is_some_and(|entry| (self.news)(entry).cells[column as usize]);
            match (is_news, value) {
                (true, Some(value)) => {
                    if !is_open {
                        out.push(b'[');
                        number(place as u64, out);
                        out.push(b',');
                        is_open = true;
                    }
                    for value in unchanged.drain(..).chain([value]) {
                        optional(value, out);
                        out.push(b',');
                    }
                }
                (false, Some(value)) if is_open && unchanged.len() < BRIDGE => unchanged.push(value),
                _ if is_open => {
                    close(out);
                    out.push(b',');
                    unchanged.clear();
                    is_open = false;
                }
                _ => {}
            }
        }
        if is_open {
            close(out);
        }
    }
}

/// Ends a list, whose elements all end with a comma.
fn close(out: &mut Vec<u8>) {
    if out.last() == Some(&b',') {
        out.pop();
    }
    out.push(b']');
}

fn number(value: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

fn optional(value: Option<u64>, out: &mut Vec<u8>) {
    match value {
        Some(value) => number(value, out),
        None => out.extend_from_slice(b"null"),
    }
}

fn milliseconds(WallTime(us): WallTime, out: &mut Vec<u8>) {
    number(us / 1_000, out);
}

fn text(text: &str, out: &mut Vec<u8>) {
    // Writing to memory does not fail, and text always has a JSON form.
    let _ = serde_json::to_writer(out, text);
}

#[cfg(test)]
mod tests;
