//! A machine that is made up: its counters, in ticks, and `/proc/stat` as its kernel would write it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Fields of a CPU line: user nice system idle iowait irq softirq steal guest guest_nice.
pub(crate) const FIELDS: usize = 10;

pub(crate) const USER: usize = 0;
pub(crate) const NICE: usize = 1;
pub(crate) const SYSTEM: usize = 2;
pub(crate) const IDLE: usize = 3;
pub(crate) const IOWAIT: usize = 4;
pub(crate) const STEAL: usize = 7;
pub(crate) const GUEST: usize = 8;
pub(crate) const GUEST_NICE: usize = 9;

/// Ticks of one core in one second.
pub(crate) const SECOND: u64 = 100;

/// What is counted on one line, in ticks.
pub(crate) type Counters = [u64; FIELDS];

/// A machine at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Machine {
    /// The line `cpu`.
    pub(crate) total: Counters,
    /// The lines `cpu0` and so on, of the cores that are online.
    pub(crate) online: BTreeMap<u32, Counters>,
    /// Cores whose counters the kernel keeps while they are offline.
    offline: BTreeMap<u32, Counters>,
    /// How many fields the kernel knows: 4 to 10.
    pub(crate) fields: usize,
    pub(crate) context_switches: u64,
    pub(crate) procs_running: u64,
}

impl Machine {
    /// A machine of so many cores that has been up for a while, each counter at a value of its own.
    pub(crate) fn with_cores(cores: u32) -> Self {
        let counters = |seed: u64| std::array::from_fn(|field| 100_000 + seed * 1_009 + field as u64 * 37);
        Self {
            total: counters(u64::from(cores) + 5_000),
            online: (0..cores).map(|core| (core, counters(u64::from(core)))).collect(),
            offline: BTreeMap::new(),
            fields: FIELDS,
            context_switches: 1_000,
            procs_running: 1,
        }
    }

    /// A second passes in which the cores, in ascending order, were busy for so many ticks in user mode.
    pub(crate) fn run(&mut self, busy: &[u64]) -> Self {
        assert_eq!(busy.len(), self.online.len(), "a load for each core");
        for (counters, &busy) in self.online.values_mut().zip(busy) {
            counters[USER] += busy;
            counters[IDLE] += SECOND - busy;
        }
        self.total[USER] += busy.iter().sum::<u64>();
        self.total[IDLE] += busy.iter().map(|busy| SECOND - busy).sum::<u64>();
        self.context_switches += 17;
        self.clone()
    }

    /// The line `cpu` changes by so many ticks in each field; no core does.
    pub(crate) fn change(&mut self, changes: &[(usize, i64)]) -> Self {
        for &(field, ticks) in changes {
            self.total[field] = self.total[field].checked_add_signed(ticks).unwrap();
        }
        self.clone()
    }

    /// A core goes offline. Its time stays in the total.
    pub(crate) fn take_offline(&mut self, core: u32) {
        let counters = self.online.remove(&core).unwrap();
        self.offline.insert(core, counters);
    }

    /// It comes back, having slept for so many ticks by its own account.
    pub(crate) fn bring_back(&mut self, core: u32, slept: u64) {
        let mut counters = self.offline.remove(&core).unwrap();
        counters[IDLE] += slept;
        self.online.insert(core, counters);
    }

    /// A core is added that counts from these.
    pub(crate) fn add(&mut self, core: u32, counters: Counters) {
        assert!(self.online.insert(core, counters).is_none());
    }

    /// The machine as its kernel writes it: a field that it does not know is 0.
    pub(crate) fn as_written(&self) -> Self {
        let mut machine = self.clone();
        for counters in machine.online.values_mut().chain([&mut machine.total]) {
            counters[self.fields..].fill(0);
        }
        machine
    }

    /// `/proc/stat`.
    pub(crate) fn stat(&self) -> String {
        let mut text = line("cpu ", &self.total[..self.fields]);
        for (core, counters) in &self.online {
            text += &line(&format!("cpu{core}"), &counters[..self.fields]);
        }
        let (ctxt, running) = (self.context_switches, self.procs_running);
        write!(text, "intr 9 0 1\nctxt {ctxt}\nbtime 1\nprocesses 2\nprocs_running {running}\n").unwrap();
        text + "procs_blocked 0\nsoftirq 5 0 1\n"
    }
}

fn line(name: &str, counters: &[u64]) -> String {
    let numbers: Vec<_> = counters.iter().map(u64::to_string).collect();
    format!("{name} {}\n", numbers.join(" "))
}
