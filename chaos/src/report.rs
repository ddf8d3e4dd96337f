//! The report: what was done, what became of every sample, what was not true, how long things took.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

use crate::fault::Kind;
use crate::shown::agent_name;
use crate::tally::Tally;
use crate::world::Violation;

/// How many violations are printed.
const PRINTED_MAX: usize = 40;

/// Times that something took, and how long it should take at most.
#[derive(Clone, Debug, Default)]
pub struct Times {
    /// Each of them, the shortest first.
    sorted: Vec<Duration>,
}

impl Times {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.sorted.len()
    }

    /// The median, as half of them are at or below it.
    pub fn median(&self) -> Option<Duration> {
        self.sorted.get(self.sorted.len().checked_sub(1)? / 2).copied()
    }

    /// The longest.
    pub fn longest(&self) -> Option<Duration> {
        self.sorted.last().copied()
    }

    fn json(&self) -> Value {
        let seconds = |time: Option<Duration>| time.map(|time| round(time.as_secs_f64()));
        json!({"count": self.count(), "median": seconds(self.median()), "max": seconds(self.longest())})
    }
}

impl FromIterator<Duration> for Times {
    fn from_iter<I: IntoIterator<Item = Duration>>(times: I) -> Self {
        let mut sorted: Vec<Duration> = times.into_iter().collect();
        sorted.sort_unstable();
        Self { sorted }
    }
}

/// What a run came to.
#[derive(Clone, Debug)]
pub struct Report {
    /// The plan's seed.
    pub seed: u64,
    /// How long it took, from the first fault to the last.
    pub length: Duration,
    /// Faults by kind.
    pub faults: BTreeMap<Kind, usize>,
    /// How many of them began while another one went on.
    pub overlapping: usize,
    /// Looks at the exporter's page.
    pub pages: u64,
    /// Scrapes of the exporter that succeeded.
    pub scrapes: usize,
    /// By agent.
    pub tallies: Vec<Tally>,
    /// Agents that keep their histogram are the first ones, so many.
    pub keepers: usize,
    /// From a fault's end to the first new sample, by the fault's kind.
    pub recoveries: BTreeMap<Kind, Times>,
    /// Recoveries that another fault cut short.
    pub recoveries_cut_short: usize,
    /// The oldest gauge that was shown, and the oldest of a dead agent.
    pub oldest_gauge: (Duration, Duration),
    /// From an agent's fault to the end of its half-open connection.
    pub freed: Times,
    /// From a fault to the agent's notice that no exporter takes its samples.
    pub noticed: Times,
    /// What must not be.
    pub violations: Vec<Violation>,
}

impl Report {
    /// All agents' samples together.
    pub fn total(&self) -> Tally {
        let mut total = Tally::default();
        self.tallies.iter().for_each(|tally| total += *tally);
        total
    }

    fn all_recoveries(&self) -> Times {
        self.recoveries.values().flat_map(|times| times.sorted.iter().copied()).collect()
    }

    /// The whole of it on one line.
    pub fn json(&self) -> Value {
        let faults: BTreeMap<&str, usize> =
            self.faults.iter().map(|(kind, count)| (kind.label(), *count)).collect();
        let recoveries: BTreeMap<&str, Value> =
            self.recoveries.iter().map(|(kind, times)| (kind.label(), times.json())).collect();
        let Tally { made, counted, unacknowledged, died_with_exporter, unscraped, hidden } = self.total();
        json!({
            "seed": self.seed,
            "seconds": round(self.length.as_secs_f64()),
            "faults": self.faults.values().sum::<usize>(),
            "faults_by_kind": faults,
            "overlapping": self.overlapping,
            "pages": self.pages,
            "scrapes": self.scrapes,
            "samples": {
                "made": made,
                "counted": counted,
                "lost": {
                    "unacknowledged": unacknowledged,
                    "exporter_died_too": died_with_exporter,
                    "unscraped": unscraped,
                    "hidden_restart": hidden,
                },
            },
            "recovery_s": self.all_recoveries().json(),
            "recovery_by_kind_s": recoveries,
            "recoveries_cut_short": self.recoveries_cut_short,
            "oldest_gauge_s": round(self.oldest_gauge.0.as_secs_f64()),
            "oldest_dead_gauge_s": round(self.oldest_gauge.1.as_secs_f64()),
            "half_open_freed_s": self.freed.json(),
            "agent_noticed_s": self.noticed.json(),
            "violations": self.violations.len(),
        })
    }

    fn write_samples(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = ["made", "counted", "lost", "unacked", "exporter died", "unscraped", "hidden restart"];
        write_row(f, "samples", &columns)?;
        let rows = self.tallies.iter().enumerate().map(|(agent, tally)| {
            let keeps = if agent < self.keepers { " (keeps state)" } else { "" };
            (agent_name(agent) + keeps, *tally)
        });
        for (name, tally) in rows.chain([("all".to_owned(), self.total())]) {
            let Tally { made, counted, unacknowledged, died_with_exporter, unscraped, hidden } = tally;
            let cells = [made, counted, tally.lost(), unacknowledged, died_with_exporter, unscraped, hidden];
            write_row(f, &name, &cells)?;
        }
        Ok(())
    }

