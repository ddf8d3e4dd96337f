//! Groups of both versions as machines and containers have them, and that of this very process.

use std::fs;

use cpumon_protocol::model::Millionths;
use tempfile::TempDir;

use super::*;

/// The file system of a machine: files below its root.
fn machine(files: &[(&str, &str)]) -> TempDir {
    let root = TempDir::new().unwrap();
    for (path, content) in files {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    root
}

fn read(root: &TempDir, membership: &str, mounts: &str) -> Option<Cgroup> {
    CgroupReader::find(membership, mounts, root.path())?.read(&mut Buffer::default())
}

const V2_MOUNT: &str =
    "30 23 0:26 / /sys/fs/cgroup rw,nosuid,nodev shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
const V2_STAT: &str = "usage_usec 48211930\nuser_usec 3\nsystem_usec 4\nnr_periods 6000\nnr_throttled 3\nthrottled_usec 41000\nnr_bursts 0\nburst_usec 0\n";

fn throttled(limit: Option<u64>) -> Option<Cgroup> {
    Some(Cgroup {
        utilization: None,
        usage: Some(Micros(48_211_930)),
        limit: limit.map(Millionths),
        periods: Some(6_000),
        throttled_periods: Some(3),
        throttled: Some(Micros(41_000)),
    })
}

#[test]
fn version_2_in_a_container_and_in_a_service() {
    for (max, limit) in
        [("50000 100000\n", Some(500_000)), ("max 100000\n", None), ("250000 50000\n", Some(5_000_000))]
    {
        let container = machine(&[("sys/fs/cgroup/cpu.stat", V2_STAT), ("sys/fs/cgroup/cpu.max", max)]);
        assert_eq!(read(&container, "0::/\n", V2_MOUNT), throttled(limit));
        let service = machine(&[
            ("sys/fs/cgroup/cpu.stat", "usage_usec 1\n"),
            ("sys/fs/cgroup/system.slice/cpumon-agent.service/cpu.stat", V2_STAT),
            ("sys/fs/cgroup/system.slice/cpumon-agent.service/cpu.max", max),
        ]);
        assert_eq!(read(&service, "0::/system.slice/cpumon-agent.service\n", V2_MOUNT), throttled(limit));
    }
}

#[test]
fn the_root_group_of_version_2_has_use_and_nothing_else() {
    let root = machine(&[("sys/fs/cgroup/cpu.stat", "usage_usec 12\nuser_usec 5\nsystem_usec 7\n")]);
    let expected = Cgroup { usage: Some(Micros(12)), ..Cgroup::default() };
    assert_eq!(read(&root, "0::/\n", V2_MOUNT), Some(expected));
}

#[test]
fn version_2_with_a_path_that_is_not_of_this_namespace() {
    let container =
        machine(&[("sys/fs/cgroup/cpu.stat", V2_STAT), ("sys/fs/cgroup/cpu.max", "max 100000\n")]);
    for path in ["/../../user.slice", "/docker/1f", "/"] {
        assert_eq!(read(&container, &format!("0::{path}\n"), V2_MOUNT), throttled(None), "{path}");
    }
}

const V1_STAT: &str = "nr_periods 6000\nnr_throttled 3\nthrottled_time 41000999\n";

#[test]
fn version_1_with_both_controllers_together_or_apart() {
    let together = "31 30 0:27 /docker/1f /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct\n";
    let container = machine(&[
        ("sys/fs/cgroup/cpu,cpuacct/cpuacct.usage", "48211930999\n"),
        ("sys/fs/cgroup/cpu,cpuacct/cpu.stat", V1_STAT),
        ("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "50000\n"),
        ("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n"),
    ]);
    let membership = "12:pids:/docker/1f\n4:cpu,cpuacct:/docker/1f\n1:name=systemd:/docker/1f\n";
    assert_eq!(read(&container, membership, together), throttled(Some(500_000)));

    let apart = "31 30 0:27 / /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu\n32 30 0:28 / /sys/fs/cgroup/cpuacct ro - cgroup cgroup rw,cpuacct\n";
    let host = machine(&[
        ("sys/fs/cgroup/cpuacct/a b/cpuacct.usage", "48211930000\n"),
        ("sys/fs/cgroup/cpu/a b/cpu.stat", V1_STAT),
        ("sys/fs/cgroup/cpu/a b/cpu.cfs_quota_us", "-1\n"),
        ("sys/fs/cgroup/cpu/a b/cpu.cfs_period_us", "100000\n"),
    ]);
    assert_eq!(read(&host, "2:cpuacct:/a b\n1:cpu:/a b\n0::/\n", apart), throttled(None));
}

#[test]
fn a_mixture_has_its_account_in_version_1_where_the_cpu_is_there() {
    let mounts = format!("{V2_MOUNT}33 30 0:29 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n");
    let unified = machine(&[("sys/fs/cgroup/cpu.stat", V2_STAT), ("sys/fs/cgroup/cpu.max", "max 100000\n")]);
    assert_eq!(read(&unified, "5:pids:/x\n0::/\n", &mounts), throttled(None));
}

#[test]
fn what_cannot_be_read_is_absent() {
    let nothing = machine(&[]);
    assert_eq!(read(&nothing, "0::/\n", V2_MOUNT), None);
    let without_files = machine(&[("sys/fs/cgroup/cgroup.procs", "1\n")]);
    assert_eq!(read(&without_files, "0::/\n", V2_MOUNT), None);
    assert_eq!(read(&without_files, "", ""), None);
    for stat in ["", "usage_usec", "usage_usec 12", "usage_usec -1\n", "nr_periods 6\n"] {
        let cut = machine(&[("sys/fs/cgroup/cpu.stat", stat)]);
        assert_eq!(read(&cut, "0::/\n", V2_MOUNT), None, "{stat:?}");
    }
    for max in ["", "50000", "50000 0\n", "50000 100000", "0 100000\n", "99999999999999999999 1\n"] {
        let odd = machine(&[("sys/fs/cgroup/cpu.stat", V2_STAT), ("sys/fs/cgroup/cpu.max", max)]);
        assert_eq!(read(&odd, "0::/\n", V2_MOUNT), throttled(None), "{max:?}");
    }
}

/// Whichever version the kernel at hand has: use is there, and grows while this thread works.
#[test]
fn the_group_of_this_process() {
    let mut group = match CgroupReader::of_this_process() {
        Ok(group) => group,
        Err(error) => return assert!(matches!(error, CgroupError::NotFound), "{error}"),
    };
    let mut usage = || group.read(&mut Buffer::default()).and_then(|group| group.usage).unwrap();
    let before = usage();
    // The kernel accounts at its ticks: until it has, there is always more to do.
    while usage() < before.saturating_add(Micros(20_000)) {}
}
