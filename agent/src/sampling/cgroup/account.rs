//! The numbers in a group's files.

use cpumon_protocol::model::{Micros, Millionths};

use crate::sampling::proc::decimal;

/// The line of `cpu.stat` that every group of version 2 has.
pub(super) const V2_USAGE: &str = "usage_usec";

/// The number in the line `name` of a file of lines such as `nr_periods 6000`.
pub(super) fn field(text: &[u8], name: &str) -> Option<u64> {
    let lines = text.split_inclusive(|&byte| byte == b'\n').filter_map(|line| line.strip_suffix(b"\n"));
    let mut numbers = lines.filter_map(|line| line.strip_prefix(name.as_bytes())?.strip_prefix(b" "));
    decimal::whole(numbers.next()?).ok()
}

/// The number that a file consists of; none when it is negative, as a quota that is none.
pub(super) fn number(text: &[u8]) -> Option<u64> {
    decimal::whole(text.strip_suffix(b"\n")?).ok()
}

/// The time that a file of nanoseconds has.
pub(super) fn nanos(text: &[u8]) -> Option<Micros> {
    number(text).map(|nanos| Micros(nanos / 1_000))
}

/// The limit in `cpu.max`: `50000 100000` is half a CPU, `max 100000` is none.
pub(super) fn max(text: &[u8]) -> Option<Millionths> {
    let (quota, rest) = decimal::leading(text).ok()?;
    limit(quota, number(rest.strip_prefix(b" ")?)?)
}

/// `quota` in each `period`, both in microseconds, as CPUs.
pub(super) fn limit(quota: u64, period: u64) -> Option<Millionths> {
    let cpus = u128::from(quota) * 1_000_000 / Some(u128::from(period)).filter(|&period| period > 0)?;
    u64::try_from(cpus).ok().filter(|&cpus| cpus > 0).map(Millionths)
}