    fn write_faults(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_row(f, "faults", &["count", "back after:", "median", "max"])?;
        let none = Times::default();
        let kinds = self
            .faults
            .iter()
            .map(|(kind, count)| (kind.label(), *count, self.recoveries.get(kind).unwrap_or(&none).clone()));
        for (name, count, times) in kinds.chain([("all", self.faults.values().sum(), self.all_recoveries())])
        {
            let (seen, median, longest) = (times.count(), shown(times.median()), shown(times.longest()));
            write_row(f, name, &[count.to_string(), seen.to_string(), median, longest])?;
        }
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults: usize = self.faults.values().sum();
        writeln!(
            f,
            "seed {}: {faults} faults in {:.0} s, {} of them begun during another; {} scrapes, {} looks\n",
            self.seed,
            self.length.as_secs_f64(),
            self.overlapping,
            self.scrapes,
            self.pages,
        )?;
        self.write_samples(f)?;
        writeln!(f)?;
        self.write_faults(f)?;
        writeln!(f, "(another fault came before the agent was back: {})\n", self.recoveries_cut_short)?;
        let (oldest, oldest_dead) = self.oldest_gauge;
        let (freed, noticed) = (&self.freed, &self.noticed);
        writeln!(f, "oldest gauge shown                        {:>8}", shown(Some(oldest)))?;
        writeln!(f, "oldest gauge shown of a dead agent        {:>8}", shown(Some(oldest_dead)))?;
        writeln!(
            f,
            "half-open connection freed (n = {:<3}), max {:>8}",
            freed.count(),
            shown(freed.longest())
        )?;
        writeln!(
            f,
            "agent noticed dead exporter (n = {:<3}), max{:>8}",
            noticed.count(),
            shown(noticed.longest())
        )?;
        writeln!(f, "\nviolations: {}", self.violations.len())?;
        for Violation { of, what } in self.violations.iter().take(PRINTED_MAX) {
            writeln!(f, "  {of}: {what}")?;
        }
        writeln!(f, "\n{}", self.json())
    }
}

fn write_row<C: fmt::Display>(f: &mut fmt::Formatter<'_>, name: &str, cells: &[C]) -> fmt::Result {
    write!(f, "{name:<26}")?;
    cells.iter().try_for_each(|cell| write!(f, "{cell:>15}"))?;
    writeln!(f)
}

fn shown(time: Option<Duration>) -> String {
    time.map_or_else(|| "-".to_owned(), |time| format!("{:.2} s", time.as_secs_f64()))
}

fn round(seconds: f64) -> f64 {
    (seconds * 1_000.0).round() / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_and_longest() {
        let times = |seconds: &[u64]| seconds.iter().map(|&seconds| Duration::from_secs(seconds)).collect();
        for (seconds, median, longest) in [
            (&[][..], None, None),
            (&[3], Some(3), Some(3)),
            (&[4, 1], Some(1), Some(4)),
            (&[9, 1, 5], Some(5), Some(9)),
        ] {
            let times: Times = times(seconds);
            assert_eq!(times.median(), median.map(Duration::from_secs), "{seconds:?}");
            assert_eq!(times.longest(), longest.map(Duration::from_secs), "{seconds:?}");
        }
    }

    #[test]
    fn the_last_line_is_the_whole_report() {
        let tally =
            |made, counted, unacknowledged| Tally { made, counted, unacknowledged, ..Tally::default() };
        let report = Report {
            seed: 7,
            length: Duration::from_millis(1_500),
            faults: BTreeMap::from([(Kind::Kill, 2), (Kind::Pause, 1)]),
            overlapping: 1,
            pages: 9,
            scrapes: 3,
            tallies: vec![tally(20, 20, 0), tally(30, 28, 2)],
            keepers: 1,
            recoveries: BTreeMap::from([(Kind::Kill, Times::from_iter([Duration::from_millis(750)]))]),
            recoveries_cut_short: 0,
            oldest_gauge: (Duration::from_secs(4), Duration::from_secs(3)),
            freed: Times::default(),
            noticed: Times::default(),
            violations: vec![Violation { of: "exporter".to_owned(), what: "it lies".to_owned() }],
        };
        let text = report.to_string();
        let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
        assert_eq!(last["faults"], 3);
        assert_eq!(last["samples"]["made"], 50);
        assert_eq!(last["samples"]["lost"]["unacknowledged"], 2);
        assert_eq!(last["recovery_s"], json!({"count": 1, "median": 0.75, "max": 0.75}));
        assert_eq!(last["violations"], 1);
        assert!(text.contains("  exporter: it lies\n"), "{text}");
    }
}
