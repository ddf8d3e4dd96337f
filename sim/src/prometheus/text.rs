//! The text format, read by a small parser of the simulator's own. Numbers stay integers: millionths.

use crate::totals::{GUEST, MARK, MISSED, MODES, PRESSURE, SERIES, SUM, Totals};

/// What a page says of one agent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shown {
    pub(crate) up: Option<bool>,
    /// `my_cpu_percents`, as a ratio in millionths.
    pub(crate) percents: Option<u64>,
    pub(crate) utilization: Option<u64>,
    pub(crate) utilization_max: Option<u64>,
    pub(crate) has_info: bool,
    totals: Totals,
    /// Which of the totals are there, one bit each.
    present: u32,
    count: Option<u64>,
    above: [Option<u64>; 2],
    /// Where the last sample stands among all of the agent's; none if the exporter does not say.
    pub(crate) order: Option<u64>,
    /// A digest of all lines, to compare two pages by.
    pub(crate) digest: u64,
}

const ALL_PRESENT: u32 = (1 << SERIES) - 1;

impl Shown {
    /// The totals: all of them, or none.
    pub(crate) fn totals(&self) -> Result<Option<&Totals>, String> {
        match self.present {
            0 if self.count.is_none() && self.above == [None; 2] => Ok(None),
            ALL_PRESENT => {
                let count = self.totals[SUM - 1];
                // 0.8 is the ninth bound, 0.95 the eleventh.
                let above = [8, 10].map(|bound| Some(count - self.totals[bound]));
                if self.count != Some(count) || self.above != above {
                    return Err(format!("_count is {:?}, above {:?}, of {count}", self.count, self.above));
                }
                Ok(Some(&self.totals))
            }
            present => Err(format!("only some totals are shown: {present:#b}")),
        }
    }

    /// Whether a gauge of the last sample is shown.
    pub(crate) fn has_gauges(&self) -> bool {
        self.percents.is_some()
            || self.utilization.is_some()
            || self.utilization_max.is_some()
            || self.has_info
    }

    fn set(&mut self, series: usize, value: u64) -> Result<(), String> {
        if self.present & (1 << series) != 0 {
            return Err("a series is given twice".to_owned());
        }
        self.present |= 1 << series;
        self.totals[series] = value;
        Ok(())
    }
}

/// After a restart an exporter remembers when an agent was last heard as well as its roster was up to date, and
/// the roster is also written because some other agent came or went. So two pages may differ in this.
const REMEMBERED: &str = "cpumon_agent_last_sample_timestamp_seconds";

/// Reads a page. `agent_of` gives the place of an agent by its name.
pub(crate) fn parse(
    text: &str,
    agents: usize,
    agent_of: impl Fn(&str) -> Option<usize>,
    digests: bool,
) -> Result<Vec<Option<Shown>>, String> {
    let mut page: Vec<Option<Shown>> = vec![None; agents];
    let mut family = "";
    for line in text.lines() {
        if let Some(head) = line.strip_prefix("# ") {
            family = head.split(' ').nth(1).ok_or_else(|| format!("no family in {line:?}"))?;
            continue;
        }
        let series = Series::parse(line).ok_or_else(|| format!("no series: {line:?}"))?;
        if !series.name.starts_with(family) {
            return Err(format!("{line:?} stands under {family}"));
        }
        let agent = agent_of(series.agent).ok_or_else(|| format!("nobody is called so: {line:?}"))?;
        let shown = page[agent].get_or_insert_default();
        if digests && family != REMEMBERED {
            shown.digest = digest(shown.digest, line.as_bytes());
        }
        series.note(shown).map_err(|why| format!("{why}: {line:?}"))?;
    }
    Ok(page)
}

fn digest(mut state: u64, bytes: &[u8]) -> u64 {
    for &byte in bytes {
        state = (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3).rotate_left(5);
    }
    state
}

/// One line: `name{agent="...",key="value",...} number`.
struct Series<'a> {
    name: &'a str,
    agent: &'a str,
    /// The labels after `agent`.
    labels: &'a str,
    number: &'a str,
}

