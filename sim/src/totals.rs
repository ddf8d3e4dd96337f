//! All running totals of an agent in one row of integers, each a series of its own to Prometheus.

use cpumon_protocol::model::histogram::BUCKETS;
use cpumon_protocol::model::{Mode, Sample};

/// How many series there are.
pub(crate) const SERIES: usize = MARK + 1;

/// The sum of the histogram, in millionths; its buckets, cumulated, come before it.
pub(crate) const SUM: usize = BUCKETS;
/// The count of the histogram.
pub(crate) const COUNT: usize = SUM - 1;
/// Seconds not measured.
pub(crate) const MISSED: usize = SUM + 1;
/// CPU time by mode, in microseconds; from here on the kernel counts, not the agent.
pub(crate) const MODES: usize = MISSED + 1;
/// Guest time, user and nice.
pub(crate) const GUEST: usize = MODES + Mode::ALL.len();
/// Pressure.
pub(crate) const PRESSURE: usize = GUEST + 2;
/// Context switches. The simulated machines see to it that no two samples of an agent have the same, so this series
/// tells, in the text that Prometheus reads, which sample a value is of.
pub(crate) const MARK: usize = PRESSURE + 1;

/// One value of each series.
pub(crate) type Totals = [u64; SERIES];

/// The totals of a sample; none if one is missing.
pub(crate) fn of(sample: &Sample) -> Option<Totals> {
    let mut totals = [0; SERIES];
    let histogram = sample.histogram?;
    totals[..BUCKETS].copy_from_slice(&histogram.cumulative());
    totals[SUM] = histogram.sum.0;
    totals[MISSED] = sample.missed_samples?;
    let times = sample.cpu_times?;
    for (index, mode) in Mode::ALL.into_iter().enumerate() {
        totals[MODES + index] = times.get(mode).0;
    }
    let guest = sample.guest_times?;
    totals[GUEST] = guest.user.0;
    totals[GUEST + 1] = guest.nice.0;
    totals[PRESSURE] = sample.pressure_waiting?.0;
    totals[MARK] = sample.context_switches?;
    Some(totals)
}

/// What a series is called in a message.
pub(crate) fn name(series: usize) -> String {
    match series {
        SUM => "cpumon_utilization_sample_ratio_sum".to_owned(),
        MISSED => "cpumon_agent_missed_samples_total".to_owned(),
        PRESSURE => "cpumon_pressure_waiting_seconds_total".to_owned(),
        MARK => "cpumon_context_switches_total".to_owned(),
        _ if series < SUM => format!("cpumon_utilization_sample_ratio_bucket[{series}]"),
        _ if series < GUEST => format!("cpumon_seconds_total[{series}]"),
        _ => format!("cpumon_guest_seconds_total[{}]", series - GUEST),
    }
}

/// Whether the kernel keeps this total, so that it goes on over a restart of the agent.
pub(crate) const fn is_kernels(series: usize) -> bool {
    series >= MODES
}
