//! What is known of each core, and of the machine as other programs name its parts.

use super::sample::CoreTimes;
use super::time::WallTime;

/// Per-core totals that belong to one sample, and what is told along with them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cores {
    /// Whether they are sent only because the exporter asked for them.
    pub asked: bool,
    /// When they were read, by the agent's clock.
    pub wall: Option<WallTime>,
    /// When the machine booted, by its own clock.
    pub boot_time: Option<WallTime>,
    /// Each core that is online; none where the system does not tell.
    pub times: Vec<CoreTimes>,
    /// What does not change while the machine runs, or a part of it; told once a connection.
    pub machine: Option<Box<Machine>>,
}

/// What a machine is, in the terms of uname(2) and of `/proc/cpuinfo`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Machine {
    /// Its kernel's names.
    pub uname: Uname,
    /// The kinds of processors in it, at most [`crate::limits::CPU_MODELS_MAX`].
    pub models: Vec<CpuModel>,
    /// Its logical CPUs, at most [`crate::limits::CORES_MAX`].
    pub cpus: Vec<LogicalCpu>,
}

/// The names that uname(2) gives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Uname {
    /// Name of the operating system's kernel, such as `Linux`.
    pub sysname: Option<Box<str>>,
    /// Name of the machine in its network.
    pub nodename: Option<Box<str>>,
    /// Release of the kernel.
    pub release: Option<Box<str>>,
    /// Which build of that release.
    pub version: Option<Box<str>>,
    /// Architecture of the processor.
    pub machine: Option<Box<str>>,
    /// NIS domain.
    pub domainname: Option<Box<str>>,
}

/// A kind of processor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CpuModel {
    /// Who makes it.
    pub vendor: Option<Box<str>>,
    /// Family, a number as text.
    pub family: Option<Box<str>>,
    /// Model within the family, a number as text.
    pub model: Option<Box<str>>,
    /// What it is sold as.
    pub model_name: Option<Box<str>>,
    /// Revision, a number as text.
    pub stepping: Option<Box<str>>,
    /// Version of its microcode.
    pub microcode: Option<Box<str>>,
    /// Size of its cache, such as `512 KB`.
    pub cache_size: Option<Box<str>>,
}

/// A logical CPU, and where in the machine it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogicalCpu {
    /// The kernel's number for it.
    pub cpu: u32,
    /// The socket that it is in.
    pub package: Option<u32>,
    /// The core of that socket that it is a thread of.
    pub core: Option<u32>,
    /// Its kind: the place in [`Machine::models`], from 0; of one that is not there nothing is known.
    pub model: u32,
}
