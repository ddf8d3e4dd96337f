//! One agent as node_exporter shows its machine: that program's names, types and labels for what it says of CPUs.
//!
//! So a machine behind a firewall is a target of its own, and dashboards and alerts that were made for node_exporter work
//! on it. The page is for that target alone: no line has the label `agent`. What the agent does not know is absent, and so
//! are families of which nothing is known. `docs/node-exporter.md` is held against this table by a test.

use cpumon_protocol::model::{CoreTimes, CpuModel, LogicalCpu, Micros, Mode, Moment, Sample, WallTime};

use super::families::Kind;
use super::lines::NodeLines;
use super::number::Number;
use crate::fleet::{AgentView, Detail};

/// What the page is written from.
struct Node<'a> {
    /// What may be shown of the last second.
    gauges: Option<&'a Sample>,
    totals: Option<&'a Sample>,
    detail: Option<&'a Detail>,
    /// How long ago the last sample came.
    age: Micros,
}

/// A family of the page.
#[derive(Clone, Copy, Debug)]
pub struct NodeFamily {
    /// node_exporter's name of it.
    pub name: &'static str,
    /// What it tells, in words of our own.
    pub help: &'static str,
    /// Its type.
    pub kind: Kind,
    /// Its labels.
    pub labels: &'static [&'static str],
    write: fn(&Node<'_>, &mut NodeLines<'_>),
}

/// Every family of the page, in the order of their names.
pub const NODE_FAMILIES: &[NodeFamily] = &[
    NodeFamily {
        name: "node_boot_time_seconds",
        help: "When the machine booted, by its own clock, in seconds since 1970.",
        kind: Kind::Gauge,
        labels: &[],
        write: |node, lines| lines.plain(node.cores().and_then(|cores| cores.boot_time)),
    },
    NodeFamily {
        name: "node_context_switches_total",
        help: "Context switches since boot.",
        kind: Kind::Counter,
        labels: &[],
        write: |node, lines| lines.plain(node.total(|sample| sample.context_switches).map(Number::count)),
    },
    NodeFamily {
        name: "node_cpu_guest_seconds_total",
        help: "Time that each CPU gave to virtual machines since boot; it is inside user and nice of node_cpu_seconds_total.",
        kind: Kind::Counter,
        labels: &["cpu", "mode"],
        write: |node, lines| {
            for CoreTimes { core, guest, .. } in node.times() {
                let mut number = itoa::Buffer::new();
                let cpu = ("cpu", number.format(*core));
                lines.labelled(&[cpu, ("mode", "nice")], guest.nice);
                lines.labelled(&[cpu, ("mode", "user")], guest.user);
            }
        },
    },
    NodeFamily {
        name: "node_cpu_info",
        help: "What each CPU is and where it is; always 1.",
        kind: Kind::Gauge,
        labels: &[
            "package",
            "core",
            "cpu",
            "vendor",
            "family",
            "model",
            "model_name",
            "microcode",
            "stepping",
            "cachesize",
        ],
        write: |node, lines| {
            let Some(machine) = node.detail.and_then(|detail| detail.machine.as_ref()) else { return };
            for cpu in &machine.cpus {
                write_cpu_info(cpu, machine.models.get(cpu.model as usize), lines);
            }
        },
    },
    NodeFamily {
        name: "node_cpu_seconds_total",
        help: "Time that each CPU spent in each mode since boot.",
        kind: Kind::Counter,
        labels: &["cpu", "mode"],
        write: |node, lines| {
            for CoreTimes { core, times, .. } in node.times() {
                let mut number = itoa::Buffer::new();
                let cpu = ("cpu", number.format(*core));
                for mode in BY_NAME {
                    lines.labelled(&[cpu, ("mode", mode.label())], times.get(mode));
                }
            }
        },
    },
    NodeFamily {
        name: "node_load1",
        help: "Load average over 1 minute.",
        kind: Kind::Gauge,
        labels: &[],
        write: |node, lines| lines.plain(node.gauge(|sample| sample.load).map(|[load, _, _]| load)),
    },
    NodeFamily {
        name: "node_load15",
        help: "Load average over 15 minutes.",
        kind: Kind::Gauge,
        labels: &[],
        write: |node, lines| lines.plain(node.gauge(|sample| sample.load).map(|[_, _, load]| load)),
    },
    NodeFamily {
        name: "node_load5",
        help: "Load average over 5 minutes.",
        kind: Kind::Gauge,
        labels: &[],
        write: |node, lines| lines.plain(node.gauge(|sample| sample.load).map(|[_, load, _]| load)),
    },
    NodeFamily {
        name: "node_pressure_cpu_waiting_seconds_total",
        help: "Time in which some task waited for a CPU since boot (PSI, some).",
        kind: Kind::Counter,
        labels: &[],
        write: |node, lines| lines.plain(node.total(|sample| sample.pressure_waiting)),
    },
    NodeFamily {
        name: "node_procs_running",
        help: "Runnable tasks.",
        kind: Kind::Gauge,
        labels: &[],
        write: |node, lines| lines.plain(node.gauge(|sample| sample.procs_running).map(Number::count)),
    },
    NodeFamily {
        name: "node_time_seconds",
        help: "The machine's clock, in seconds since 1970: as it was told, and the time since then.",
        kind: Kind::Gauge,
        labels: &[],
        write: |node, lines| {
            let told = node.cores().and_then(|cores| cores.wall);
            lines.plain(told.map(|WallTime(us)| WallTime(us.saturating_add(node.age.0))));
        },
    },
    NodeFamily {
        name: "node_uname_info",
        help: "What the machine's kernel calls itself; always 1.",
        kind: Kind::Gauge,
        labels: &["sysname", "release", "version", "machine", "nodename", "domainname"],
        write: |node, lines| {
            let Some(machine) = node.detail.and_then(|detail| detail.machine.as_ref()) else { return };
            let uname = &machine.uname;
            let labels = [
                ("sysname", &uname.sysname),
                ("release", &uname.release),
                ("version", &uname.version),
                ("machine", &uname.machine),
                ("nodename", &uname.nodename),
                ("domainname", &uname.domainname),
            ];
            lines.labelled(&labels.map(|(key, value)| (key, known(value))), Number::count(1));
        },
    },
];

