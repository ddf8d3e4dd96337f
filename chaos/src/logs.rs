//! What agents log: when they found out that no exporter takes their samples.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What a line says when an agent has lost its exporter.
const LOST: &str = "no exporter takes the samples";

/// The moments at which the agent of this log has lost its exporter.
pub fn losses(log: &str) -> Vec<SystemTime> {
    log.lines().filter(|line| line.contains(LOST)).filter_map(moment).collect()
}

/// The time at the start of a line: `2026-11-22T15:26:08.123456Z`.
fn moment(line: &str) -> Option<SystemTime> {
    let (date, time) = line.split_whitespace().next()?.strip_suffix('Z')?.split_once('T')?;
    let mut date = date.split('-').map(|part| part.parse::<u64>().ok());
    let days = days_since_epoch(date.next()??, date.next()??, date.next()??)?;
    let (clock, fraction) = time.split_once('.')?;
    let seconds = clock.split(':').try_fold(0, |sum, part| Some(60 * sum + part.parse::<u64>().ok()?))?;
    let fraction: f64 = format!("0.{fraction}").parse().ok()?;
    Some(UNIX_EPOCH + Duration::from_secs(86_400 * days + seconds) + Duration::from_secs_f64(fraction))
}

/// Days from the first of January 1970 to a date of the Gregorian calendar, not before it.
fn days_since_epoch(year: u64, month: u64, day: u64) -> Option<u64> {
    // With March as the first month, the day that some years have more is the last one.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year.checked_sub(1)?, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day;
    days.checked_sub(719_469)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days() {
        for (date, expected) in [
            ((1970, 1, 1), Some(0)),
            ((1969, 12, 31), None),
            ((2000, 2, 29), Some(11_016)),
            ((2000, 3, 1), Some(11_017)),
            ((2026, 11, 22), Some(20_779)),
        ] {
            assert_eq!(days_since_epoch(date.0, date.1, date.2), expected, "{date:?}");
        }
    }

    #[test]
    fn finds_the_moments() {
        let log = "2026-11-22T15:26:08.123456Z  INFO cpumon_agent: an exporter takes the samples\n\
                   2026-11-22T15:26:10.250000Z  WARN cpumon_agent: no exporter takes the samples: it closed\n\
                   no time: no exporter takes the samples\n";
        let expected = UNIX_EPOCH + Duration::from_millis(1_795_361_170_250);
        assert_eq!(losses(log), [expected]);
    }
}