impl<'a> Series<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let (name, rest) = line.split_once('{')?;
        let (labels, number) = rest.rsplit_once("} ")?;
        let (agent, labels) = labels.strip_prefix("agent=\"")?.split_once('"')?;
        Some(Self { name, agent, labels: labels.strip_prefix(',').unwrap_or(labels), number })
    }

    /// The value of the only label beside `agent`.
    fn label(&self, key: &str) -> Result<&'a str, String> {
        let value =
            self.labels.strip_prefix(key).and_then(|rest| rest.strip_prefix("=\"")?.strip_suffix('"'));
        value.ok_or_else(|| format!("no label {key}"))
    }

    fn count(&self) -> Result<u64, String> {
        self.number.parse().map_err(|_| "this is no whole number".to_owned())
    }

    /// In millionths.
    fn value(&self) -> Result<u64, String> {
        millionths(self.number).ok_or_else(|| "this is no number of millionths".to_owned())
    }

    fn note(&self, shown: &mut Shown) -> Result<(), String> {
        match self.name {
            "cpumon_utilization_sample_ratio_bucket" => {
                let le = self.label("le")?;
                let bucket = LE.iter().position(|bound| *bound == le).ok_or("an unknown bound")?;
                shown.set(bucket, self.count()?)?;
            }
            "cpumon_utilization_sample_ratio_sum" => shown.set(SUM, self.value()?)?,
            "cpumon_utilization_sample_ratio_count" => shown.count = Some(self.count()?),
            "cpumon_samples_above_threshold_total" => {
                let place = usize::from(self.label("severity")? == "critical");
                shown.above[place] = Some(self.count()?);
            }
            "cpumon_seconds_total" => shown.set(MODES + self.one_of(&MODE)?, self.value()?)?,
            "cpumon_guest_seconds_total" => shown.set(GUEST + self.one_of(&MODE[..2])?, self.value()?)?,
            "cpumon_agent_missed_samples_total" => shown.set(MISSED, self.count()?)?,
            "cpumon_pressure_waiting_seconds_total" => shown.set(PRESSURE, self.value()?)?,
            "cpumon_context_switches_total" => shown.set(MARK, self.count()?)?,
            "cpumon_agent_up" => shown.up = Some(self.count()? == 1),
            "my_cpu_percents" => shown.percents = Some(self.value()? / 100),
            "cpumon_utilization_ratio" => shown.utilization = Some(self.value()?),
            "cpumon_utilization_max_ratio" => shown.utilization_max = Some(self.value()?),
            "cpumon_agent_info" => shown.has_info = true,
            "cpumon_agent_sample_order" => shown.order = Some(self.count()?),
            _ => drop(self.value()?),
        }
        Ok(())
    }

    fn one_of(&self, modes: &[&str]) -> Result<usize, String> {
        let mode = self.label("mode")?;
        modes.iter().position(|known| *known == mode).ok_or_else(|| "an unknown mode".to_owned())
    }
}

const LE: [&str; 13] =
    ["0.05", "0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "0.9", "0.95", "0.99", "+Inf"];

const MODE: [&str; 8] = ["user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"];

/// A decimal without sign and exponent, in millionths.
fn millionths(number: &str) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| -> Option<u64> {
        text.bytes().try_fold(0u64, |sum, byte| {
            let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
            sum.checked_mul(10)?.checked_add(digit)
        })
    };
    if whole.is_empty() || fraction.len() > 6 {
        return None;
    }
    let missing = 6 - u32::try_from(fraction.len()).ok()?;
    digits(whole)?.checked_mul(1_000_000)?.checked_add(digits(fraction)? * 10u64.pow(missing))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        for (text, expect) in [
            ("0", Some(0)),
            ("12", Some(12_000_000)),
            ("12.5", Some(12_500_000)),
            ("0.000001", Some(1)),
            ("1.0000001", None),
            ("1e3", None),
            ("-1", None),
            ("", None),
            ("NaN", None),
        ] {
            assert_eq!(millionths(text), expect, "{text}");
        }
    }

    #[test]
    fn a_page() {
        let text = "# HELP cpumon_agent_up Whether.\n# TYPE cpumon_agent_up gauge\n\
                    cpumon_agent_up{agent=\"a\"} 1\ncpumon_agent_up{agent=\"b\"} 0\n";
        let agent_of = |name: &str| ["a", "b", "c"].iter().position(|known| *known == name);
        let page = parse(text, 3, agent_of, false).unwrap();
        let up: Vec<_> = page.iter().map(|shown| shown.as_ref().and_then(|shown| shown.up)).collect();
        assert_eq!(up, [Some(true), Some(false), None]);
        assert!(parse("cpumon_agent_up{agent=\"d\"} 1", 3, agent_of, false).is_err(), "nobody's");
        assert!(parse("# TYPE x gauge\ny{agent=\"a\"} 1", 3, agent_of, false).is_err(), "another family");
    }
}
