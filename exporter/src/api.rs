//! `/api/agents`: the fleet as JSON, for scripts and the page. In base units; what is not known, or not true any
//! more, is left out.

mod detail;

use std::sync::Arc;

use cpumon_protocol::model::{Millionths, Moment, Ratio, Sample};
use serde::Serialize;

use crate::fleet::{AgentView, Info, SharedFleet};
use crate::http::{Document, Step};
use crate::ingest::Desk;
use detail::Detail;

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

/// How many agents are told of at a time.
const AT_ONCE: usize = 512;

/// The fleet as of one moment, by name, for `/api/agents`.
pub(crate) struct Agents {
    desk: Arc<Desk>,
    now: Moment,
    /// The place in the fleet that is looked at next.
    next: Option<usize>,
    agents: Vec<Agent>,
    /// How many of them were told of; none before the first.
    told: Option<usize>,
}

impl Agents {
    /// As of `now`.
    pub(crate) fn new(desk: Arc<Desk>, now: Moment) -> Self {
        Self { desk, now, next: Some(0), agents: Vec::new(), told: None }
    }

    /// Looks at some agents; false when there were no more.
    fn look(&mut self) -> bool {
        let Some(from) = self.next else { return false };
        let agents = &mut self.agents;
        self.next = self.desk.fleet.show_some(from, self.now, |view| agents.push(Agent::of(view)));
        if self.next.is_none() {
            self.agents.sort_unstable_by(|one, other| one.agent.cmp(&other.agent));
        }
        true
    }
}

impl Document for Agents {
    fn next(&mut self) -> Step {
        if self.look() {
            return Step::Nothing;
        }
        let told = self.told.unwrap_or(0);
        if self.told.is_some() && told >= self.agents.len() {
            return Step::End;
        }
        let mut part = if self.told.is_none() { b"{\"agents\":[".to_vec() } else { Vec::new() };
        let some = self.agents.get(told..).unwrap_or_default();
        let some = some.get(..AT_ONCE).unwrap_or(some);
        for (number, agent) in some.iter().enumerate() {
            if told + number > 0 {
                part.push(b',');
            }
            part.extend(json(agent));
        }
        let told = told + some.len();
        if told >= self.agents.len() {
            part.extend_from_slice(b"]}");
        }
        self.told = Some(told);
        Step::Part(part.into())
    }
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
