//! Busy time over total time between two readings, by psutil's definition.

use cpumon_protocol::model::{CoreTimes, CpuTimes, Micros, Mode, Ratio};

use crate::sampling::Reading;

/// Utilization between two readings; none when no time passed.
///
/// The change of each mode counts, a mode that fell counts as unchanged. Idle and iowait are not busy, steal is.
/// Guest time is inside user and nice and counts there, once.
pub(super) fn utilization(before: &CpuTimes, after: &CpuTimes) -> Option<Ratio> {
    let (mut busy, mut total) = (0u64, 0u64);
    for mode in Mode::ALL {
        let change = after.get(mode).saturating_sub(before.get(mode)).0;
        total = total.saturating_add(change);
        if mode.is_busy() {
            busy = busy.saturating_add(change);
        }
    }
    Ratio::of(busy, total)
}

/// The highest utilization of a core that is in both readings, matched by number. Both are in ascending order.
pub(super) fn hottest(before: &[CoreTimes], after: &[CoreTimes]) -> Option<Ratio> {
    let mut earlier = before.iter().peekable();
    let mut hottest = None;
    for core in after {
        while earlier.next_if(|e| e.core < core.core).is_some() {}
        if let Some(same) = earlier.next_if(|e| e.core == core.core) {
            hottest = hottest.max(utilization(&same.times, &core.times));
        }
    }
    hottest
}

/// Use of a control group in an interval of `length`, of what it may use: its limit, or else all CPUs. Time beyond that,
/// which a group may have saved up, or which was accounted late, counts as all of it.
pub(super) fn of_cgroup(before: Option<Micros>, reading: &Reading, length: Micros) -> Option<Ratio> {
    let group = reading.cgroup.as_ref()?;
    let used = group.usage?.0.checked_sub(before?.0)?;
    let cpus_ppm = group
        .limit
        .map_or_else(|| Some(u64::from(reading.logical_cpus?) * 1_000_000), |limit| Some(limit.0))?;
    let allowed = u64::try_from(u128::from(length.0) * u128::from(cpus_ppm) / 1_000_000).ok()?;
    Ratio::of(used.min(allowed), allowed)
}
