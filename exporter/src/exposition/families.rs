//! One table of every metric about agents: name, type, help, and where its values come from.
//!
//! `docs/metrics.md` is held against this table by a test.

use cpumon_protocol::model::histogram::BUCKETS;
use cpumon_protocol::model::{HostFacts, Mode, Ratio, Sample, TopProcess};

use super::column::Values;
use super::lines::{Ending, Key, Line, Lines};
use super::number::Number;
use super::sink::Sink;
use crate::fleet::{AgentView, Client, End, Info};

/// The alerts' thresholds, by severity. Each is a bound of the histogram.
#[derive(Clone, Copy, Debug)]
pub struct Thresholds {
    /// `severity="warning"`.
    pub warning: Ratio,
    /// `severity="critical"`.
    pub critical: Ratio,
}

impl Thresholds {
    /// Severities and their thresholds.
    pub const fn by_severity(&self) -> [(&'static str, Ratio); 2] {
        [("warning", self.warning), ("critical", self.critical)]
    }
}

/// A family of metrics.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// Its name.
    pub name: &'static str,
    /// What it tells, for `# HELP`.
    pub help: &'static str,
    /// Its labels beside `agent`; one that ends with `...` stands for many.
    pub labels: &'static [&'static str],
    pub(super) source: Source,
}

/// Where a family's values come from, and with it how long they are shown.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source {
    /// A gauge of the last sample: shown while the agent is up.
    Gauge(fn(&Sample) -> Option<Number>),
    /// A running total: shown while the agent is up and a while longer.
    Total(fn(&Sample) -> Option<Number>),
    /// One series by a rule of its own.
    One(Kind, fn(&AgentView<'_>) -> Option<Number>),
    /// A series for each ending, or none.
    Each(Kind, &'static [Ending], fn(&AgentView<'_>, &Thresholds, &mut Values<'_>)),
    /// Any number of series, with any labels.
    Any(Kind, fn(&AgentView<'_>, &mut Lines<'_>)),
}

/// The type of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// What may fall.
    Gauge,
    /// What only rises, but for resets.
    Counter,
    /// A distribution.
    Histogram,
}

impl Kind {
    /// The word for `# TYPE`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
            Self::Histogram => "histogram",
        }
    }
}

impl Family {
    /// Its type.
    pub const fn kind(&self) -> Kind {
        match self.source {
            Source::Gauge(_) => Kind::Gauge,
            Source::Total(_) => Kind::Counter,
            Source::One(kind, _) | Source::Each(kind, ..) | Source::Any(kind, _) => kind,
        }
    }

    /// Appends `# HELP` and `# TYPE`.
    pub(super) fn write_head(&self, out: &mut impl Sink) {
        for part in
            ["# HELP ", self.name, " ", self.help, "\n# TYPE ", self.name, " ", self.kind().word(), "\n"]
        {
            out.append(part.as_bytes());
        }
    }
}

