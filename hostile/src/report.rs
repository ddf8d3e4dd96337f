//! The table.

use std::fmt;
use std::time::Duration;

use crate::runner::Row;

/// All that was run.
#[derive(Clone, Debug, Default)]
pub struct Report(pub Vec<Row>);

impl Report {
    /// Whether everything was as it had to be.
    pub fn is_passed(&self) -> bool {
        self.0.iter().all(Row::is_passed)
    }
}

impl fmt::Display for Report {
    /// The table, in Markdown, and below it what had to be so in each case; what was not so comes last, where it is
    /// seen first.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "| case | | tried | refused or cut | honest samples lost | ack p99 | longest scrape | memory grown | descriptors back | took | |"
        )?;
        writeln!(f, "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---|")?;
        for row in &self.0 {
            writeln!(
                f,
                "| {} | {} | {} | {} | {} | {} | {} | {:.1} MiB | {} | {:.0} s | {} |",
                row.case.id,
                row.case.title,
                row.outcome.tried,
                row.refused,
                row.honest_lost,
                ms(row.ack_p99),
                ms(row.scrape_max),
                row.memory_grown as f64 / f64::from(1 << 20),
                row.descriptors_back.map_or_else(|| "never".to_owned(), ms),
                row.took.as_secs_f64(),
                if row.is_passed() { "passed" } else { "**MISSED**" },
            )?;
        }
        writeln!(f)?;
        for row in self.0.iter().filter(|row| row.untracked > 0) {
            writeln!(
                f,
                "{}: this machine followed more connections than it may and dropped {} packets, which is not the exporter's doing; \
                 wait two minutes, or raise net.netfilter.nf_conntrack_max",
                row.case.id, row.untracked
            )?;
        }
        for is_met in [true, false] {
            let sign = if is_met { ' ' } else { '!' };
            for row in &self.0 {
                for mark in row.outcome.marks.iter().filter(|mark| mark.is_met == is_met) {
                    writeln!(
                        f,
                        "{sign} {:4} {}: {} (has to be {})",
                        row.case.id, mark.what, mark.found, mark.wanted
                    )?;
                }
            }
        }
        Ok(())
    }
}

fn ms(duration: Duration) -> String {
    format!("{} ms", duration.as_millis())
}
