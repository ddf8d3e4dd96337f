//! A machine: what its kernel would say about its CPUs at a moment, with all the oddities of real ones.

use cpumon_agent::sampling::{Cpu, Fault, ReadError, Reading, Times};
use cpumon_protocol::model::{CoreTimes, CpuTimes, GuestTimes, Micros, Millionths, Mode};

use crate::random::chance;
use crate::time::Time;

/// The kernel's unit of CPU time, in microseconds.
const TICK: u64 = 10_000;

/// Boots that an agent's marks are told apart by.
const BOOTS: u64 = 64;

/// What goes wrong with a machine's figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Oddity {
    /// The files cannot be read for a while.
    Unreadable,
    /// The CPU times stand still for a while.
    Standing,
    /// A mode falls by less than three seconds.
    Fall,
    /// A core goes offline, or comes back.
    Cores,
    /// Some seconds of full load.
    Burst,
}

/// One machine.
#[derive(Debug)]
pub(crate) struct Machine {
    random: fastrand::Rng,
    /// Counted from 0; a boot has its own identifier.
    pub(crate) boot: u64,
    /// How far the times have come.
    advanced_to: Time,
    load_percent: u64,
    times: CpuTimes,
    /// What each mode had been before it fell.
    highest: CpuTimes,
    guest_user: u64,
    pressure: u64,
    marks: u64,
    cores: Vec<Core>,
    unreadable_until: Time,
    standing_until: Time,
    burst_until: Time,
    reading: Reading,
}

#[derive(Debug)]
struct Core {
    number: u32,
    is_online: bool,
    times: CpuTimes,
}

impl Machine {
    pub(crate) fn new(mut random: fastrand::Rng) -> Self {
        let cores = (0..random.u32(1..=4))
            .map(|number| Core { number, is_online: true, times: CpuTimes::default() })
            .collect();
        let mut machine = Self {
            load_percent: random.u64(0..100),
            random,
            boot: 0,
            advanced_to: Time(0),
            times: CpuTimes::default(),
            highest: CpuTimes::default(),
            guest_user: 0,
            pressure: 0,
            marks: 0,
            cores,
            unreadable_until: Time(0),
            standing_until: Time(0),
            burst_until: Time(0),
            reading: Reading::default(),
        };
        // It has been up for a while.
        for mode in Mode::ALL {
            machine.times.set(mode, Micros(machine.random.u64(0..4_000_000_000_000)));
        }
        machine.guest_user = machine.times.get(Mode::User).0 / 3;
        machine.marks = machine.random.u64(1_000_000..1_000_000_000);
        machine
    }

    /// The machine is started again: the kernel counts from nothing.
    pub(crate) fn reboot(&mut self, now: Time) {
        self.boot += 1;
        self.advanced_to = now;
        self.times = CpuTimes::default();
        self.highest = CpuTimes::default();
        (self.guest_user, self.pressure, self.marks) = (0, 0, self.random.u64(0..1_000));
        for core in &mut self.cores {
            core.times = CpuTimes::default();
            core.is_online = true;
        }
        (self.unreadable_until, self.standing_until, self.burst_until) = (now, now, now);
    }

    /// The identifier of the boot.
    pub(crate) fn boot_id(&self) -> String {
        format!("boot-{}", self.boot)
    }

    /// Something goes wrong now, or for so long.
    pub(crate) fn strike(&mut self, oddity: Oddity, now: Time, span: Micros) {
        match oddity {
            Oddity::Unreadable => self.unreadable_until = now.plus(span),
            Oddity::Standing => self.standing_until = now.plus(span),
            Oddity::Burst => self.burst_until = now.plus(span),
            Oddity::Fall => {
                let mode = if chance(&mut self.random, 50) { Mode::Iowait } else { Mode::User };
                let fall = self.random.u64(1..290) * TICK;
                let now = self.times.get(mode);
                // One fall after the other would be a reset in the end.
                if now >= self.highest.get(mode) {
                    self.highest.set(mode, now);
                    self.times.set(mode, now.saturating_sub(Micros(fall)));
                }
            }
            Oddity::Cores => {
                let index = self.random.usize(0..self.cores.len());
                if index > 0 {
                    self.cores[index].is_online ^= true;
                }
            }
        }
    }

