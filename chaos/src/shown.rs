//! What is shown of an agent, put together from series: those of the exporter's page, or of Prometheus.

use crate::distribution::{BOUNDS, Distribution};
use crate::fault::AGENTS;
use crate::history::Totals;
use crate::machine::MODES;

/// The name of the agent of this number.
pub fn agent_name(index: usize) -> String {
    format!("agent-{}", index + 1)
}

/// The number of the agent of this name.
pub fn agent_of_name(name: &str) -> Option<usize> {
    (0..AGENTS).find(|&index| agent_name(index) == name)
}

/// A value with up to six decimals as a whole number of millionths. Exact up to 9,000,000,000.
pub fn millionths(value: f64) -> Option<u64> {
    let scaled = (value * 1e6).round();
    (0.0..9e15).contains(&scaled).then_some(scaled as u64)
}

/// Totals of one agent at one moment, as far as their series have come by.
#[derive(Clone, Copy, Debug, Default)]
pub struct Gathered {
    cpu: [Option<u64>; MODES.len()],
    at_most: [Option<u64>; BOUNDS.len() + 1],
    count: Option<u64>,
    sum: Option<u64>,
}

/// Why series do not make totals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Incoherent {
    /// Some are there, others not.
    #[error("only some of an agent's totals are shown")]
    Partial,
    /// They contradict each other.
    #[error("the histogram's count is not its last bucket")]
    Contradiction,
}

impl Gathered {
    /// Takes in a series of this name; `label` gives a label's value. Series of other names are ignored.
    pub fn take<'l>(&mut self, name: &str, label: impl Fn(&str) -> Option<&'l str>, value: f64) {
        let place = match name {
            "cpumon_seconds_total" => label("mode")
                .and_then(|mode| MODES.iter().position(|known| *known == mode))
                .map(|mode| &mut self.cpu[mode]),
            "cpumon_utilization_sample_ratio_bucket" => {
                label("le").and_then(bucket).map(|bucket| &mut self.at_most[bucket])
            }
            "cpumon_utilization_sample_ratio_count" => Some(&mut self.count),
            "cpumon_utilization_sample_ratio_sum" => Some(&mut self.sum),
            _ => None,
        };
        let is_count = name.ends_with("_bucket") || name.ends_with("_count");
        if let Some(place) = place {
            *place = if is_count { Some(value as u64) } else { millionths(value) };
        }
    }

    /// The totals, if any are shown.
    ///
    /// # Errors
    ///
    /// When they are not whole.
    pub fn totals(&self) -> Result<Option<Totals>, Incoherent> {
        let all = self.cpu.iter().chain(&self.at_most).chain([&self.count, &self.sum]);
        let missing = all.clone().filter(|value| value.is_none()).count();
        if missing == all.count() {
            return Ok(None);
        }
        if missing > 0 {
            return Err(Incoherent::Partial);
        }
        let samples = Distribution {
            at_most: self.at_most.map(Option::unwrap_or_default),
            sum: self.sum.unwrap_or_default(),
        };
        if Some(samples.count()) != self.count {
            return Err(Incoherent::Contradiction);
        }
        Ok(Some(Totals { cpu: self.cpu.map(Option::unwrap_or_default), samples }))
    }
}

/// The bucket of this upper bound.
fn bucket(bound: &str) -> Option<usize> {
    if bound == "+Inf" {
        return Some(BOUNDS.len());
    }
    let bound = millionths(bound.parse().ok()?)?;
    BOUNDS.iter().position(|known| *known == bound)
}
