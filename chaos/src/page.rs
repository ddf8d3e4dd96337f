//! The exporter's `/metrics`, as far as it is about agents.

use crate::fault::AGENTS;
use crate::history::Totals;
use crate::shown::{Gathered, Incoherent, agent_of_name, millionths};

/// What the page shows of one agent.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Shown {
    /// `cpumon_agent_up`.
    pub up: Option<bool>,
    /// `cpumon_utilization_ratio`, in millionths.
    pub utilization: Option<u64>,
    /// Its totals.
    pub totals: Option<Totals>,
    /// Ends of its connections, of all reasons.
    pub disconnects: u64,
}

/// The whole page.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// What is shown of each agent.
    pub agents: [Result<Shown, Incoherent>; AGENTS],
    /// `cpumon_exporter_connections`.
    pub connections: Option<u64>,
}

impl Page {
    /// Reads the text format, in the form that Prometheus and the exporter's own tests have found in order.
    pub fn read(text: &str) -> Self {
        let mut shown = [(); AGENTS].map(|()| (Shown::default(), Gathered::default()));
        let mut connections = None;
        for series in text.lines().filter_map(Series::read) {
            if series.name == "cpumon_exporter_connections" {
                connections = Some(series.value as u64);
            }
            let Some(agent) = series.label("agent").and_then(agent_of_name) else { continue };
            let (shown, gathered) = &mut shown[agent];
            match series.name {
                "cpumon_agent_up" => shown.up = Some(series.value == 1.0),
                "cpumon_utilization_ratio" => shown.utilization = millionths(series.value),
                "cpumon_agent_disconnects_total" => shown.disconnects += series.value as u64,
                name => gathered.take(name, |label| series.label(label), series.value),
            }
        }
        let agents = shown.map(|(shown, gathered)| {
            let totals = gathered.totals()?;
            Ok(Shown { totals, ..shown })
        });
        Self { agents, connections }
    }
}

/// One line with a value.
struct Series<'a> {
    name: &'a str,
    labels: &'a str,
    value: f64,
}

impl<'a> Series<'a> {
    fn read(line: &'a str) -> Option<Self> {
        if line.starts_with('#') {
            return None;
        }
        let (series, value) = line.rsplit_once(' ')?;
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        Some(Self { name, labels: labels.trim_end_matches('}'), value: value.parse().ok()? })
    }

    /// A label's value. Those that are asked for have no quotation marks and no commas in them.
    fn label(&self, name: &str) -> Option<&'a str> {
        self.labels.split(',').find_map(|label| {
            let (known, value) = label.split_once('=')?;
            (known == name).then(|| value.trim_matches('"'))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distribution::{BOUNDS, Distribution};
    use crate::machine::MODES;

    fn page(extra: &str, without: &str) -> String {
        let mut lines = vec![
            "# HELP cpumon_agent_up {agent=\"agent-1\"} 7".to_owned(),
            "cpumon_exporter_connections 3".to_owned(),
            "cpumon_agent_up{agent=\"agent-1\"} 1".to_owned(),
            "cpumon_agent_up{agent=\"agent-2\"} 0".to_owned(),
            "cpumon_agent_up{agent=\"somebody\"} 1".to_owned(),
            "cpumon_utilization_ratio{agent=\"agent-1\"} 0.123456".to_owned(),
            "cpumon_agent_disconnects_total{agent=\"agent-1\",reason=\"eof\"} 2".to_owned(),
            "cpumon_agent_disconnects_total{agent=\"agent-1\",reason=\"bye\"} 1".to_owned(),
            "cpumon_utilization_sample_ratio_bucket{agent=\"agent-1\",le=\"+Inf\"} 2".to_owned(),
            "cpumon_utilization_sample_ratio_sum{agent=\"agent-1\"} 1.25".to_owned(),
            "cpumon_utilization_sample_ratio_count{agent=\"agent-1\"} 2".to_owned(),
        ];
        for (number, mode) in MODES.into_iter().enumerate() {
            lines.push(format!("cpumon_seconds_total{{agent=\"agent-1\",mode=\"{mode}\"}} {number}.000001"));
        }
        for bound in BOUNDS {
            let (le, count) = (bound as f64 / 1e6, u8::from(bound >= 300_000));
            lines.push(format!(
                "cpumon_utilization_sample_ratio_bucket{{agent=\"agent-1\",le=\"{le}\"}} {count}"
            ));
        }
        lines.retain(|line| without.is_empty() || !line.contains(without));
        lines.push(extra.to_owned());
        lines.join("\n")
    }

    #[test]
    fn reads_what_is_shown() {
        let page = Page::read(&page("", ""));
        let samples = Distribution { at_most: [0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2], sum: 1_250_000 };
        let cpu = std::array::from_fn(|number| 1_000_000 * number as u64 + 1);
        let expected = Shown {
            up: Some(true),
            utilization: Some(123_456),
            totals: Some(Totals { cpu, samples }),
            disconnects: 3,
        };
        assert_eq!(page.agents[0], Ok(expected));
        assert_eq!(page.agents[1], Ok(Shown { up: Some(false), ..Shown::default() }));
        assert_eq!(page.agents[2], Ok(Shown::default()));
        assert_eq!(page.connections, Some(3));
    }

    #[test]
    fn half_of_an_agent_is_not_taken_for_one() {
        for without in ["mode=\"steal\"", "le=\"0.05\"", "ratio_sum", "ratio_count"] {
            assert_eq!(Page::read(&page("", without)).agents[0], Err(Incoherent::Partial), "{without}");
        }
        let other_count = "cpumon_utilization_sample_ratio_count{agent=\"agent-1\"} 3";
        assert_eq!(Page::read(&page(other_count, "")).agents[0], Err(Incoherent::Contradiction));
    }
}