/// Every metric about agents.
pub const FAMILIES: &[Family] = &[
    Family {
        name: "my_cpu_percents",
        help: "CPU usage of a client in percent, 0 to 100.",
        labels: &["endpoint"],
        source: Source::Any(Kind::Gauge, |view, lines| {
            if let (Some(sample), Some(info)) = (view.gauges(), view.info()) {
                let line = lines.series().endpoint_label(const { Key::new("endpoint") }, info.endpoint);
                line.value(Number::percent(sample.utilization));
            }
        }),
    },
    Family {
        name: "cpumon_utilization_ratio",
        help: "Busy share of all CPU time in the last second sampled, 0 to 1.",
        labels: &[],
        source: Source::Gauge(|sample| Some(sample.utilization.into())),
    },
    Family {
        name: "cpumon_utilization_max_ratio",
        help: "Highest one-second utilization within the window, 0 to 1.",
        labels: &["window"],
        source: Source::Each(Kind::Gauge, &WINDOWS, |view, _, values| {
            if let Some(max) = view.gauges().and_then(|sample| sample.utilization_max) {
                values.all([max]);
            }
        }),
    },
    Family {
        name: "cpumon_utilization_sample_ratio",
        help: "Distribution of all one-second utilizations, 0 to 1.",
        labels: &["le"],
        source: Source::Each(Kind::Histogram, &HISTOGRAM, |view, _, values| {
            let Some(histogram) = view.totals().and_then(|sample| sample.histogram.as_ref()) else { return };
            let behind = [histogram.sum.into(), Number::count(histogram.count())];
            values.all(histogram.cumulative().map(Number::count).into_iter().chain(behind));
        }),
    },
    Family {
        name: "cpumon_samples_above_threshold_total",
        help: "One-second samples above the alert threshold of the severity.",
        labels: &["severity"],
        source: Source::Each(Kind::Counter, &SEVERITIES, |view, thresholds, values| {
            let Some(histogram) = view.totals().and_then(|sample| sample.histogram.as_ref()) else { return };
            let above = thresholds.by_severity().map(|(_, threshold)| histogram.above(threshold));
            if let [Some(warning), Some(critical)] = above {
                values.all([warning, critical].map(Number::count));
            }
        }),
    },
    Family {
        name: "cpumon_seconds_total",
        help: "CPU time by mode since boot, all cores together; guests are inside user and nice.",
        labels: &["mode"],
        source: Source::Each(Kind::Counter, &MODES, |view, _, values| {
            if let Some(times) = view.totals().and_then(|sample| sample.cpu_times.as_ref()) {
                values.all(Mode::ALL.map(|mode| times.get(mode)));
            }
        }),
    },
    Family {
        name: "cpumon_guest_seconds_total",
        help: "CPU time given to virtual machines since boot, already inside user and nice.",
        labels: &["mode"],
        source: Source::Each(Kind::Counter, &GUEST_MODES, |view, _, values| {
            if let Some(guest) = view.totals().and_then(|sample| sample.guest_times) {
                values.all([guest.user, guest.nice]);
            }
        }),
    },
    Family {
        name: "cpumon_core_seconds_total",
        help: "CPU time by core and mode since boot; of agents that are set to tell it.",
        labels: &["core", "mode"],
        source: Source::Any(Kind::Counter, |view, lines| {
            for core in view.cores_for_all().unwrap_or_default() {
                let mut number = itoa::Buffer::new();
                let label = (const { Key::new("core") }, number.format(core.core));
                lines.each_under(label, &MODES, Mode::ALL.map(|mode| core.times.get(mode)));
            }
        }),
    },
    Family {
        name: "cpumon_hottest_core_ratio",
        help: "Utilization of the busiest core in the last second sampled, 0 to 1.",
        labels: &[],
        source: Source::Gauge(|sample| sample.hottest_core.map(Number::from)),
    },
    Family {
        name: "cpumon_logical_cpus",
        help: "Logical CPUs online.",
        labels: &[],
        source: Source::Gauge(|sample| sample.logical_cpus.map(|cpus| Number::count(cpus.into()))),
    },
    Family {
        name: "cpumon_load1",
        help: "Load average over 1 minute.",
        labels: &[],
        source: Source::Gauge(|sample| sample.load.map(|[load, _, _]| load.into())),
    },
    Family {
        name: "cpumon_load5",
        help: "Load average over 5 minutes.",
        labels: &[],
        source: Source::Gauge(|sample| sample.load.map(|[_, load, _]| load.into())),
    },
    Family {
        name: "cpumon_load15",
        help: "Load average over 15 minutes.",
        labels: &[],
        source: Source::Gauge(|sample| sample.load.map(|[_, _, load]| load.into())),
    },
    Family {
        name: "cpumon_procs_running",
        help: "Runnable tasks.",
        labels: &[],
        source: Source::Gauge(|sample| sample.procs_running.map(Number::count)),
    },
    Family {
        name: "cpumon_context_switches_total",
        help: "Context switches since boot.",
        labels: &[],
        source: Source::Total(|sample| sample.context_switches.map(Number::count)),
    },
    Family {
        name: "cpumon_pressure_waiting_seconds_total",
        help: "Time in which some task waited for a CPU since boot (PSI, some).",
        labels: &[],
        source: Source::Total(|sample| sample.pressure_waiting.map(Number::from)),
    },
    Family {
        name: "cpumon_agent_up",
        help: "Whether samples arrive from the agent: 1, else 0.",
        labels: &[],
        source: Source::One(Kind::Gauge, |view| view.up().map(|up| Number::count(up.into()))),
    },
    Family {
        name: "cpumon_agent_info",
        help: "What the agent said of its machine and itself; always 1.",
        labels: &[
            "address",
            "hostname",
            "version",
            "os",
            "kernel",
            "arch",
            "cpu_model",
            "client",
            "label_...",
        ],
        source: Source::Any(Kind::Gauge, |view, lines| {
            if let Some(info) = view.info() {
                write_info(info, lines.series());
            }
        }),
    },
    Family {
        name: "cpumon_agent_last_sample_timestamp_seconds",
        help: "When the agent was last heard, by the exporter's clock.",
        labels: &[],
        source: Source::One(Kind::Gauge, |view| view.last_heard().map(Number::from)),
    },
    Family {
        name: "cpumon_agent_start_time_seconds",
        help: "When the agent's process started, by the agent's clock.",
        labels: &[],
        source: Source::One(Kind::Gauge, |view| view.info()?.start_time.map(Number::from)),
    },
    Family {
        name: "cpumon_agent_sample_order",
        help: "Where the totals stand among all that the agent has sent: start of its run in microseconds plus the frame's number. Of several exporters the one with the highest has the newest.",
        labels: &[],
        source: Source::One(Kind::Gauge, |view| view.order().map(Number::count)),
    },
    Family {
        name: "cpumon_agent_connections_total",
        help: "Connections that the agent has made to this exporter.",
        labels: &[],
        source: Source::One(Kind::Counter, |view| view.connections().map(Number::count)),
    },
    Family {
        name: "cpumon_agent_disconnects_total",
        help: "Ends of the agent's connections to this exporter, by reason.",
        labels: &["reason"],
        source: Source::Each(Kind::Counter, &ENDS, |view, _, values| {
            if let Some(disconnects) = view.disconnects() {
                values.all(disconnects.map(Number::count));
            }
        }),
    },
    Family {
        name: "cpumon_agent_missed_samples_total",
        help: "Seconds of the agent's run that were not measured.",
        labels: &[],
        source: Source::Total(|sample| sample.missed_samples.map(Number::count)),
    },
    Family {
        name: "cpumon_agent_skipped_frames_total",
        help: "Frames of the agent's run that were measured and due, but not sent.",
        labels: &[],
        source: Source::Total(|sample| sample.skipped_frames.map(Number::count)),
    },
    Family {
        name: "cpumon_agent_rtt_seconds",
        help: "From the departure of the agent's last answered sample to its answer.",
        labels: &[],
        source: Source::Gauge(|sample| sample.rtt.map(Number::from)),
    },
    Family {
        name: "cpumon_cgroup_utilization_ratio",
        help: "CPU use of the agent's own control group in the last second, of its limit or else of the host's cores.",
        labels: &[],
        source: Source::Gauge(|sample| sample.cgroup?.utilization.map(Number::from)),
    },
    Family {
        name: "cpumon_cgroup_usage_seconds_total",
        help: "CPU time used by the agent's own control group.",
        labels: &[],
        source: Source::Total(|sample| sample.cgroup?.usage.map(Number::from)),
    },
    Family {
        name: "cpumon_cgroup_limit_cpus",
        help: "CPU limit of the agent's own control group, in CPUs; absent when there is none.",
        labels: &[],
        source: Source::Gauge(|sample| sample.cgroup?.limit.map(Number::from)),
    },
    Family {
        name: "cpumon_cgroup_periods_total",
        help: "Enforcement periods of the agent's own control group.",
        labels: &[],
        source: Source::Total(|sample| sample.cgroup?.periods.map(Number::count)),
    },
    Family {
        name: "cpumon_cgroup_throttled_periods_total",
        help: "Enforcement periods in which the agent's own control group was throttled.",
        labels: &[],
        source: Source::Total(|sample| sample.cgroup?.throttled_periods.map(Number::count)),
    },
    Family {
        name: "cpumon_cgroup_throttled_seconds_total",
        help: "Time for which the agent's own control group was throttled.",
        labels: &[],
        source: Source::Total(|sample| sample.cgroup?.throttled.map(Number::from)),
    },
    Family {
        name: "cpumon_top_process_cores",
        help: "Cores kept busy by all processes of a command in the last interval, for the busiest commands.",
        labels: &["comm"],
        source: Source::Any(Kind::Gauge, |view, lines| {
            for TopProcess { comm, cores } in view.gauges().map_or(&[][..], |sample| &sample.top_processes) {
                lines.series().label(const { Key::new("comm") }, comm).value(*cores);
            }
        }),
    },
];

