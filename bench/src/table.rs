//! The table that a run of the benchmarks ends with.

use std::fmt;

use crate::stats::Runs;

/// What a figure is to stay below.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    /// A figure of its own.
    AtMost(f64),
    /// A figure of its own, in every run.
    Never(f64),
    /// A multiple of the figure beside it.
    TimesBeside(f64),
}

/// A line: what was measured, in several runs, and what it is to be held against.
#[derive(Clone, Debug)]
pub struct Row {
    what: String,
    unit: &'static str,
    ours: Runs,
    beside: Option<(&'static str, Runs)>,
    target: Option<Target>,
}

impl Row {
    /// A figure of ours; a count has no unit.
    pub fn new(what: impl Into<String>, unit: &'static str, ours: Runs) -> Self {
        Self { what: what.into(), unit, ours, beside: None, target: None }
    }

    /// Measured beside it, run by run.
    #[must_use]
    pub fn beside(mut self, what: &'static str, runs: Runs) -> Self {
        self.beside = Some((what, runs));
        self
    }

    /// What it is to stay below.
    #[must_use]
    pub fn target(mut self, target: Target) -> Self {
        self.target = Some(target);
        self
    }

    fn verdict(&self) -> String {
        let (bound, is_met) = match self.target {
            None => return String::new(),
            Some(Target::AtMost(most)) => (format!("at most {most}"), self.ours.median() <= most),
            Some(Target::Never(most)) => (format!("never above {most}"), self.ours.highest() <= most),
            Some(Target::TimesBeside(most)) => {
                let ratio = self.beside.as_ref().map(|(_, beside)| self.ours.over(beside).median());
                (format!("at most {most}x"), ratio.is_some_and(|ratio| ratio <= most))
            }
        };
        format!("{bound}: {}", if is_met { "met" } else { "MISSED" })
    }

    fn cells(&self) -> [String; 6] {
        let (beside, ratio) = match &self.beside {
            None => (String::new(), String::new()),
            Some((what, runs)) => (format!("{runs} {what}"), format!("{}x", self.ours.over(runs))),
        };
        let unit = if self.unit.is_empty() { String::new() } else { format!(", {}", self.unit) };
        let what = format!("{}{unit}", self.what);
        [what, self.ours.to_string(), beside, ratio, self.verdict(), self.ours.len().to_string()]
    }
}

/// Rows under one heading, as a table in Markdown.
#[derive(Clone, Debug, Default)]
pub struct Table {
    rows: Vec<[String; 6]>,
}

impl Table {
    /// Adds a line.
    pub fn push(&mut self, row: &Row) {
        self.rows.push(row.cells());
    }

    /// Adds a line that says why something was not measured.
    pub fn not_measured(&mut self, what: &str, why: &str) {
        let mut cells = [const { String::new() }; 6];
        let [first, second, ..] = &mut cells;
        (*first, *second) = (what.to_owned(), format!("not measured: {why}"));
        self.rows.push(cells);
    }
}

const HEADINGS: [&str; 6] =
    ["what", "cpumon: median (spread)", "beside it", "ratio within a run", "target", "runs"];

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headings = HEADINGS.map(str::to_owned);
        let all = || std::iter::once(&headings).chain(&self.rows);
        let widths: Vec<usize> = (0..HEADINGS.len())
            .map(|column| all().filter_map(|row| row.get(column)).map(|cell| cell.len()).max().unwrap_or(0))
            .collect();
        for (number, row) in all().enumerate() {
            write!(f, "|")?;
            for (cell, &width) in row.iter().zip(&widths) {
                write!(f, " {cell:width$} |")?;
            }
            writeln!(f)?;
            if number == 0 {
                let rule: Vec<String> = widths.iter().map(|&width| "-".repeat(width + 2)).collect();
                writeln!(f, "|{}|", rule.join("|"))?;
            }
        }
        Ok(())
    }
}
