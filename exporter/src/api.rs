//! `/api/agents`: the fleet as JSON, for scripts and the page. In base units; what is not known, or not true any
//! more, is left out.

mod detail;

use cpumon_protocol::model::{Millionths, Moment, Ratio, Sample};
use serde::Serialize;

use crate::fleet::{AgentView, Info, SharedFleet};
use detail::Detail;

#[derive(Serialize)]
struct Document {
    agents: Vec<Agent>,
}

/// One agent in the list of all.
#[derive(Serialize)]
struct Agent {
    agent: String,
    /// Left out when the agent has left in peace.
    #[serde(skip_serializing_if = "Option::is_none")]
    up: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds_since_last_sample: Option<f64>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    present: Option<Present>,
}

/// What is known while the agent is up.
#[derive(Serialize)]
struct Present {
    client: &'static str,
    endpoint: String,
    utilization_ratio: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    utilization_max_ratio: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hottest_core_ratio: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logical_cpus: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    load: Option<[f64; 3]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hostname: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
}

/// The fleet as of `now`, by name.
pub(crate) fn agents(fleet: &SharedFleet, now: Moment) -> Vec<u8> {
    let mut agents = Vec::new();
    fleet.show_all(now, |view| agents.push(Agent::of(view)));
    agents.sort_by(|one, other| one.agent.cmp(&other.agent));
    json(&Document { agents })
}

/// All that is known at `now` of the agent called `name`. Whoever asks looks at it: the next answers have its cores too.
pub(crate) fn agent(fleet: &SharedFleet, name: &str, now: Moment) -> Option<Vec<u8>> {
    let mut fleet = fleet.write();
    fleet.look(name, now, None);
    let detail = fleet.show(name, now, |view| Detail::of(&view))?;
    drop(fleet);
    Some(json(&detail))
}

fn json(value: &impl Serialize) -> Vec<u8> {
    // A structure with text for keys always has a JSON form.
    serde_json::to_vec(value).unwrap_or_default()
}

impl Agent {
    fn of(view: &AgentView<'_>) -> Self {
        Self {
            agent: view.name().to_owned(),
            up: view.up(),
            seconds_since_last_sample: view.silence().map(|silence| silence.0 as f64 / 1e6),
            present: view.gauges().zip(view.info()).map(|(sample, info)| Present::of(sample, info)),
        }
    }
}

impl Present {
    fn of(sample: &Sample, info: &Info) -> Self {
        Self {
            client: info.client.label(),
            endpoint: info.endpoint.to_string(),
            utilization_ratio: ratio(sample.utilization),
            utilization_max_ratio: sample.utilization_max.map(ratio),
            hottest_core_ratio: sample.hottest_core.map(ratio),
            logical_cpus: sample.logical_cpus,
            load: sample.load.map(|load| load.map(fraction)),
            hostname: info.facts.hostname.as_deref().map(str::to_owned),
            version: info.facts.version.as_deref().map(str::to_owned),
        }
    }
}

fn ratio(ratio: Ratio) -> f64 {
    fraction(ratio.into())
}

fn fraction(Millionths(millionths): Millionths) -> f64 {
    millionths as f64 / 1e6
}
