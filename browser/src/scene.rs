//! A fleet that looks like one, for pictures: machines of several kinds, each with its own load and its bursts.

mod machine;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use self::machine::{KINDS, Machine};
use crate::fleet::Agent;

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
        agents.push(Agent::join_as(exporter, machine.about(), percent, totals)?);
    }
    let mut wanted = vec![false; machines.len()];
    let mut due = Instant::now();
    for _ in 0..seconds {
        due += Duration::from_secs(1);
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if is_over.load(SeqCst) {
            break;
        }
        for ((agent, machine), is_wanted) in agents.iter_mut().zip(&mut machines).zip(&mut wanted) {
            let (percent, totals) = machine.second();
            if *is_wanted {
                agent.cores(&machine.cores())?;
            }
            *is_wanted = agent.sample(percent, totals)?;
        }
    }
    Ok(())
}
