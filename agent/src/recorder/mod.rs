//! Turns readings at moments into samples. Pure: no clock, no file.
//!
//! It keeps what must not be lost in totals (the histogram of one-second samples, the seconds not measured, CPU
//! time by mode), so any sample repairs the loss of all before it. The promise that everything here serves:
//! *samples in the histogram plus seconds missed are the seconds that have passed*, whatever happens, and a
//! figure that is not known now is not shown.

mod account;
mod cores;
mod held;
mod outcome;
mod peak;
mod ratio;
#[cfg(test)]
mod tests;

use std::mem;

use cpumon_protocol::model::{
    Cgroup, CoreTimes, CpuTimes, GuestTimes, Histogram, Micros, Moment, Ratio, Sample,
};

use crate::sampling::{Cpu, ReadError, Reading, Times};
use account::Account;
use cores::HeldCores;
use held::Held;
use peak::Peak;

pub use outcome::{Change, Missed, Outcome, Total};

/// The shortest interval whose utilization counts as a one-second sample.
pub const INTERVAL_MIN: Micros = Micros::from_millis(500);

/// The longest one.
pub const INTERVAL_MAX: Micros = Micros::from_millis(1_500);

/// What may outlive the process: the totals that no kernel keeps, and those of the kernel as they were shown. A total
/// that a kernel has let fall a little must not fall in Prometheus because the agent was restarted in between.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// All one-second samples so far.
    pub histogram: Histogram,
    /// Seconds so far that were not measured.
    pub missed: u64,
    /// CPU time by mode, as last shown.
    pub cpu_times: Option<CpuTimes>,
    /// Time of guests, as last shown.
    pub guest_times: Option<GuestTimes>,
}

/// The state between two ticks.
#[derive(Debug, Default)]
pub struct Recorder {
    account: Account,
    peak: Peak,
    held: Held,
    held_cores: HeldCores,
    previous: Option<Previous>,
    /// Memory of the cores of the reading before, reused.
    spare_cores: Vec<CoreTimes>,
    condition: Condition,
}

/// The last reading that succeeded.
#[derive(Debug)]
struct Previous {
    at: Moment,
    cpu: PreviousCpu,
    cgroup_usage: Option<Micros>,
}

#[derive(Debug)]
enum PreviousCpu {
    Times { total: CpuTimes, cores: Vec<CoreTimes> },
    Usage,
}

/// How the last tick went: what is logged is its change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Condition {
    #[default]
    Well,
    Unreadable,
    Standing,
}

/// Utilization of the interval between two readings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Interval {
    length: Micros,
    utilization: Ratio,
    hottest_core: Option<Ratio>,
    cgroup: Option<Ratio>,
}

impl Recorder {
    /// A recorder that goes on from `kept`.
    pub fn new(kept: Kept) -> Self {
        let held = Held::new(kept.cpu_times, kept.guest_times);
        Self { account: Account::new(kept.histogram, kept.missed), held, ..Self::default() }
    }

    /// Records what a reading at `now` gave. To be called once a second; what a call later or sooner than
    /// that means for the totals is said in `recorder/account.rs`.
    pub fn tick(&mut self, now: Moment, reading: Result<&Reading, ReadError>) -> Outcome {
        let mut changes = Vec::new();
        let result = match reading {
            Ok(reading) => self.read(now, reading, &mut changes),
            Err(error) => Err(self.unreadable(now, error, &mut changes)),
        };
        Outcome { result, changes }
    }

    /// The totals as of the last tick.
    pub const fn kept(&self) -> Kept {
        let (histogram, missed) = self.account.totals();
        let (cpu_times, guest_times) = self.held.totals();
        Kept { histogram, missed, cpu_times, guest_times }
    }

    /// The totals of each core as of the last tick that could read; none where the system does not tell. For as long as
    /// somebody looks it is to be called after each such tick: from call to call no total falls but for a reset.
    pub fn cores(&mut self) -> &[CoreTimes] {
        match self.previous.as_ref().map(|previous| &previous.cpu) {
            Some(PreviousCpu::Times { cores, .. }) => self.held_cores.update(cores),
            _ => &[],
        }
    }

    /// Nobody looks at cores any more.
    pub fn forget_cores(&mut self) {
        self.held_cores.clear();
    }

