//! What an agent knows at one tick: gauges of the last second and totals of all seconds.

use super::histogram::Histogram;
use super::times::{CpuTimes, GuestTimes};
use super::units::{Micros, Millionths, Ratio};

/// One sample. Every total is whole, so the next sample repairs the loss of any before it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// Busy time over total time of the last interval.
    pub utilization: Ratio,
    /// Highest one-second utilization of the last 60 s.
    pub utilization_max: Option<Ratio>,
    /// Utilization of the busiest core in the last interval.
    pub hottest_core: Option<Ratio>,
    /// All one-second samples of this run.
    pub histogram: Option<Histogram>,
    /// CPU time by mode since boot, all cores together.
    pub cpu_times: Option<CpuTimes>,
    /// The part of it that went to virtual machines.
    pub guest_times: Option<GuestTimes>,
    /// Logical CPUs online.
    pub logical_cpus: Option<u32>,
    /// Load averages over 1, 5 and 15 minutes.
    pub load: Option<[Millionths; 3]>,
    /// Runnable tasks.
    pub procs_running: Option<u64>,
    /// Context switches since boot.
    pub context_switches: Option<u64>,
    /// Time in which some task waited for a CPU (PSI `some`), since boot.
    pub pressure_waiting: Option<Micros>,
    /// Seconds of this run that were not measured.
    pub missed_samples: Option<u64>,
    /// Frames of this run that were due but not sent.
    pub skipped_frames: Option<u64>,
    /// From the last sample's departure to its ack.
    pub rtt: Option<Micros>,
    /// The agent's own control group, if asked for.
    pub cgroup: Option<Cgroup>,
    /// The busiest commands, if asked for.
    pub top_processes: Vec<TopProcess>,
}

/// The CPU account of a control group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cgroup {
    /// Use in the last interval, of the limit or else of the host's cores.
    pub utilization: Option<Ratio>,
    /// CPU time used since the group was made.
    pub usage: Option<Micros>,
    /// The limit in CPUs; none when unlimited.
    pub limit: Option<Millionths>,
    /// Enforcement periods passed.
    pub periods: Option<u64>,
    /// Enforcement periods in which the group was throttled.
    pub throttled_periods: Option<u64>,
    /// Time throttled.
    pub throttled: Option<Micros>,
}

/// All processes of one command, together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopProcess {
    /// The command's name as the kernel keeps it, at most 15 bytes on Linux.
    pub comm: Box<str>,
    /// How many cores it kept busy in the last interval.
    pub cores: Millionths,
}

/// CPU time by mode of one core.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoreTimes {
    /// The kernel's number for it, as text: the value of the label `core`.
    pub core: u32,
    /// Time by mode since boot.
    pub times: CpuTimes,
    /// The part of it that went to virtual machines.
    pub guest: GuestTimes,
}
