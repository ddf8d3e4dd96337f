//! A machine that does not exist: who it is, and everything an agent measures by default, wandering and growing as
//! it would.

use cpumon_protocol::model::{
    AgentName, CoreTimes, Cores, CpuModel, CpuTimes, GuestTimes, Hello, Histogram, HostFacts, LogicalCpu,
    Machine as Facts, Micros, Millionths, Mode, Moment, Ratio, RunId, Sample, Uname, WallTime,
};
use fastrand::Rng;

/// How many cores such a machine has.
const CORES: u64 = 16;

/// The furthest that utilization moves in a second, in millionths.
const STEP: u32 = 80_000;

/// Its longest uptime before its first sample, in seconds: totals as long as those of real machines.
const UPTIME_MAX: u64 = 200 * 24 * 60 * 60;

/// One such machine.
#[derive(Debug)]
pub struct Machine {
    random: Rng,
    sample: Sample,
    last: Option<Moment>,
}

impl Machine {
    /// A machine that has been up for some time. The same `seed` gives the same machine.
    pub fn new(seed: u64) -> Self {
        let mut random = Rng::with_seed(seed);
        let uptime = random.u64(1_000..UPTIME_MAX);
        let mut histogram = Histogram::default();
        let mut times = CpuTimes::default();
        for bucket in &mut histogram.buckets {
            *bucket = random.u64(..uptime / 13 + 1);
        }
        histogram.sum = Millionths(histogram.count().saturating_mul(random.u64(..1_000_000)));
        for mode in Mode::ALL {
            times.set(mode, Micros(random.u64(..uptime * CORES) * 10_000));
        }
        let sample = Sample {
            utilization: ratio(random.u32(..=1_000_000)),
            histogram: Some(histogram),
            cpu_times: Some(times),
            guest_times: Some(GuestTimes::default()),
            logical_cpus: u32::try_from(CORES).ok(),
            context_switches: Some(random.u64(..uptime * 20_000)),
            pressure_waiting: Some(Micros(random.u64(..uptime * 10_000))),
            missed_samples: Some(random.u64(..100)),
            ..Sample::default()
        };
        Self { random, sample, last: None }
    }

    /// How many samples it has measured since its boot, as its histogram counts them.
    pub fn measured(&self) -> u64 {
        self.sample.histogram.map_or(0, |histogram| histogram.count())
    }

    /// The sample at `now`: the first one, or what has become of the one before.
    pub fn sample(&mut self, now: Moment) -> Sample {
        let passed = self.last.map_or(Micros::from_secs(1), |last| now.since(last));
        self.last = Some(now);
        self.wander();
        self.grow(passed);
        self.sample.clone()
    }

    /// The totals of its cores as of the last sample, as an exporter asks for them: the time of all, spread evenly.
    pub fn cores(&self) -> Cores {
        let all = self.sample.cpu_times.unwrap_or_default();
        let times = CpuTimes(all.0.map(|Micros(time)| in_ticks(time / CORES)));
        let core = |core| CoreTimes { core, times, guest: GuestTimes::default() };
        Cores {
            asked: true,
            wall: Some(WallTime(1_795_000_000_123_456)),
            boot_time: Some(WallTime(1_790_000_000_000_000)),
            times: (0..CORES as u32).map(core).collect(),
            machine: None,
        }
    }

    /// Moves the gauges.
    fn wander(&mut self) {
        let low = self.sample.utilization.millionths().saturating_sub(STEP);
        let moved = low.saturating_add(self.random.u32(..=2 * STEP)).min(1_000_000);
        let hottest = self.random.u32(moved..=1_000_000);
        let load = self.random.u64(..CORES * 100) * 10_000;
        let sample = &mut self.sample;
        sample.utilization = ratio(moved);
        sample.utilization_max = Some(ratio(hottest.max(moved)));
        sample.hottest_core = Some(ratio(hottest));
        sample.load = Some([load, load / 2, load / 3].map(Millionths));
        sample.procs_running = Some(self.random.u64(1..=CORES));
    }

