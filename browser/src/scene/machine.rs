//! What one machine of a scene does, second by second.

use serde_json::{Value, json};

/// How machines of one kind behave.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    name: &'static str,
    cpus: u32,
    /// Percent that it is usually at, and how far machines of the kind are apart.
    usual: f64,
    spread: f64,
    /// One second in so many begins a burst.
    burst_every: u32,
    /// Its busiest commands.
    commands: [&'static str; 5],
}

/// The kinds, in the order in which a scene has them.
pub(super) const KINDS: [Kind; 4] = [
    Kind {
        name: "web",
        cpus: 8,
        usual: 24.0,
        spread: 14.0,
        burst_every: 90,
        commands: ["nginx", "node", "redis-server", "ksoftirqd", "sshd"],
    },
    Kind {
        name: "db",
        cpus: 32,
        usual: 38.0,
        spread: 16.0,
        burst_every: 200,
        commands: ["postgres", "pgbouncer", "kworker", "rsync", "systemd-journal"],
    },
    Kind {
        name: "cache",
        cpus: 4,
        usual: 9.0,
        spread: 6.0,
        burst_every: 400,
        commands: ["memcached", "ksoftirqd", "kworker", "sshd", "cron"],
    },
    Kind {
        name: "worker",
        cpus: 16,
        usual: 52.0,
        spread: 24.0,
        burst_every: 60,
        commands: ["rustc", "ld.lld", "cargo", "git", "kworker"],
    },
];

/// What one machine does.
pub(super) struct Machine {
    name: String,
    kind: Kind,
    random: fastrand::Rng,
    usual: f64,
    now: f64,
    burst: u32,
    load: f64,
    peak: Vec<f64>,
    /// Totals in microseconds: user, system, softirq, iowait, idle.
    totals: [u64; 5],
    pressure: u64,
    /// Busy and idle microseconds of each core.
    cores: Vec<[u64; 2]>,
}

impl Machine {
    pub(super) fn new(kind: Kind, number: usize) -> Self {
        let mut random = fastrand::Rng::with_seed(number as u64 * 7 + kind.cpus as u64);
        let usual = (kind.usual + (random.f64() * 2.0 - 1.0) * kind.spread).max(1.0);
        let load = usual / 100.0 * f64::from(kind.cpus);
        let name = format!("{}-{number}", kind.name);
        Self {
            name,
            kind,
            random,
            usual,
            now: usual,
            burst: 0,
            load,
            peak: Vec::new(),
            totals: [0; 5],
            pressure: 0,
            cores: vec![[0; 2]; kind.cpus as usize],
        }
    }

    /// Its name, and what it says of itself.
    pub(super) fn about(&self) -> Value {
        let model = if self.kind.cpus > 8 { "AMD EPYC 9354P" } else { "Intel Xeon E-2388G" };
        json!({
            "agent": self.name, "hostname": format!("{}.fra.example.org", self.name), "version": env!("CARGO_PKG_VERSION"),
            "os": "Debian GNU/Linux 13", "kernel": "6.12.48", "arch": "x86_64", "cpu_model": model,
            "labels": {"dc": "fra", "role": self.kind.name},
        })
    }

    /// Totals of its cores: the first are the busiest.
    pub(super) fn cores(&self) -> Value {
        let core = |(core, [busy, idle]): (usize, &[u64; 2])| {
            let cpu = json!({
                "user": busy * 3 / 4, "nice": 0, "system": busy / 4, "idle": idle, "iowait": 0, "irq": 0, "softirq": 0, "steal": 0,
            });
            json!({"core": core, "cpu_us": cpu, "guest_us": {"user": 0, "nice": 0}})
        };
        self.cores.iter().enumerate().map(core).collect()
    }

    /// The account of its agent's own container.
    fn group(&self) -> Value {
        let used = self.pressure / 5000;
        json!({
            "utilization_ppm": 30_000 + used % 9_000, "usage_us": used, "limit_cpus_ppm": 500_000,
            "periods": used, "throttled_periods": 0, "throttled_us": 0,
        })
    }

    /// What keeps it busy, as cores of each command.
    fn top(&self, cpus: f64) -> Value {
        let busy = self.now / 100.0 * cpus * 1e6;
        let shares = self.kind.commands.iter().zip([0.61, 0.17, 0.09, 0.04, 0.02]);
        shares.map(|(comm, share)| json!({"comm": comm, "cores_ppm": (busy * share) as u64})).collect()
    }

    /// The next second: percent, and the sample's other fields.
    pub(super) fn second(&mut self) -> (f64, Value) {
        if self.random.u32(..self.kind.burst_every) == 0 {
            self.burst = self.random.u32(3..15);
        }
        self.burst = self.burst.saturating_sub(1);
        let aim = if self.burst > 0 { self.usual + 45.0 } else { self.usual };
        self.now += (aim - self.now) * 0.3 + (self.random.f64() - 0.5) * self.usual * 0.3;
        self.now = self.now.clamp(0.2, 99.5);
        let cpus = f64::from(self.kind.cpus);
        self.load += (self.now / 100.0 * cpus * 1.1 - self.load) / 20.0;
        self.peak.insert(0, self.now);
        self.peak.truncate(60);
        let peak = self.peak.iter().copied().fold(0.0, f64::max);
        let hottest = (self.now * 1.2 + self.random.f64() * 12.0).min(100.0);
        self.grow(cpus);
        let top = self.top(cpus);
        let ppm = |percent: f64| (percent * 10_000.0) as u64;
        let load = |factor: f64| (self.load * factor * 1e6) as u64;
        let [user, system, softirq, iowait, idle] = self.totals;
        let totals = json!({
            "cpus": self.kind.cpus, "max_ppm": ppm(peak), "hottest_core_ppm": ppm(hottest),
            "load_ppm": [load(1.0), load(0.92), load(0.85)],
            "procs_running": 1 + (self.load as u64), "pressure_us": self.pressure,
            "cpu_us": {
                "user": user, "nice": 0, "system": system, "idle": idle, "iowait": iowait, "irq": 0,
                "softirq": softirq, "steal": 0,
            },
            "context_switches": self.totals.iter().sum::<u64>() / 180, "missed": 0, "skipped": 0, "cgroup": self.group(), "rtt_us": 350 + self.random.u64(..300), "top": top,
        });
        (self.now, totals)
    }

    fn grow(&mut self, cpus: f64) {
        let busy = self.now / 100.0 * cpus * 1e6;
        let waits = cpus * 1e4 * (1.0 + self.random.f64() * 2.0);
        let shares = [busy * 0.7, busy * 0.24, busy * 0.06, waits, (cpus * 1e6 - busy - waits).max(0.0)];
        for (total, share) in self.totals.iter_mut().zip(shares) {
            *total += share as u64;
        }
        self.pressure += (self.now * self.now * 40.0) as u64;
        let count = self.cores.len() as f64;
        for (core, [busy, idle]) in self.cores.iter_mut().enumerate() {
            let lean = 1.5 - core as f64 / count;
            let share = (self.now / 100.0 * lean + (self.random.f64() - 0.5) * 0.1).clamp(0.0, 1.0);
            *busy += (share * 1e6) as u64;
            *idle += ((1.0 - share) * 1e6) as u64;
        }
    }
}
