//! One agent as JSON: everything that is known of it.

use std::collections::BTreeMap;

use cpumon_protocol::model::{Cgroup, CoreTimes, CpuTimes, HostFacts, Micros, Mode, Sample, TopProcess};
use serde::{Serialize, Serializer};

use super::{Agent, fraction, ratio};
use crate::fleet::{AgentView, End, Info};

/// One agent.
#[derive(Serialize)]
pub(super) struct Detail {
    #[serde(flatten)]
    agent: Agent,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    gauges: Option<Gauges>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    totals: Option<Totals>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connections_total: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    disconnects_total: Option<BTreeMap<&'static str, u64>>,
}

/// What is known while it is up, beside what the list of all has.
#[derive(Serialize)]
struct Gauges {
    #[serde(skip_serializing_if = "Option::is_none")]
    os: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kernel: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    arch: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cpu_model: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    labels: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_time_seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    procs_running: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rtt_seconds: Option<f64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    top_processes: Vec<Process>,
}

/// All processes of one command.
#[derive(Serialize)]
struct Process {
    comm: String,
    cores: f64,
}

/// Running totals: what they grow by is what happened in between.
#[derive(Serialize)]
struct Totals {
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds_total: Option<ByMode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    context_switches_total: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pressure_waiting_seconds_total: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    missed_samples_total: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    skipped_frames_total: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cgroup: Option<Group>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cores: Vec<Core>,
}

/// One core.
#[derive(Serialize)]
struct Core {
    core: u32,
    seconds_total: ByMode,
}

/// CPU time in seconds, by mode.
struct ByMode(CpuTimes);

impl Serialize for ByMode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(Mode::ALL.iter().map(|&mode| (mode.label(), seconds(self.0.get(mode)))))
    }
}

/// The agent's own control group.
#[derive(Serialize)]
struct Group {
    #[serde(skip_serializing_if = "Option::is_none")]
    utilization_ratio: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit_cpus: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage_seconds_total: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    throttled_seconds_total: Option<f64>,
}

impl Detail {
    pub(super) fn of(view: &AgentView<'_>) -> Self {
        let disconnects =
            |counts: &[u64; End::ALL.len()]| End::ALL.iter().map(|end| end.label()).zip(*counts).collect();
        Self {
            agent: Agent::of(view),
            gauges: view.gauges().zip(view.info()).map(|(sample, info)| Gauges::of(sample, info)),
            totals: view.totals().map(|sample| Totals::of(sample, view)),
            connections_total: view.connections(),
            disconnects_total: view.disconnects().map(disconnects),
        }
    }
}

impl Gauges {
    fn of(sample: &Sample, info: &Info) -> Self {
        let text = |text: &Option<Box<str>>| text.as_deref().map(str::to_owned);
        let HostFacts { os, kernel, arch, cpu_model, .. } = &info.facts;
        let label = |(key, value): &(Box<str>, Box<str>)| (key.to_string(), value.to_string());
        let process = |top: &TopProcess| Process { comm: top.comm.to_string(), cores: fraction(top.cores) };
        Self {
            os: text(os),
            kernel: text(kernel),
            arch: text(arch),
            cpu_model: text(cpu_model),
            labels: info.labels.iter().map(label).collect(),
            start_time_seconds: info.start_time.map(|time| time.0 as f64 / 1e6),
            procs_running: sample.procs_running,
            rtt_seconds: sample.rtt.map(seconds),
            top_processes: sample.top_processes.iter().map(process).collect(),
        }
    }
}

impl Totals {
    fn of(sample: &Sample, view: &AgentView<'_>) -> Self {
        let cores = view.detail().and_then(|detail| detail.cores.as_ref());
        let cores = cores.into_iter().flat_map(|cores| &cores.times);
        let core = |times: &CoreTimes| Core { core: times.core, seconds_total: ByMode(times.times) };
        Self {
            seconds_total: sample.cpu_times.map(ByMode),
            context_switches_total: sample.context_switches,
            pressure_waiting_seconds_total: sample.pressure_waiting.map(seconds),
            missed_samples_total: sample.missed_samples,
            skipped_frames_total: sample.skipped_frames,
            cgroup: sample.cgroup.map(Group::of),
            cores: cores.map(core).collect(),
        }
    }
}

impl Group {
    fn of(cgroup: Cgroup) -> Self {
        Self {
            utilization_ratio: cgroup.utilization.map(ratio),
            limit_cpus: cgroup.limit.map(fraction),
            usage_seconds_total: cgroup.usage.map(seconds),
            throttled_seconds_total: cgroup.throttled.map(seconds),
        }
    }
}

fn seconds(Micros(us): Micros) -> f64 {
    us as f64 / 1e6
}
