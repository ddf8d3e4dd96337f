//! A host with an agent on it: what is on its disk, and the process while there is one.

use std::net::SocketAddr;

use cpumon_agent::link::rendezvous::Place;
use cpumon_agent::link::{Link, LinkSettings};
use cpumon_agent::recorder::{Kept, Recorder};
use cpumon_agent::ticker::{Cadence, Ticker};
use cpumon_protocol::model::{AgentName, Hello, HostFacts, Micros, Ratio, RunId};

use crate::ledger::Ledger;
use crate::machine::Machine;
use crate::network::{Behaviour, ConnId};
use crate::time::{HostClock, Time};

/// An agent's host.
#[derive(Debug)]
pub(crate) struct AgentHost {
    pub(crate) name: AgentName,
    pub(crate) interval: Micros,
    pub(crate) clock: HostClock,
    /// What its wall clock showed when a process was started last.
    pub(crate) last_start: u64,
    pub(crate) machine: Machine,
    pub(crate) network: Behaviour,
    pub(crate) random: fastrand::Rng,
    /// Whether it has a directory for its state.
    pub(crate) keeps_state: bool,
    /// What the state directory holds, and of which boot.
    pub(crate) disk: Option<(u64, Kept)>,
    /// How many exporters there are.
    pub(crate) exporters: u8,
    /// A part of their addresses: another one makes it prefer another exporter.
    pub(crate) subnet: u8,
    /// How often it looks for a better one.
    pub(crate) look_interval: Micros,
    pub(crate) process: Option<Process>,
    pub(crate) processes: u32,
    /// When the last process ended.
    pub(crate) died: Time,
    /// Its timers do not run before.
    pub(crate) paused_until: Time,
    /// The port of its last connection.
    pub(crate) ports: u16,
    /// Whether it has made its last sample, at the end of the history.
    pub(crate) is_still: bool,
    /// When it is to be woken next; an event for another moment is an old one.
    pub(crate) wake_at: Option<Time>,
    pub(crate) ledger: Ledger,
}

/// A running agent.
#[derive(Debug)]
pub(crate) struct Process {
    /// Counted over all processes of this host, from 1.
    pub(crate) number: u32,
    pub(crate) started: Time,
    pub(crate) ticker: Ticker,
    pub(crate) cadence: Cadence,
    pub(crate) recorder: Recorder,
    pub(crate) link: Link,
    pub(crate) conn: Option<ConnId>,
    /// The one to an exporter that it prefers.
    pub(crate) second: Option<ConnId>,
    /// When it moved there last.
    pub(crate) moved: Option<Time>,
    pub(crate) is_stopping: bool,
    /// The sample in flight, by its place in the ledger.
    pub(crate) in_flight: Option<usize>,
    pub(crate) last_acked: Option<Time>,
    /// When it last went on after a pause, and how many sample frames it has sent since.
    pub(crate) resumed: Option<(Time, u32)>,
}

impl Process {
    /// Whether the connection is one of its two.
    pub(crate) fn has(&self, conn: ConnId) -> bool {
        self.conn == Some(conn) || self.second == Some(conn)
    }
}

impl AgentHost {
    /// What a look-up of the exporters' name gives.
    pub(crate) fn places(&self) -> Vec<Place> {
        let address = |exporter| SocketAddr::from(([10, 1, self.subnet, exporter], 8080));
        (0..self.exporters)
            .map(|exporter| Place { address: address(exporter), exporter: exporter.into() })
            .collect()
    }

    /// Starts the process; the kept state is its beginning if it is of this boot.
    pub(crate) fn start(&mut self, now: Time, lateness: Micros) -> &mut Process {
        self.processes += 1;
        let kept = match self.disk {
            Some((boot, kept)) if self.keeps_state && boot == self.machine.boot => Some(kept),
            _ => None,
        };
        let run = RunId::from_bits(u128::from(self.random.u64(..)) << 64 | u128::from(self.random.u64(..)));
        // Runs are put in order by their start: one that begins behind the one before it would be taken for the older.
        // That is a limit of the program, so here a clock that was set back is right again before the next start.
        let least = self.last_start.saturating_add(1_000_000);
        let behind = least.saturating_sub(self.clock.now(now).wall.0);
        self.clock.set_wall(i64::try_from(behind).unwrap_or(i64::MAX));
        let host_now = self.clock.now(now);
        self.last_start = host_now.wall.0;
        let hello = Hello {
            agent: self.name.clone(),
            run,
            boot: Some(self.machine.boot_id().into()),
            interval: self.interval,
            utilization: Ratio::ZERO,
            start_time: Some(host_now.wall),
            ephemeral: false,
            facts: HostFacts { hostname: Some(self.name.as_str().into()), ..HostFacts::default() },
            labels: Vec::new(),
            token: None,
        };
        let settings = LinkSettings { look_interval: self.look_interval, ..LinkSettings::default() };
        self.ledger.begin_run(self.machine.boot, kept.is_some());
        self.process.insert(Process {
            number: self.processes,
            started: now,
            ticker: Ticker::starting(self.clock.mono(now.plus(lateness))),
            cadence: Cadence::every(self.interval),
            recorder: Recorder::new(kept.unwrap_or_default()),
            link: Link::new(settings, hello, self.random.u64(..)),
            conn: None,
            second: None,
            moved: None,
            is_stopping: false,
            in_flight: None,
            last_acked: None,
            resumed: None,
        })
    }
}
