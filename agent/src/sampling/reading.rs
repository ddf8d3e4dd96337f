//! What a source saw at one moment.

use cpumon_protocol::model::{Cgroup, CoreTimes, CpuTimes, GuestTimes, Micros, Millionths, Ratio, WallTime};

/// Everything a source could read at one moment. What its system does not have is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// The state of the CPUs.
    pub cpu: Cpu,
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
    /// When the machine booted, by its own clock.
    pub boot_time: Option<WallTime>,
    /// The account of the agent's own control group, without a utilization; only if asked for.
    pub cgroup: Option<Cgroup>,
}

/// The CPUs, in the form that the system offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cpu {
    /// Running totals by mode: the truth, from which any interval can be computed.
    Times(Times),
    /// Only a ratio, made by the system or a library, covering the time since the reading before.
    Usage(Usage),
}

/// Running totals since boot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// All CPUs together, as the kernel says it: not a sum over `cores`.
    pub total: CpuTimes,
    /// The part that went to virtual machines; none on kernels that do not count it.
    pub guest: Option<GuestTimes>,
    /// Every core that is online, in ascending order of its number, each number once.
    pub cores: Vec<CoreTimes>,
}

/// Use since the reading before. The first one of a source covers no interval of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// All CPUs together.
    pub utilization: Ratio,
    /// The busiest core.
    pub hottest_core: Option<Ratio>,
}

impl Default for Cpu {
    fn default() -> Self {
        Self::Times(Times::default())
    }
}
