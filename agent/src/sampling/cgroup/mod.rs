//! The CPU account of the agent's own control group: what its container, or its service, used of what it may use.
//!
//! Both versions of cgroups are read, and mixtures of them; see the kernel's admin-guide/cgroup-v2 and
//! scheduler/sched-bwc. What a file does not have is absent: a group without a limit has no limit, the root group
//! has no periods.

mod account;
mod locate;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use cpumon_protocol::model::{Cgroup, Micros};

use super::proc::file::{Buffer, KernelFile};
use account::{V2_USAGE, nanos};

/// Where a group's account is, by version.
#[derive(Debug)]
enum Files {
    V1 { usage: KernelFile, stat: KernelFile, quota: KernelFile, period: KernelFile },
    V2 { stat: KernelFile, max: KernelFile },
}

/// The account of one control group.
#[derive(Debug)]
pub struct CgroupReader {
    directory: PathBuf,
    files: Files,
}

/// Why there is no account.
#[derive(Debug, thiserror::Error)]
pub enum CgroupError {
    /// The kernel does not say which group this process is in.
    #[error("cannot read {path}: {error}")]
    Unreadable {
        /// The file that should say it.
        path: &'static str,
        /// The system's words.
        error: std::io::Error,
    },
    /// No file system of groups is mounted, or not the part with this process's group.
    #[error("the files of this process's control group are not to be found; mount /sys/fs/cgroup")]
    NotFound,
}

const MEMBERSHIP: &str = "/proc/self/cgroup";
const MOUNTS: &str = "/proc/self/mountinfo";

impl CgroupReader {
    /// The account of the group that this process is in.
    ///
    /// # Errors
    ///
    /// When the kernel has no groups, or shows none of their files here.
    pub fn of_this_process() -> Result<Self, CgroupError> {
        let read =
            |path| std::fs::read_to_string(path).map_err(|error| CgroupError::Unreadable { path, error });
        Self::find(&read(MEMBERSHIP)?, &read(MOUNTS)?, Path::new("/")).ok_or(CgroupError::NotFound)
    }

    /// The account of the group that `membership` names, in the file systems that `mounts` lists, below `root`.
    fn find(membership: &str, mounts: &str, root: &Path) -> Option<Self> {
        let place = locate::locate(membership, mounts, root)?;
        let file = |directory: &Path, name: &str| KernelFile::new(directory.join(name));
        let (directory, files) = match place {
            locate::Place::V1 { cpuacct, cpu } => (
                cpuacct.clone(),
                Files::V1 {
                    usage: file(&cpuacct, "cpuacct.usage"),
                    stat: file(&cpu, "cpu.stat"),
                    quota: file(&cpu, "cpu.cfs_quota_us"),
                    period: file(&cpu, "cpu.cfs_period_us"),
                },
            ),
            locate::Place::V2(group) => {
                (group.clone(), Files::V2 { stat: file(&group, "cpu.stat"), max: file(&group, "cpu.max") })
            }
        };
        Some(Self { directory, files })
    }

    /// Where the group's files are.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The account now, without a utilization; none when it cannot be read.
    pub(super) fn read(&mut self, buffer: &mut Buffer) -> Option<Cgroup> {
        match &mut self.files {
            Files::V1 { usage, stat, quota, period } => {
                let usage = nanos(usage.read(buffer).ok()?)?;
                let limit = quota.read(buffer).ok().and_then(account::number).and_then(|quota| {
                    account::limit(quota, period.read(buffer).ok().and_then(account::number)?)
                });
                let stat = stat.read(buffer).unwrap_or_default();
                let field = |name| account::field(stat, name);
                Some(Cgroup {
                    utilization: None,
                    usage: Some(usage),
                    limit,
                    periods: field("nr_periods"),
                    throttled_periods: field("nr_throttled"),
                    throttled: field("throttled_time").map(|ns| Micros(ns / 1_000)),
                })
            }
            Files::V2 { stat, max } => {
                let limit = max.read(buffer).ok().and_then(account::max);
                let stat = stat.read(buffer).ok()?;
                let field = |name| account::field(stat, name);
                Some(Cgroup {
                    utilization: None,
                    usage: Some(Micros(field(V2_USAGE)?)),
                    limit,
                    periods: field("nr_periods"),
                    throttled_periods: field("nr_throttled"),
                    throttled: field("throttled_usec").map(Micros),
                })
            }
        }
    }
}