/// The window of the highest utilization.
const WINDOWS: [Ending; 1] = [Ending::label("window", "60s")];

/// The histogram's series: its bounds first.
const HISTOGRAM: [Ending; BUCKETS + 2] = [
    Ending::bucket("0.05"),
    Ending::bucket("0.1"),
    Ending::bucket("0.2"),
    Ending::bucket("0.3"),
    Ending::bucket("0.4"),
    Ending::bucket("0.5"),
    Ending::bucket("0.6"),
    Ending::bucket("0.7"),
    Ending::bucket("0.8"),
    Ending::bucket("0.9"),
    Ending::bucket("0.95"),
    Ending::bucket("0.99"),
    Ending::bucket("+Inf"),
    Ending::suffix("_sum"),
    Ending::suffix("_count"),
];

/// The modes, as [`Mode::ALL`] has them.
const MODES: [Ending; Mode::ALL.len()] = [
    Ending::label("mode", "user"),
    Ending::label("mode", "nice"),
    Ending::label("mode", "system"),
    Ending::label("mode", "idle"),
    Ending::label("mode", "iowait"),
    Ending::label("mode", "irq"),
    Ending::label("mode", "softirq"),
    Ending::label("mode", "steal"),
];

/// Those of guests.
const GUEST_MODES: [Ending; 2] = [MODES[0], MODES[1]];