    /// All oddities are over.
    pub(crate) fn heal(&mut self, now: Time) {
        (self.unreadable_until, self.standing_until, self.burst_until) = (now, now, now);
    }

    /// What the kernel says at `now`.
    pub(crate) fn read(&mut self, now: Time) -> Result<&Reading, ReadError> {
        self.advance(now);
        if now < self.unreadable_until {
            return Err(ReadError::new("stat", Fault::Empty));
        }
        let truncated = |times: &CpuTimes| CpuTimes(times.0.map(|Micros(us)| Micros(us - us % TICK)));
        let Cpu::Times(times) = &mut self.reading.cpu else {
            return Err(ReadError::new("stat", Fault::Stale));
        };
        times.total = truncated(&self.times);
        times.guest = Some(GuestTimes { user: Micros(self.guest_user), nice: Micros::ZERO });
        times.cores.clear();
        times.cores.extend(self.cores.iter().filter(|core| core.is_online).map(|core| CoreTimes {
            core: core.number,
            times: truncated(&core.times),
            guest: GuestTimes::default(),
        }));
        let online = self.cores.iter().filter(|core| core.is_online).count();
        self.reading.logical_cpus = u32::try_from(online).ok();
        self.reading.load = Some([Millionths(self.load_percent * 10_000); 3]);
        self.reading.procs_running = Some(1 + self.load_percent / 10);
        // The lowest digits are the boot, so no mark of one boot is one of another.
        self.reading.context_switches = Some(self.marks * BOOTS + self.boot % BOOTS);
        self.reading.pressure_waiting = Some(Micros(self.pressure));
        Ok(&self.reading)
    }

    fn advance(&mut self, now: Time) {
        let from = self.advanced_to;
        self.advanced_to = now;
        // Each reading has a mark of its own, whatever else stands still.
        self.marks += self.random.u64(1..50_000);
        if from < self.standing_until {
            return;
        }
        self.drift(now);
        let Micros(passed) = now.since(from);
        for index in 0..self.cores.len() {
            if !self.cores[index].is_online {
                continue;
            }
            let busy = passed * self.load_percent / 100;
            let parts = self.split(busy, passed - busy);
            for (mode, part) in Mode::ALL.into_iter().zip(parts) {
                for times in [&mut self.times, &mut self.cores[index].times] {
                    times.set(mode, times.get(mode).saturating_add(Micros(part)));
                }
            }
            self.guest_user += parts[0] / 3;
            self.pressure += parts[0] / 7;
        }
    }

    /// How a core's busy and idle time are spent, in the order of the modes.
    fn split(&mut self, busy: u64, idle: u64) -> [u64; Mode::ALL.len()] {
        let nice = busy / 16;
        let system = busy * self.random.u64(1..30) / 100;
        let steal = if chance(&mut self.random, 10) { busy / 10 } else { 0 };
        let irq = busy / 100;
        let iowait = if chance(&mut self.random, 30) { idle / 5 } else { 0 };
        let user = busy - nice - system - steal - 2 * irq;
        [user, nice, system, idle - iowait, iowait, irq, irq, steal]
    }

    fn drift(&mut self, now: Time) {
        self.load_percent = match self.random.u32(0..20) {
            _ if now < self.burst_until => 100,
            0 => self.random.u64(0..=100),
            1 => 0,
            _ => (self.load_percent + self.random.u64(0..=10)).saturating_sub(5).min(100),
        };
    }
}

/// A reading's totals, for the truth that is kept beside the program.
pub(crate) fn times_of(reading: &Reading) -> Option<&Times> {
    match &reading.cpu {
        Cpu::Times(times) => Some(times),
        Cpu::Usage(_) => None,
    }
}
