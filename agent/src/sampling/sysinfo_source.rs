//! CPU use by the library sysinfo, for systems whose own account this program does not read.
//!
//! The library gives one percentage, no times by mode, and never says that it could not read: it then repeats
//! the old figure. Here a figure that is the same to the last bit, on every core, is believed only if the
//! library can list the CPUs anew, which it does by the same system call. (Not on Windows, where the list comes
//! from elsewhere; a failing counter shows there as a figure that stays the same.) Times that can be read but stand
//! still are beyond it: the library calls that idle.

use std::time::Instant;

use cpumon_protocol::model::{Millionths, Ratio};
use sysinfo::{CpuRefreshKind, MINIMUM_CPU_UPDATE_INTERVAL, RefreshKind, System};

use super::{Cpu, Fault, ReadError, Reading, Source, Usage};

/// What readings of the library are called in messages.
const SUBJECT: &str = "the CPU usage of this system";

/// The library, and what it said last.
#[derive(Default)]
pub struct SysinfoSource {
    listed: Option<Listed>,
    figures: Vec<f32>,
    reading: Reading,
}

/// The library's list of CPUs, and when it was refreshed.
struct Listed {
    system: System,
    at: Instant,
}

impl SysinfoSource {
    /// Takes over the library's figures if they are new. The first ones are averages since boot, of no use but
    /// to begin with.
    fn refresh(&mut self) -> Result<(), Fault> {
        let Some(listed) = &mut self.listed else {
            let system = list_cpus()?;
            self.figures.extend(figures(&system));
            self.listed = Some(Listed { system, at: Instant::now() });
            return Ok(());
        };
        // Sooner than this the library does nothing, silently.
        if listed.at.elapsed() < MINIMUM_CPU_UPDATE_INTERVAL {
            return Err(Fault::Stale);
        }
        listed.system.refresh_cpu_usage();
        listed.at = Instant::now();
        let unchanged = self.figures.iter().copied().eq(figures(&listed.system));
        self.figures.clear();
        self.figures.extend(figures(&listed.system));
        if unchanged { list_cpus().map(drop) } else { Ok(()) }
    }
}

impl Source for SysinfoSource {
    fn read(&mut self) -> Result<&Reading, ReadError> {
        let usage = self.refresh().and_then(|()| usage(&self.figures).ok_or(Fault::Stale));
        let usage = usage.map_err(|fault| ReadError::new(SUBJECT, fault))?;
        self.reading = Reading {
            cpu: Cpu::Usage(usage),
            logical_cpus: u32::try_from(self.figures.len().saturating_sub(1)).ok(),
            load: load(),
            ..Reading::default()
        };
        Ok(&self.reading)
    }
}

fn list_cpus() -> Result<System, Fault> {
    let usage = RefreshKind::nothing().with_cpu(CpuRefreshKind::nothing().with_usage());
    match System::new_with_specifics(usage) {
        Ok(system) if !system.cpus().is_empty() => Ok(system),
        Ok(_) => Err(Fault::Empty),
        Err(error) => Err(Fault::Io(std::io::Error::other(error.to_string()))),
    }
}

/// All CPUs together, then each core, in percent.
fn figures(system: &System) -> impl Iterator<Item = f32> + '_ {
    std::iter::once(system.global_cpu_usage()).chain(system.cpus().iter().map(sysinfo::Cpu::usage))
}

fn usage(figures: &[f32]) -> Option<Usage> {
    let (&all, cores) = figures.split_first()?;
    let hottest_core = cores.iter().copied().filter_map(ratio).max();
    Some(Usage { utilization: ratio(all)?, hottest_core })
}

/// The ratio of a percentage; rounding may have put it a little outside.
fn ratio(percent: f32) -> Option<Ratio> {
    let millionths = (f64::from(percent) * 10_000.0).round();
    if millionths.is_nan() { None } else { Ratio::from_millionths(millionths.clamp(0.0, 1e6) as u32) }
}

/// Windows has no load average; what the library makes up for it is not shown.
fn load() -> Option<[Millionths; 3]> {
    let load = System::load_average().ok().filter(|_| !cfg!(windows))?;
    let millionths = |average: f64| {
        (average.is_finite() && average >= 0.0).then(|| Millionths((average * 1e6).round() as u64))
    };
    Some([millionths(load.one)?, millionths(load.five)?, millionths(load.fifteen)?])
}

#[cfg(test)]
mod tests;
