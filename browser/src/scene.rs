//! A fleet that looks like one, for pictures: machines of several kinds, each with its own load and its bursts.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::fleet::Agent;

/// How machines of one kind behave.
#[derive(Clone, Copy, Debug)]
struct Kind {
    name: &'static str,
    cpus: u32,
    /// Percent that it is usually at, and how far machines of the kind are apart.
    usual: f64,
    spread: f64,
    /// One second in so many begins a burst.
    burst_every: u32,
}

/// The kinds, in the order in which a scene has them.
const KINDS: [Kind; 4] = [
    Kind { name: "web", cpus: 8, usual: 24.0, spread: 14.0, burst_every: 90 },
    Kind { name: "db", cpus: 32, usual: 38.0, spread: 16.0, burst_every: 200 },
    Kind { name: "cache", cpus: 4, usual: 9.0, spread: 6.0, burst_every: 400 },
    Kind { name: "worker", cpus: 16, usual: 52.0, spread: 24.0, burst_every: 60 },
];

/// How many agents share a thread.
const THREAD: usize = 500;

/// A running scene; its agents die with it.
#[derive(Debug)]
pub struct Scene {
    is_over: Arc<AtomicBool>,
    exporter: SocketAddr,
}

impl Scene {
    /// Lets so many agents join.
    pub fn start(exporter: SocketAddr, agents: usize) -> Self {
        let scene = Self { is_over: Arc::default(), exporter };
        let machine = |number: usize| {
            let kind = KINDS[match number % 10 {
                0..5 => 0,
                5 => 1,
                6 => 2,
                _ => 3,
            }];
            Machine::new(kind, number / 10 * 5 + number % 5 + 1)
        };
        let machines: Vec<Machine> = (0..agents).map(machine).collect();
        let mut machines = machines.into_iter().peekable();
        while machines.peek().is_some() {
            scene.spawn(machines.by_ref().take(THREAD).collect(), u64::MAX);
        }
        scene
    }

    /// Lets one more join that dies after so many seconds.
    pub fn doomed(&self, number: usize, seconds: u64) {
        self.spawn(vec![Machine::new(KINDS[0], number)], seconds);
    }

    fn spawn(&self, machines: Vec<Machine>, seconds: u64) {
        let (exporter, is_over) = (self.exporter, Arc::clone(&self.is_over));
        thread::spawn(move || live(exporter, machines, seconds, &is_over));
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.is_over.store(true, SeqCst);
    }
}

/// Sends a sample of each machine each second, for so many seconds.
fn live(
    exporter: SocketAddr,
    mut machines: Vec<Machine>,
    seconds: u64,
    is_over: &AtomicBool,
) -> anyhow::Result<()> {
    let mut agents = Vec::new();
    for machine in &mut machines {
        let (percent, totals) = machine.second();
        agents.push(Agent::join(exporter, &machine.name, percent, totals)?);
    }
    let mut due = Instant::now();
    for _ in 0..seconds {
        due += Duration::from_secs(1);
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if is_over.load(SeqCst) {
            break;
        }
        for (agent, machine) in agents.iter_mut().zip(&mut machines) {
            let (percent, totals) = machine.second();
            agent.sample(percent, totals)?;
        }
    }
    Ok(())
}

/// What one machine does.
struct Machine {
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
}

impl Machine {
    fn new(kind: Kind, number: usize) -> Self {
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
        }
    }

    /// The next second: percent, and the sample's other fields.
    fn second(&mut self) -> (f64, Value) {
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
    }
}
