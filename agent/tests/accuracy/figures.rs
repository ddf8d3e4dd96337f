//! The figures of one sample, in whole numbers, whichever way they came.

use cpumon_protocol::model::{Micros, Ratio, Sample};
use serde_json::Value;

/// The histogram's upper bounds as they are documented, in millionths.
pub(crate) const BOUNDS: [u32; 12] = [
    50_000, 100_000, 200_000, 300_000, 400_000, 500_000, 600_000, 700_000, 800_000, 900_000, 950_000, 990_000,
];

/// One second: what came of it, and what had to.
#[derive(Debug)]
pub(crate) struct Compared {
    pub(crate) got: Option<Figures>,
    pub(crate) expected: Option<Figures>,
}

/// Ratios in millionths, times in microseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Figures {
    pub(crate) utilization: u32,
    pub(crate) utilization_max: Option<u32>,
    pub(crate) hottest_core: Option<u32>,
    pub(crate) buckets: [u64; BOUNDS.len() + 1],
    pub(crate) sum: u64,
    pub(crate) modes: [u64; 8],
    pub(crate) guests: Option<[u64; 2]>,
    pub(crate) logical_cpus: Option<u32>,
    pub(crate) context_switches: Option<u64>,
    pub(crate) procs_running: Option<u64>,
    pub(crate) missed: u64,
}

impl Figures {
    /// Of a sample as a value.
    pub(crate) fn of_sample(sample: &Sample) -> Self {
        let histogram = sample.histogram.unwrap();
        Self {
            utilization: sample.utilization.millionths(),
            utilization_max: sample.utilization_max.map(Ratio::millionths),
            hottest_core: sample.hottest_core.map(Ratio::millionths),
            buckets: histogram.buckets,
            sum: histogram.sum.0,
            modes: sample.cpu_times.unwrap().0.map(|Micros(us)| us),
            guests: sample.guest_times.map(|guest| [guest.user.0, guest.nice.0]),
            logical_cpus: sample.logical_cpus,
            context_switches: sample.context_switches,
            procs_running: sample.procs_running,
            missed: sample.missed_samples.unwrap(),
        }
    }

    /// Of a frame as it came off the wire.
    pub(crate) fn of_frame(frame: &Value) -> Self {
        let small = |key: &str| frame.get(key).map(|value| u32::try_from(value.as_u64().unwrap()).unwrap());
        let modes = ["user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"];
        let buckets: Vec<_> =
            frame["histogram"]["buckets"].as_array().unwrap().iter().map(|b| b.as_u64().unwrap()).collect();
        Self {
            utilization: millionths(&frame["The Percentage Of CPU USAGE"]),
            utilization_max: small("max_ppm"),
            hottest_core: small("hottest_core_ppm"),
            buckets: buckets.try_into().unwrap(),
            sum: frame["histogram"]["sum_ppm"].as_u64().unwrap(),
            modes: modes.map(|mode| frame["cpu_us"][mode].as_u64().unwrap()),
            guests: frame.get("guest_us").map(|us| ["user", "nice"].map(|mode| us[mode].as_u64().unwrap())),
            logical_cpus: small("cpus"),
            context_switches: frame.get("context_switches").map(|value| value.as_u64().unwrap()),
            procs_running: frame.get("procs_running").map(|value| value.as_u64().unwrap()),
            missed: frame["missed"].as_u64().unwrap(),
        }
    }
}

/// A percentage's decimal text in millionths of the whole: it must have no digit beyond them.
fn millionths(percent: &Value) -> u32 {
    let text = percent.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    assert!(fraction.len() <= 4 && percent.is_number(), "{text} is no percentage of four decimals");
    format!("{whole}{fraction:0<4}").parse().unwrap()
}
