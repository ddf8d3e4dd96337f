//! Processes from a procfs: `<pid>/stat`, see proc_pid_stat(5). It is readable for everyone.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use cpumon_protocol::model::Micros;

use super::List;
use super::ranking::{Process, Ranking};
use crate::sampling::proc::decimal;

/// More than the file ever has: 52 numbers and a name.
const STAT_MAX: usize = 2_048;

/// The flag of the kernel's own threads, `PF_KTHREAD`.
const KERNEL_THREAD: u64 = 0x0020_0000;

/// The processes of a procfs.
pub(super) struct ProcList {
    root: PathBuf,
    ticks_per_second: u64,
    buffer: Box<[u8]>,
}

impl ProcList {
    /// Those of the procfs at `root`.
    pub(super) fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            ticks_per_second: rustix::param::clock_ticks_per_second().max(1),
            buffer: vec![0; STAT_MAX].into(),
        }
    }

    /// What the file of the process `pid` says; nothing when it has ended meanwhile.
    fn stat(&mut self, pid: &str) -> Option<&[u8]> {
        let mut file = File::open(self.root.join(pid).join("stat")).ok()?;
        let length = file.read(&mut self.buffer).ok()?;
        self.buffer.get(..length)
    }
}

impl List for ProcList {
    fn list(&mut self, ranking: &mut Ranking) -> io::Result<()> {
        for entry in fs::read_dir(&self.root)? {
            let name = entry?.file_name();
            let Some(name) = name.to_str() else { continue };
            let Ok(pid) = name.parse() else { continue };
            let ticks_per_second = self.ticks_per_second;
            let Some(process) = self.stat(name).and_then(|stat| parse(pid, stat, ticks_per_second)) else {
                continue;
            };
            if !ranking.add(process) {
                break;
            }
        }
        Ok(())
    }
}

/// `7 (name) S 1 ...`; the name may have any byte in it, also parentheses and blanks.
fn parse(pid: u32, stat: &[u8], ticks_per_second: u64) -> Option<Process<'_>> {
    let begin = memchr::memchr(b'(', stat)? + 1;
    let end = memchr::memrchr(b')', stat)?;
    // Fields are numbered from 1, and the next one is the third.
    let mut fields = stat.get(end + 2..)?.split(|&byte| byte == b' ');
    let mut number = |skip: usize| fields.nth(skip).and_then(|field| decimal::whole(field).ok());
    let flags = number(9 - 3)?;
    let (user, system) = (number(14 - 9 - 1)?, number(0)?);
    let begun = number(22 - 15 - 1)?;
    let ticks = u128::from(user) + u128::from(system);
    let used = u64::try_from(ticks * 1_000_000 / u128::from(ticks_per_second)).ok()?;
    Some(Process {
        pid,
        begun,
        comm: stat.get(begin..end)?,
        is_kernel: flags & KERNEL_THREAD != 0,
        used: Micros(used),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_may_hold_anything() {
        for name in ["sh", "a b", ") S 1 (", "(sd-pam)", "", "\n"] {
            let stat = format!(
                "7 ({name}) S 1 7 7 0 -1 4194560 1052 47 0 0 120 34 5 6 20 0 1 0 3081 8679424 987 \
                 18446744073709551615 1 1 0 0 0 0 0 3686400 81926 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
            );
            let process = parse(7, stat.as_bytes(), 100).unwrap();
            assert_eq!((process.comm, process.begun), (name.as_bytes(), 3_081));
            assert_eq!((process.used, process.is_kernel), (Micros::from_millis(1_540), false));
            for cut in 0..stat.find(" 3081").unwrap() {
                assert!(parse(7, &stat.as_bytes()[..cut], 100).is_none(), "{cut}");
            }
        }
    }

    #[test]
    fn the_kernels_threads_are_known() {
        let stat = b"2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 8 0 0 20 0 1 0 5 0 0";
        let process = parse(2, stat, 100).unwrap();
        assert_eq!((process.is_kernel, process.used), (true, Micros::from_millis(80)));
    }
}
