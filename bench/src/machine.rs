//! What the figures were measured on.

use std::fs;

/// One line about this machine.
pub fn describe() -> String {
    let first = |path: &str, key: &str| {
        let text = fs::read_to_string(path).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix(key)).map(str::to_owned);
        line.map(|line| line.trim_start_matches([' ', '\t', ':']).to_owned())
    };
    let model = first("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown CPU".to_owned());
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let kernel = first("/proc/sys/kernel/osrelease", "").unwrap_or_default();
    let load = first("/proc/loadavg", "").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default().to_owned();
    format!("{model}, {cores} cores, Linux {kernel}, load average at the end {load}")
}
