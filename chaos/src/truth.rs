//! The truth as a file, for whoever wants to look into a run: a line for each time that an agent has read its
//! `/proc/stat`, with its totals from then on.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::Instant;

use crate::history::{History, Reading, Weight};
use crate::machine::MODES;
use crate::shown::agent_name;
use crate::world::World;

/// Writes everything that agents have read so far as comma-separated values to the file at `path`. Times are in
/// seconds since `start`, the sum of samples in millionths, CPU time in microseconds; the histogram's columns are
/// empty where nothing has shown it.
///
/// # Errors
///
/// When the file cannot be written.
pub fn write(world: &World, start: Instant, path: &Path) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    writeln!(file, "agent,seconds,histogram,utilization,is_sample,samples,sum,{}", MODES.join(","))?;
    for (agent, history) in world.histories.iter().enumerate() {
        for reading in history.readings() {
            let line = line(history, reading);
            let seconds = reading.at.saturating_duration_since(start).as_secs_f64();
            writeln!(file, "{},{seconds:.3},{line}", agent_name(agent))?;
        }
    }
    file.flush()
}

fn line(history: &History, reading: &Reading) -> String {
    let is_sample = match reading.weight {
        Weight::Counted => "yes",
        Weight::Missed => "no",
        Weight::Unsure { .. } => "unsure",
    };
    let utilization = reading.utilization.map(|ppm| ppm.to_string()).unwrap_or_default();
    let after = reading.after.map(|after| format!("{},{}", after.count(), after.sum));
    let after = after.unwrap_or_else(|| ",".to_owned());
    let cpu = history.cpu(reading).map(|time| time.to_string()).join(",");
    format!("{},{utilization},{is_sample},{after},{cpu}", reading.account)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::stage::Stage;

    #[test]
    fn a_line_for_each_reading() {
        let directory = tempfile::tempdir().unwrap();
        let mut world = World::new(Stage::new(directory.path()).unwrap(), 1).unwrap();
        let start = Instant::now();
        let history = &mut world.histories[0];
        for (second, busy) in [(1, 4), (2, 7)] {
            let version = history.machine_is_at([busy, 0, 0, busy, 0, 0, 0, 0]);
            history.has_read(version, start + Duration::from_secs(second));
        }
        let path = directory.path().join("truth.csv");
        write(&world, start, &path).unwrap();
        let text = std::fs::read_to_string(path).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0].split(',').count(), lines[1].split(',').count());
        assert_eq!(lines[1], "agent-1,1.000,0,,no,,,4,0,0,4,0,0,0,0");
        assert_eq!(lines[2], "agent-1,2.000,0,500000,yes,,,7,0,0,7,0,0,0,0");
        assert_eq!(lines.len(), 3);
    }
}
