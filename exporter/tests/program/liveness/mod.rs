//! Who is there and who is not: ends, silence, names, limits, restarts of the exporter.

mod ends;
mod limits;
mod names;
mod roster;

use crate::support::Exposition;

/// What is shown of an agent.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Shown {
    up: Option<bool>,
    /// Whether its gauges are there.
    gauges: bool,
    /// Whether its totals are there.
    totals: bool,
    /// Whether it says when the agent was last heard.
    heard: bool,
}

/// While samples arrive.
const ALIVE: Shown = Shown { up: Some(true), gauges: true, totals: true, heard: true };
/// Shortly after a death.
const DYING: Shown = Shown { up: Some(false), gauges: false, totals: true, heard: true };
/// Until forgotten.
const DEAD: Shown = Shown { up: Some(false), gauges: false, totals: false, heard: true };
/// Shortly after a farewell.
const LEAVING: Shown = Shown { up: None, gauges: false, totals: true, heard: false };
/// When nothing is known.
const GONE: Shown = Shown { up: None, gauges: false, totals: false, heard: false };

/// What a page shows of an agent. Gauges go together, and so do totals.
fn shown(metrics: &Exposition, agent: &str) -> Shown {
    let value = |family: &str| metrics.value(&format!("{family}{{agent={agent:?}}}"));
    let all_or_none = |families: &[&str]| {
        let there = families.iter().filter(|family| value(family).is_some()).count();
        assert!(there == 0 || there == families.len(), "some of {families:?} are there without the others");
        there > 0
    };
    let up = value("cpumon_agent_up").map(|up| up == 1.0);
    let totals =
        all_or_none(&["cpumon_utilization_sample_ratio_count", "cpumon_utilization_sample_ratio_sum"]);
    let is_known = value("cpumon_agent_connections_total").is_some();
    assert_eq!(is_known, up.is_some() || totals, "what this exporter counts goes with the agent");
    Shown {
        up,
        gauges: all_or_none(&["my_cpu_percents", "cpumon_utilization_ratio", "cpumon_agent_info"]),
        totals,
        heard: all_or_none(&["cpumon_agent_last_sample_timestamp_seconds"]),
    }
}
