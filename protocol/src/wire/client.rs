//! Frames from an agent to an exporter.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::number::Percent;
use super::strict::{self, Texts};

/// What tells dialect, version and type of an object; read first where the type is not known yet.
#[derive(Deserialize)]
pub(crate) struct Envelope<'a> {
    /// Given in v1 only, whatever its value.
    #[serde(default, borrow, deserialize_with = "present")]
    pub(crate) v: Option<&'a RawValue>,
    /// Of any type, since it means something beside `v` only.
    #[serde(default, borrow, deserialize_with = "present")]
    pub(crate) t: Option<&'a RawValue>,
}

/// Even `null` is a value that was given.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// The type of an object, as far as it matters for the way that most frames take.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Hello,
    Sample,
    Cores,
    Bye,
    Unknown,
}

/// By hand, because derived code takes `{"hello":null}` as well as `"hello"`.
impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;

        impl Visitor<'_> for Name {
            type Value = Kind;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a frame's type as text")
            }

            fn visit_str<E>(self, name: &str) -> Result<Kind, E> {
                Ok(match name {
                    "hello" => Kind::Hello,
                    "sample" => Kind::Sample,
                    "cores" => Kind::Cores,
                    "bye" => Kind::Bye,
                    _ => Kind::Unknown,
                })
            }
        }

        deserializer.deserialize_str(Name)
    }
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Hello<'a> {
    pub(crate) v: u64,
    pub(crate) t: Kind,
    #[serde(borrow)]
    pub(crate) agent: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) run: Cow<'a, str>,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    pub(crate) boot: Option<Cow<'a, str>>,
    #[serde(default = "one_second")]
    pub(crate) interval_ms: u64,
    #[serde(rename = "The Percentage Of CPU USAGE")]
    pub(crate) percent: Percent,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) start_us: Option<u64>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) ephemeral: bool,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    pub(crate) hostname: Option<Cow<'a, str>>,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<Cow<'a, str>>,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    pub(crate) os: Option<Cow<'a, str>>,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    pub(crate) kernel: Option<Cow<'a, str>>,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    pub(crate) arch: Option<Cow<'a, str>>,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    pub(crate) cpu_model: Option<Cow<'a, str>>,
    #[serde(default, borrow, deserialize_with = "strict::texts", skip_serializing_if = "Texts::is_empty")]
    pub(crate) labels: Texts<'a>,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    pub(crate) token: Option<Cow<'a, str>>,
}

const fn one_second() -> u64 {
    1_000
}

/// A sample, or a bye: the same totals, and in a bye all of them optional.
#[derive(Serialize, Deserialize)]
pub(crate) struct Update<'a> {
    pub(crate) v: u64,
    pub(crate) t: Kind,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) seq: Option<u64>,
    #[serde(default, rename = "The Percentage Of CPU USAGE", skip_serializing_if = "Option::is_none")]
    pub(crate) percent: Option<Percent>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) max_ppm: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) hottest_core_ppm: Option<u32>,
    #[serde(default, deserialize_with = "strict::optional_object", skip_serializing_if = "Option::is_none")]
    pub(crate) histogram: Option<Histogram>,
    #[serde(default, deserialize_with = "strict::optional_object", skip_serializing_if = "Option::is_none")]
    pub(crate) cpu_us: Option<CpuTimes>,
    #[serde(default, deserialize_with = "strict::optional_object", skip_serializing_if = "Option::is_none")]
    pub(crate) guest_us: Option<GuestTimes>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cpus: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) load_ppm: Option<[u64; 3]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) procs_running: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) context_switches: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pressure_us: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) missed: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) skipped: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rtt_us: Option<u64>,
    #[serde(default, deserialize_with = "strict::optional_object", skip_serializing_if = "Option::is_none")]
    pub(crate) cgroup: Option<Cgroup>,
    #[serde(default, borrow, deserialize_with = "strict::objects", skip_serializing_if = "Vec::is_empty")]
    pub(crate) top: Vec<TopProcess<'a>>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Histogram {
    pub(crate) buckets: [u64; crate::model::histogram::BUCKETS],
    pub(crate) sum_ppm: u64,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct CpuTimes {
    pub(crate) user: u64,
    pub(crate) nice: u64,
    pub(crate) system: u64,
    pub(crate) idle: u64,
    pub(crate) iowait: u64,
    pub(crate) irq: u64,
    pub(crate) softirq: u64,
    pub(crate) steal: u64,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct GuestTimes {
    pub(crate) user: u64,
    pub(crate) nice: u64,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Cgroup {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) utilization_ppm: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) usage_us: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) limit_cpus_ppm: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) periods: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) throttled_periods: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) throttled_us: Option<u64>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct TopProcess<'a> {
    #[serde(borrow)]
    pub(crate) comm: Cow<'a, str>,
    pub(crate) cores_ppm: u64,
}

/// Per-core totals that belong to the sample `seq`, which follows them.
#[derive(Serialize, Deserialize)]
pub(crate) struct Cores<'a> {
    pub(crate) v: u64,
    pub(crate) t: Kind,
    pub(crate) seq: u64,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) asked: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) time_us: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) boot_us: Option<u64>,
    #[serde(
        default,
        borrow,
        deserialize_with = "strict::optional_object",
        skip_serializing_if = "Option::is_none"
    )]
    pub(crate) machine: Option<Machine<'a>>,
    #[serde(deserialize_with = "strict::objects")]
    pub(crate) cores: Vec<Core>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Core {
    pub(crate) core: u32,
    #[serde(deserialize_with = "strict::object")]
    pub(crate) cpu_us: CpuTimes,
    #[serde(deserialize_with = "strict::object")]
    pub(crate) guest_us: GuestTimes,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Machine<'a> {
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    pub(crate) sysname: Option<Cow<'a, str>>,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    pub(crate) nodename: Option<Cow<'a, str>>,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    pub(crate) release: Option<Cow<'a, str>>,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<Cow<'a, str>>,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    pub(crate) machine: Option<Cow<'a, str>>,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    pub(crate) domainname: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "strict::objects")]
    pub(crate) models: Vec<CpuModel<'a>>,
    #[serde(deserialize_with = "strict::objects")]
    pub(crate) cpus: Vec<LogicalCpu>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct CpuModel<'a> {
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    pub(crate) vendor: Option<Cow<'a, str>>,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    pub(crate) family: Option<Cow<'a, str>>,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    pub(crate) model: Option<Cow<'a, str>>,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    pub(crate) model_name: Option<Cow<'a, str>>,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    pub(crate) stepping: Option<Cow<'a, str>>,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    pub(crate) microcode: Option<Cow<'a, str>>,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    pub(crate) cache_size: Option<Cow<'a, str>>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct LogicalCpu {
    pub(crate) cpu: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) package: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) core: Option<u32>,
    pub(crate) model: u32,
}
