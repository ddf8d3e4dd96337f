//! The machines that the agents watch. They do not exist: each is a `/proc/stat` that this program writes anew
//! five times a second, so it knows every agent's CPU time to the last digit.

use std::fmt::Write;
use std::time::Duration;

use fastrand::Rng;

/// How often a machine's `/proc/stat` changes. An agent reads once a second, so it always finds a new one.
pub const STEP: Duration = Duration::from_millis(200);

/// The modes of CPU time, in the order of `/proc/stat`.
pub const MODES: [&str; 8] = ["user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"];

/// In which of them a CPU is busy.
const IS_BUSY: [bool; MODES.len()] = [true, true, true, false, false, true, true, true];

/// How much of the busy time is spent in each mode, in hundredths.
const SHARES: [u64; MODES.len()] = [60, 5, 20, 0, 0, 2, 8, 5];

/// Length of the kernel's unit of CPU time, in microseconds.
const TICK_MICROS: u64 = 10_000;

/// Units of CPU time that pass in a step: those of 128 cores, for ratios of many digits.
const TICKS_A_STEP: u64 = 128 * 100 / 5;

/// CPU time by mode in microseconds, since boot.
pub type CpuTimes = [u64; MODES.len()];

/// A machine whose load wanders.
#[derive(Debug)]
pub struct Machine {
    rng: Rng,
    /// The share of busy time that the load tends to, 0 to 1.
    level: f64,
    ticks: [u64; MODES.len()],
}

impl Machine {
    /// A machine that has been up for days.
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let ticks = std::array::from_fn(|_| rng.u64(1_000_000..1_000_000_000));
        Self { rng, level: 0.5, ticks }
    }

    /// Time goes on by a [`STEP`].
    pub fn step(&mut self) {
        if self.rng.u8(0..20) == 0 {
            self.level = self.rng.f64();
        }
        let busy = (self.level + (self.rng.f64() - 0.5) * 0.1).clamp(0.0, 1.0);
        let busy = (busy * TICKS_A_STEP as f64) as u64;
        let mut left = TICKS_A_STEP;
        for (ticks, share) in self.ticks.iter_mut().zip(SHARES) {
            let spent = busy * share / 100;
            *ticks += spent;
            left -= spent;
        }
        let waiting = self.rng.u64(0..=left / 10);
        self.ticks[3] += left - waiting;
        self.ticks[4] += waiting;
    }

    /// Its CPU time.
    pub fn times(&self) -> CpuTimes {
        self.ticks.map(|ticks| ticks * TICK_MICROS)
    }

    /// Its `/proc/stat`.
    pub fn stat(&self) -> String {
        let mut text = "cpu ".to_owned();
        for ticks in self.ticks {
            // Writing to a string cannot fail.
            let _ = write!(text, " {ticks}");
        }
        text + " 0 0\nctxt 1\nprocs_running 1\n"
    }
}

/// The share of busy time between two moments in millionths, as an agent has to round it: half up. Nothing when
/// no time passed.
pub fn utilization(before: &CpuTimes, after: &CpuTimes) -> Option<u64> {
    let changes = before.iter().zip(after).map(|(before, after)| after - before);
    let (mut busy, mut total) = (0, 0);
    for (change, is_busy) in changes.zip(IS_BUSY) {
        total += change;
        busy += if is_busy { change } else { 0 };
    }
    (total > 0).then(|| (2_000_000 * busy + total) / (2 * total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_on_and_stat_tells_it() {
        let mut machine = Machine::new(3);
        let mut seen = [false; 10];
        for _ in 0..2_000 {
            let before = machine.times();
            machine.step();
            let after = machine.times();
            assert_eq!(after.iter().sum::<u64>() - before.iter().sum::<u64>(), TICKS_A_STEP * TICK_MICROS);
            let ratio = utilization(&before, &after).unwrap();
            seen[(ratio / 100_001) as usize] = true;
        }
        assert!(seen.iter().all(|&tenth| tenth), "loads of every size");
        let stat = machine.stat();
        let line = stat.lines().next().unwrap();
        let told: Vec<u64> = line.split_whitespace().skip(1).map(|word| word.parse().unwrap()).collect();
        assert_eq!(told[..8], machine.times().map(|time| time / TICK_MICROS));
    }

    #[test]
    fn utilization_rounds_half_up() {
        let times = |user, idle| [user, 0, 0, idle, 0, 0, 0, 0];
        for (user, idle, expected) in [
            (0, 0, None),
            (1, 0, Some(1_000_000)),
            (1, 2, Some(333_333)),
            (2, 1, Some(666_667)),
            (1, 1_999_999, Some(1)),
        ] {
            assert_eq!(utilization(&times(5, 5), &times(5 + user, 5 + idle)), expected);
        }
        assert_eq!(utilization(&[0; 8], &[1; 8]), Some(750_000), "idle and iowait are not busy, steal is");
    }
}