/// The modes in the order of their names.
const BY_NAME: [Mode; Mode::ALL.len()] =
    [Mode::Idle, Mode::Iowait, Mode::Irq, Mode::Nice, Mode::Softirq, Mode::Steal, Mode::System, Mode::User];

impl<'a> Node<'a> {
    fn gauge<T>(&self, of: fn(&Sample) -> Option<T>) -> Option<T> {
        self.gauges.and_then(of)
    }

    fn total<T>(&self, of: fn(&Sample) -> Option<T>) -> Option<T> {
        self.totals.and_then(of)
    }

    fn cores(&self) -> Option<&'a cpumon_protocol::model::Cores> {
        self.detail?.cores.as_ref()
    }

    fn times(&self) -> &'a [CoreTimes] {
        self.cores().map_or(&[], |cores| &cores.times)
    }
}

/// Appends the page of one agent as of `now`; nothing of it when the agent is gone.
pub fn write(view: &AgentView<'_>, now: Moment, out: &mut Vec<u8>) {
    let node = Node {
        gauges: view.gauges(),
        totals: view.totals(),
        detail: view.detail(),
        age: view.age(now).unwrap_or_default(),
    };
    for family in NODE_FAMILIES {
        let begin = out.len();
        for part in [
            "# HELP ",
            family.name,
            " ",
            family.help,
            "\n# TYPE ",
            family.name,
            " ",
            family.kind.word(),
            "\n",
        ] {
            out.extend_from_slice(part.as_bytes());
        }
        let head = out.len();
        (family.write)(&node, &mut NodeLines::new(out, family.name));
        if out.len() == head {
            out.truncate(begin);
        }
    }
}

fn write_cpu_info(cpu: &LogicalCpu, model: Option<&CpuModel>, lines: &mut NodeLines<'_>) {
    let number = |number: Option<u32>| number.map(|number| number.to_string()).unwrap_or_default();
    let fact = |of: fn(&CpuModel) -> &Option<Box<str>>| model.map_or("", |model| known(of(model)));
    let labels = [
        ("package", &*number(cpu.package)),
        ("core", &number(cpu.core)),
        ("cpu", &number(Some(cpu.cpu))),
        ("vendor", fact(|model| &model.vendor)),
        ("family", fact(|model| &model.family)),
        ("model", fact(|model| &model.model)),
        ("model_name", fact(|model| &model.model_name)),
        ("microcode", fact(|model| &model.microcode)),
        ("stepping", fact(|model| &model.stepping)),
        ("cachesize", fact(|model| &model.cache_size)),
    ];
    lines.labelled(&labels, Number::count(1));
}

/// A label's value; to Prometheus an empty one is none.
fn known(fact: &Option<Box<str>>) -> &str {
    fact.as_deref().unwrap_or_default()
}