    fn read(&mut self, now: Moment, reading: &Reading, changes: &mut Vec<Change>) -> Result<Sample, Missed> {
        let interval = self.interval(now, reading);
        self.remember(now, reading);
        if let Cpu::Times(times) = &reading.cpu {
            self.held.update(times, changes);
        }
        let stands = matches!(interval, Err(Missed::Standing));
        self.enter(if stands { Condition::Standing } else { Condition::Well }, changes);
        match interval {
            Ok(interval) if (INTERVAL_MIN..=INTERVAL_MAX).contains(&interval.length) => {
                self.account.measured(now, interval.utilization);
                self.peak.add(now, interval.utilization);
            }
            _ => self.account.missed(now),
        }
        interval.map(|interval| self.sample(now, reading, interval))
    }

    fn unreadable(&mut self, now: Moment, error: ReadError, changes: &mut Vec<Change>) -> Missed {
        self.account.missed(now);
        if mem::replace(&mut self.condition, Condition::Unreadable) != Condition::Unreadable {
            changes.push(Change::Unreadable(error));
        }
        Missed::Unreadable
    }

    /// The interval since the previous reading, or why there is none.
    fn interval(&self, now: Moment, reading: &Reading) -> Result<Interval, Missed> {
        let previous = self.previous.as_ref().ok_or(Missed::First)?;
        let (utilization, hottest_core) = match (&previous.cpu, &reading.cpu) {
            (PreviousCpu::Times { total, cores }, Cpu::Times(times)) => {
                let utilization = ratio::utilization(total, &times.total).ok_or(Missed::Standing)?;
                (utilization, ratio::hottest(cores, &times.cores))
            }
            (PreviousCpu::Usage, Cpu::Usage(usage)) => (usage.utilization, usage.hottest_core),
            // Another kind of reading has nothing in common with the one before.
            _ => return Err(Missed::First),
        };
        let length = now.since(previous.at);
        let cgroup = ratio::of_cgroup(previous.cgroup_usage, reading, length);
        Ok(Interval { length, utilization, hottest_core, cgroup })
    }

    /// Keeps the raw reading: with held totals the ratio would be of time that never was.
    fn remember(&mut self, now: Moment, reading: &Reading) {
        if let Some(Previous { cpu: PreviousCpu::Times { cores, .. }, .. }) = self.previous.take() {
            self.spare_cores = cores;
        }
        let cpu = match &reading.cpu {
            Cpu::Times(Times { total, cores, .. }) => {
                let mut copy = mem::take(&mut self.spare_cores);
                copy.clear();
                copy.extend_from_slice(cores);
                PreviousCpu::Times { total: *total, cores: copy }
            }
            Cpu::Usage(_) => PreviousCpu::Usage,
        };
        let cgroup_usage = reading.cgroup.and_then(|cgroup| cgroup.usage);
        self.previous = Some(Previous { at: now, cpu, cgroup_usage });
    }

    fn enter(&mut self, condition: Condition, changes: &mut Vec<Change>) {
        let before = mem::replace(&mut self.condition, condition);
        match (before, condition) {
            (_, Condition::Standing) if before != Condition::Standing => changes.push(Change::Standing),
            (Condition::Unreadable | Condition::Standing, Condition::Well) => changes.push(Change::Recovered),
            _ => {}
        }
    }

    fn sample(&mut self, now: Moment, reading: &Reading, interval: Interval) -> Sample {
        let (histogram, missed) = self.account.totals();
        let (cpu_times, guest_times) = match reading.cpu {
            Cpu::Times(_) => self.held.totals(),
            Cpu::Usage(_) => (None, None),
        };
        Sample {
            utilization: interval.utilization,
            utilization_max: self.peak.highest(now),
            hottest_core: interval.hottest_core,
            histogram: Some(histogram),
            cpu_times,
            guest_times,
            logical_cpus: reading.logical_cpus,
            load: reading.load,
            procs_running: reading.procs_running,
            context_switches: reading.context_switches,
            pressure_waiting: reading.pressure_waiting,
            missed_samples: Some(missed),
            cgroup: reading.cgroup.map(|cgroup| Cgroup { utilization: interval.cgroup, ..cgroup }),
            ..Sample::default()
        }
    }
}
