//! Where the files of a process's control group are, see cgroups(7) and proc_pid_mountinfo(5).
//!
//! `/proc/self/cgroup` names the group as it stands in the hierarchy, or in this process's namespace of it;
//! `/proc/self/mountinfo` says which part of which hierarchy is mounted where. In a container the two need not fit
//! each other: the mount then begins at the container's own group.

use std::path::{Path, PathBuf};

/// The directories with a group's files.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Version 1, where use and limit are accounts of different controllers, mounted together or apart.
    V1 { cpuacct: PathBuf, cpu: PathBuf },
    /// Version 2.
    V2(PathBuf),
}

/// The group that `membership` names. Where the CPU has a controller of version 1, version 2 knows nothing of it.
pub(super) fn locate(membership: &str, mounts: &str, root: &Path) -> Option<Place> {
    let mounts: Vec<_> = mounts.lines().filter_map(Mount::parse).collect();
    let v1 = |controller: &str| {
        let path = membership.lines().find_map(|line| group(line, Some(controller)))?;
        let mount = mounts.iter().find(|mount| mount.is_v1_of(controller))?;
        mount.directory_of(path, root)
    };
    if let (Some(cpuacct), Some(cpu)) = (v1("cpuacct"), v1("cpu")) {
        return Some(Place::V1 { cpuacct, cpu });
    }
    let path = membership.lines().find_map(|line| group(line, None))?;
    let mount = mounts.iter().find(|mount| mount.kind == "cgroup2")?;
    mount.directory_of(path, root).map(Place::V2)
}

/// The path in a line of `membership` such as `4:cpu,cpuacct:/docker/1f`, if it is of this controller; that of
/// version 2, `0::/`, has none.
fn group<'a>(line: &'a str, controller: Option<&str>) -> Option<&'a str> {
    let (_, rest) = line.split_once(':')?;
    let (controllers, path) = rest.split_once(':')?;
    let fits = match controller {
        Some(controller) => controllers.split(',').any(|one| one == controller),
        None => controllers.is_empty(),
    };
    fits.then_some(path)
}

/// A file system, or a part of one, as it is mounted.
struct Mount<'a> {
    /// What of it is mounted.
    part: &'a str,
    point: PathBuf,
    kind: &'a str,
    options: &'a str,
}

impl<'a> Mount<'a> {
    /// `36 35 0:30 /part /point rw shared:1 - cgroup cgroup rw,cpu,cpuacct`
    fn parse(line: &'a str) -> Option<Self> {
        let (mount, filesystem) = line.split_once(" - ")?;
        let mut mount = mount.split(' ').skip(3);
        let (part, point) = (mount.next()?, mount.next()?);
        let mut filesystem = filesystem.split(' ');
        let (kind, _source, options) = (filesystem.next()?, filesystem.next()?, filesystem.next()?);
        Some(Self { part, point: unescaped(point).into(), kind, options })
    }

    fn is_v1_of(&self, controller: &str) -> bool {
        self.kind == "cgroup" && self.options.split(',').any(|option| option == controller)
    }

    /// Where the group at `path` is in this mount: below it, or else, in a container, what is mounted is the group.
    fn directory_of(&self, path: &str, root: &Path) -> Option<PathBuf> {
        let point = root.join(self.point.strip_prefix("/").ok()?);
        let below = Path::new(path).strip_prefix(self.part).ok();
        let inside = below.filter(|below| !below.components().any(|part| part.as_os_str() == ".."));
        let directory = inside.map(|below| point.join(below)).filter(|directory| directory.is_dir());
        directory.or_else(|| Some(point).filter(|point| point.is_dir()))
    }
}

/// A path as the kernel meant it: it writes blanks and backslashes as `\\040`.
fn unescaped(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        match after.get(..3).and_then(|octal| u8::from_str_radix(octal, 8).ok()) {
            Some(byte) => {
                out.push(char::from(byte));
                rest = after.get(3..).unwrap_or_default();
            }
            None => {
                out.push('\\');
                rest = after;
            }
        }
    }
    out + rest
}
