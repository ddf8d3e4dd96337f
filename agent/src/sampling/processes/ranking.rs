//! From CPU time by process to cores by command. Pure.

use std::borrow::Cow;
use std::collections::HashMap;

use cpumon_protocol::model::{Micros, Millionths, Moment, TopProcess};

use super::PROCESSES_MAX;

/// What is known of a process at one look.
#[derive(Clone, Copy, Debug)]
pub struct Process<'a> {
    /// Its number, which is given to another once it is gone.
    pub pid: u32,
    /// When it began, in a unit of the list's choice: with the number, it tells one process from all others.
    pub begun: u64,
    /// Its command's name, as it stands in the list.
    pub comm: &'a [u8],
    /// Whether it is a thread of the kernel's.
    pub is_kernel: bool,
    /// CPU time that it has used.
    pub used: Micros,
}

/// The processes of the last look, and the commands of this one.
#[derive(Debug, Default)]
pub struct Ranking {
    before: HashMap<(u32, u64), Micros>,
    now: HashMap<(u32, u64), Micros>,
    /// When the last look was.
    looked: Option<Moment>,
    /// When the youngest process of the last look began.
    youngest: u64,
    used: HashMap<Box<str>, Micros>,
}

impl Ranking {
    /// Takes in a process of this look; says whether there is room for more.
    pub fn add(&mut self, process: Process<'_>) -> bool {
        let key = (process.pid, process.begun);
        let before = match self.before.get(&key) {
            Some(before) => *before,
            // What is as young as the youngest of the last look began after it. What is older was overlooked then, and
            // what it has used since is not known.
            None if process.begun >= self.youngest => Micros::ZERO,
            None => process.used,
        };
        self.now.insert(key, process.used);
        let used = process.used.saturating_sub(before);
        if self.looked.is_some() && used > Micros::ZERO {
            let command = command(process.comm, process.is_kernel);
            match self.used.get_mut(&*command) {
                Some(sum) => *sum = sum.saturating_add(used),
                None => drop(self.used.insert(command.into(), used)),
            }
        }
        self.now.len() < PROCESSES_MAX
    }

    /// Ends this look, at `now`: the `most` commands that used most since the last one.
    pub fn finish(&mut self, now: Moment, most: usize) -> Vec<TopProcess> {
        self.youngest = self.now.keys().map(|&(_, begun)| begun).max().unwrap_or_default();
        self.before.clear();
        std::mem::swap(&mut self.before, &mut self.now);
        let looked = self.looked.replace(now);
        let span = looked.map_or(Micros::ZERO, |looked| now.since(looked));
        let mut commands: Vec<_> = self
            .used
            .drain()
            .filter_map(|(comm, used)| Some(TopProcess { comm, cores: cores(used, span)? }))
            .collect();
        commands.sort_unstable_by(|one, other| {
            other.cores.cmp(&one.cores).then_with(|| one.comm.cmp(&other.comm))
        });
        commands.truncate(most);
        commands
    }
}

/// How many cores were kept busy by what used so much in `span`.
fn cores(used: Micros, span: Micros) -> Option<Millionths> {
    let millionths = (u128::from(used.0) * 1_000_000).checked_div(u128::from(span.0))?;
    u64::try_from(millionths).ok().filter(|&millionths| millionths > 0).map(Millionths)
}

/// The name that a process is counted under. The kernel's threads have their work, or their core, in their names
/// (`kworker/3:1-events`): all of a kind count together, or there would be another series each time.
fn command(comm: &[u8], is_kernel: bool) -> Cow<'_, str> {
    let kind = if is_kernel { comm.split(|&byte| byte == b'/').next().unwrap_or_default() } else { comm };
    let name = String::from_utf8_lossy(kind);
    // Any process may name itself with an escape sequence.
    if name.chars().any(char::is_control) { name.replace(char::is_control, "?").into() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(pid: u32, begun: u64, comm: &str, used_ms: u64) -> Process<'_> {
        Process { pid, begun, comm: comm.as_bytes(), is_kernel: false, used: Micros::from_millis(used_ms) }
    }

    /// A look at `second`; the commands with the thousandths of a core that they kept busy.
    fn look(ranking: &mut Ranking, second: u64, processes: &[Process<'_>]) -> Vec<(String, u64)> {
        for process in processes {
            assert!(ranking.add(*process));
        }
        let top = ranking.finish(Moment(second * 1_000_000), 3);
        top.into_iter().map(|top| (top.comm.into(), top.cores.0 / 1_000)).collect()
    }

    fn told(commands: &[(&str, u64)]) -> Vec<(String, u64)> {
        commands.iter().map(|&(comm, cores)| (comm.to_owned(), cores)).collect()
    }

    #[test]
    fn commands_are_ranked_by_what_they_used_between_two_looks() {
        let mut ranking = Ranking::default();
        assert_eq!(look(&mut ranking, 0, &[process(1, 5, "init", 900), process(7, 6, "sh", 50)]), []);
        let processes = [
            process(1, 5, "init", 900),
            process(7, 6, "sh", 550),
            // Another one that was given the number of one that is gone, and one that is new.
            process(8, 9, "sh", 1_000),
            process(9, 9, "cc1", 20_000),
        ];
        assert_eq!(look(&mut ranking, 10, &processes), told(&[("cc1", 2_000), ("sh", 150)]));
        // The number 9 is another's now. One that is older than those of the last look was overlooked then.
        let processes =
            [process(9, 12, "cc1", 5_000), process(3, 4, "late", 7_000), process(8, 9, "sh", 1_000)];
        assert_eq!(look(&mut ranking, 20, &processes), told(&[("cc1", 500)]));
        assert_eq!(look(&mut ranking, 20, &processes), [], "no time has passed");
    }

    #[test]
    fn the_busiest_are_told_in_a_fixed_order() {
        let mut ranking = Ranking::default();
        look(&mut ranking, 0, &[]);
        let processes: Vec<_> =
            ["d", "b", "a", "c"].map(|comm| process(comm.as_bytes()[0].into(), 1, comm, 1_000)).into();
        assert_eq!(look(&mut ranking, 10, &processes), told(&[("a", 100), ("b", 100), ("c", 100)]));
    }

    #[test]
    fn names_are_safe_and_few() {
        for (comm, is_kernel, expected) in [
            (&b"kworker/3:1-events_power_efficient"[..], true, "kworker"),
            (b"ksoftirqd/0", true, "ksoftirqd"),
            (b"kthreadd", true, "kthreadd"),
            (b"a/b", false, "a/b"),
            (b"\x1b[31mred\n", false, "?[31mred?"),
            (b"caf\xe9", false, "caf\u{fffd}"),
            (b"", false, ""),
        ] {
            assert_eq!(command(comm, is_kernel), expected);
        }
    }

    #[test]
    fn a_look_is_bounded() {
        let mut ranking = Ranking::default();
        let taken = (0..).take_while(|&pid| ranking.add(process(pid, 1, "x", 1))).count();
        assert_eq!(taken + 1, PROCESSES_MAX);
    }
}
