//! One agent: its link, and what its driver has to know.

use cpumon_agent::link::{Link, LinkSettings};
use cpumon_protocol::model::{AgentName, Hello, HostFacts, Micros, Moment, Ratio, RunId};

/// A second.
pub(super) const SECOND: Micros = Micros::from_secs(1);

/// A connection, from its first packet on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Conn {
    /// Counted over all connections of this agent.
    pub(super) id: u32,
    pub(super) desk: usize,
    /// The exporter's process that took it.
    pub(super) life: Option<u32>,
}

/// One agent.
#[derive(Debug)]
pub(super) struct Agent {
    pub(super) name: AgentName,
    pub(super) link: Link,
    pub(super) first: Option<Conn>,
    pub(super) second: Option<Conn>,
    /// Connections so far.
    pub(super) conns: u32,
    /// Look-ups so far.
    pub(super) lookups: u32,
    /// Where in each second it measures.
    pub(super) phase: Micros,
    /// How long a packet takes to an exporter, and back.
    pub(super) delay: Micros,
    /// Whether the next tick is scheduled.
    pub(super) has_tick: bool,
    /// When it is to be woken next.
    pub(super) wake_at: Option<Moment>,
    /// Whether its samples are being answered, as far as it knows.
    pub(super) is_settled: bool,
    /// Where it is shown: the exporter, the exporter's process and the connection that has brought its samples there.
    pub(super) shown: Option<(usize, u32, u32)>,
}

impl Agent {
    /// The agent of this number, which connects with its first tick.
    pub(super) fn new(number: usize, look_interval: Micros, random: &mut fastrand::Rng) -> Option<Self> {
        let name = AgentName::new(&format!("node-{number}")).ok()?;
        let hello = Hello {
            agent: name.clone(),
            run: RunId::from_bits(number as u128),
            boot: None,
            interval: SECOND,
            utilization: Ratio::ZERO,
            start_time: None,
            ephemeral: false,
            facts: HostFacts::default(),
            labels: Vec::new(),
            token: None,
        };
        let settings = LinkSettings { look_interval, ..LinkSettings::default() };
        Some(Self {
            name,
            link: Link::new(settings, hello, random.u64(..)),
            first: None,
            second: None,
            conns: 0,
            lookups: 0,
            phase: Micros(random.u64(0..SECOND.0)),
            delay: Micros(random.u64(200..=20_000)),
            has_tick: false,
            wake_at: None,
            is_settled: false,
            shown: None,
        })
    }

    /// The connection with this id, if it is one of its two.
    pub(super) fn conn(&self, id: u32) -> Option<Conn> {
        [self.first, self.second].into_iter().flatten().find(|conn| conn.id == id)
    }

    /// Marks that an exporter's process has taken the connection.
    pub(super) fn taken(&mut self, id: u32, life: u32) {
        for conn in [&mut self.first, &mut self.second].into_iter().flatten() {
            if conn.id == id {
                conn.life = Some(life);
            }
        }
    }

    /// When it measures next.
    pub(super) fn next_tick(&self, now: Moment) -> Moment {
        let second = Moment(now.0 - now.0 % SECOND.0).plus(self.phase);
        if second > now { second } else { second.plus(SECOND) }
    }
}