/// The severities, as [`Thresholds::by_severity`] has them.
const SEVERITIES: [Ending; 2] = [Ending::label("severity", "warning"), Ending::label("severity", "critical")];

/// Ends of connections, as [`End::ALL`] has them.
const ENDS: [Ending; End::ALL.len()] = [
    Ending::label("reason", "bye"),
    Ending::label("reason", "eof"),
    Ending::label("reason", "timeout"),
    Ending::label("reason", "protocol"),
    Ending::label("reason", "replaced"),
];

/// The labels of a machine's facts.
const FACTS: [Key; 6] = [
    Key::new("hostname"),
    Key::new("version"),
    Key::new("os"),
    Key::new("kernel"),
    Key::new("arch"),
    Key::new("cpu_model"),
];

fn write_info(info: &Info, line: Line<'_>) {
    let HostFacts { hostname, version, os, kernel, arch, cpu_model } = &info.facts;
    let mut line = line.address_label(const { Key::new("address") }, info.endpoint.ip());
    for (key, fact) in FACTS.into_iter().zip([hostname, version, os, kernel, arch, cpu_model]) {
        if let Some(fact) = fact {
            line = line.label(key, fact);
        }
    }
    line = line.label(const { Key::new("client") }, Client::label(info.client));
    for (key, value) in &info.labels {
        line = line.users_label(key, value);
    }
    line.value(Number::count(1));
}

#[cfg(test)]
mod tests {
    use cpumon_protocol::model::Millionths;
    use cpumon_protocol::model::histogram::BOUNDS;

    use super::*;

    #[test]
    fn labels_say_what_they_stand_for() {
        let check = |endings: &[Ending], key: &str, values: &[&str]| {
            let written: Vec<_> = endings.iter().map(Ending::text).collect();
            let expected: Vec<_> = values.iter().map(|value| format!(",{key}=\"{value}\"}} ")).collect();
            assert_eq!(written, expected);
        };
        let bounds = BOUNDS.map(|bound| {
            let mut text = Vec::new();
            Number::from(Millionths(bound.into())).write(&mut text);
            String::from_utf8(text).unwrap()
        });
        let le: Vec<_> = bounds.iter().map(String::as_str).chain(["+Inf"]).collect();
        let thresholds = Thresholds { warning: Ratio::ZERO, critical: Ratio::ONE };
        check(&HISTOGRAM[..BUCKETS], "le", &le);
        check(&MODES, "mode", &Mode::ALL.map(Mode::label));
        check(&GUEST_MODES, "mode", &[Mode::User, Mode::Nice].map(Mode::label));
        check(&SEVERITIES, "severity", &thresholds.by_severity().map(|(severity, _)| severity));
        check(&ENDS, "reason", &End::ALL.map(End::label));
    }

    #[test]
    fn names_follow_the_conventions() {
        for family in FAMILIES {
            let is_counter = family.kind() == Kind::Counter;
            assert_eq!(family.name.ends_with("_total"), is_counter, "{}", family.name);
            assert!(family.help.ends_with('.') && !family.help.contains('\n'), "{}", family.name);
            assert_eq!(
                FAMILIES.iter().filter(|other| other.name == family.name).count(),
                1,
                "{}",
                family.name
            );
        }
    }
}