    /// Adds to the totals what `passed` brings.
    fn grow(&mut self, passed: Micros) {
        let share = u64::from(self.sample.utilization.millionths());
        let busy = passed.0.saturating_mul(CORES) / 1_000_000 * share;
        let idle = (passed.0.saturating_mul(CORES)).saturating_sub(busy);
        let sample = &mut self.sample;
        if let Some(times) = &mut sample.cpu_times {
            for (mode, more) in [(Mode::User, busy / 4 * 3), (Mode::System, busy / 4), (Mode::Idle, idle)] {
                times.set(mode, times.get(mode).saturating_add(in_ticks(more)));
            }
        }
        if let Some(histogram) = &mut sample.histogram {
            histogram.observe(sample.utilization);
        }
        let switches = self.random.u64(1_000..20_000);
        sample.context_switches = sample.context_switches.map(|count| count.saturating_add(switches));
        let waited = Micros(passed.0 / 50);
        sample.pressure_waiting = sample.pressure_waiting.map(|total| total.saturating_add(waited));
    }
}

/// What such a machine is.
pub fn facts() -> Facts {
    let text = |text: &str| Some(text.into());
    Facts {
        uname: Uname {
            sysname: text("Linux"),
            nodename: text("node"),
            release: text("6.12.48+deb13-amd64"),
            version: text("#1 SMP PREEMPT_DYNAMIC Debian 6.12.48-1 (2025-09-20)"),
            machine: text("x86_64"),
            domainname: text("(none)"),
        },
        models: vec![CpuModel {
            vendor: text("AuthenticAMD"),
            family: text("25"),
            model: text("17"),
            model_name: text("AMD EPYC 9554 64-Core Processor"),
            stepping: text("1"),
            microcode: text("0xa101144"),
            cache_size: text("1024 KB"),
        }],
        cpus: (0..CORES as u32)
            .map(|cpu| LogicalCpu { cpu, package: Some(0), core: Some(cpu / 2), model: 0 })
            .collect(),
    }
}

/// The hello of an agent on such a machine, with as many facts as real ones have; its run is a new one.
pub fn hello(name: AgentName, interval: Micros) -> Hello {
    let text = |text: &str| Some(text.into());
    Hello {
        run: RunId::from_bits(fastrand::u128(..)),
        boot: text("3f2b8c1e-6d5a-4e0f-9b7c-2a1d0e9f8c7b"),
        interval,
        utilization: Ratio::ZERO,
        start_time: Some(WallTime(1_790_000_000_123_456)),
        ephemeral: false,
        facts: HostFacts {
            hostname: text(&format!("{name}.example.org")),
            version: text(env!("CARGO_PKG_VERSION")),
            os: text("Linux (Debian GNU/Linux 13)"),
            kernel: text("6.12.48+deb13-amd64"),
            arch: text("x86_64"),
            cpu_model: text("AMD EPYC 9554 64-Core Processor"),
        },
        agent: name,
        labels: Vec::new(),
        token: None,
    }
}

/// The kernel counts CPU time in hundredths of a second.
const fn in_ticks(us: u64) -> Micros {
    Micros(us / 10_000 * 10_000)
}

fn ratio(millionths: u32) -> Ratio {
    Ratio::from_millionths(millionths).unwrap_or(Ratio::ONE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_grow_and_every_default_metric_is_there() {
        let mut machine = Machine::new(7);
        let mut before = machine.sample(Moment(0));
        for second in 1..1_000 {
            let after = machine.sample(Moment(second * 1_000_000));
            for mode in Mode::ALL {
                let total = |sample: &Sample| sample.cpu_times.map(|times| times.get(mode));
                assert!(total(&after) >= total(&before), "{mode:?}");
            }
            let count = |sample: &Sample| sample.histogram.map(|histogram| histogram.count());
            assert_eq!(count(&after), count(&before).map(|count| count + 1));
            assert!(after.context_switches > before.context_switches);
            before = after;
        }
        let Sample { utilization_max, hottest_core, guest_times, load, missed_samples, .. } = &before;
        assert!(utilization_max.is_some() && hottest_core.is_some() && guest_times.is_some());
        assert!(load.is_some() && missed_samples.is_some() && before.pressure_waiting.is_some());
    }
}
