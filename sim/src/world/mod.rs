//! All hosts, the network between them, and the run of a plan through them.

mod agents;
mod checks;
mod exporters;
mod faults;
mod reckoning;
mod scrapes;
mod violation;
mod wires;

use std::collections::HashMap;

use anyhow::Context as _;
use cpumon_protocol::model::{AgentName, Micros};

use crate::agent::AgentHost;
use crate::events::Event;
use crate::exporter::ExporterHost;
use crate::ledger::Ledger;
use crate::machine::Machine;
use crate::network::{Behaviour, Conn, ConnId, Cuts};
use crate::plan::Plan;
use crate::prometheus::{Account, INTERVAL, Merge, Prometheus};
use crate::queue::Queue;
use crate::random::{Purpose, stream};
use crate::sabotage::Sabotage;
use crate::time::{HostClock, Time};
use crate::trace::{Happening, Trace};

pub use crate::prometheus::Losses;
pub use reckoning::Tally;
pub use violation::{Failure, Invariant, Violation};

/// How a plan is run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// The bug to put in.
    pub sabotage: Option<Sabotage>,
    /// Whether all happenings are kept, or the last ones only.
    pub keeps_trace: bool,
    /// Whether digests of what each exporter showed of each agent are kept, to compare two runs by.
    pub keeps_digests: bool,
}

/// What a run came to.
#[derive(Debug)]
pub struct History {
    /// What was counted.
    pub tally: Tally,
    /// What happened.
    pub trace: Vec<Happening>,
    /// The digests: by scrape, and within that by agent.
    pub digests: Vec<Vec<u64>>,
}

/// Runs `plan`.
///
/// # Errors
///
/// The first invariant that does not hold, with what had happened before.
pub fn run(plan: &Plan, options: Options) -> Result<History, Failure> {
    let fail = |violation, trace| Failure { seed: plan.seed, violation, trace };
    let mut world = World::new(plan, options).map_err(|error| {
        fail(Violation::new(Invariant::Simulator, Time(0), format!("{error:#}")), Vec::new())
    })?;
    match world.run() {
        Ok(()) => Ok(History { tally: world.tally, trace: world.trace.take(), digests: world.digests }),
        Err(violation) => Err(fail(violation, world.trace.take())),
    }
}

struct World<'a> {
    plan: &'a Plan,
    options: Options,
    now: Time,
    queue: Queue<Time, Event>,
    agents: Vec<AgentHost>,
    names: HashMap<String, usize>,
    exporters: Vec<ExporterHost>,
    conns: Vec<Conn>,
    cuts: Cuts,
    prometheus: Prometheus,
    /// By exporter: how many faults keep Prometheus from it.
    unreachable: Vec<u8>,
    accounts: Vec<Account>,
    /// By exporter and agent: the newest sample that it has shown in this life.
    shown: Vec<Vec<Option<usize>>>,
    /// By agent: whether it is not to come back.
    is_gone: Vec<bool>,
    is_frozen: bool,
    replayers: Vec<fastrand::Rng>,
    tally: Tally,
    digests: Vec<Vec<u64>>,
    trace: Trace,
    /// Memory for what one end says.
    out: Vec<u8>,
}

impl<'a> World<'a> {
    fn new(plan: &'a Plan, options: Options) -> anyhow::Result<Self> {
        let (agents, exporters) = (plan.agents.len(), plan.exporters.len());
        let merge = match options.sabotage {
            Some(Sabotage::HighestOfAll) => Merge::Highest,
            _ => Merge::Newest,
        };
        let hosts = (0..agents).map(|index| agent_host(plan, index)).collect::<anyhow::Result<Vec<_>>>()?;
        Ok(Self {
            plan,
            options,
            now: Time(0),
            queue: Queue::default(),
            names: hosts.iter().enumerate().map(|(index, host)| (host.name.to_string(), index)).collect(),
            agents: hosts,
            exporters: plan
                .exporters
                .iter()
                .enumerate()
                .map(|(index, &keeps_roster)| {
                    ExporterHost::new(stream(plan.seed, Purpose::Exporter, index), keeps_roster, agents)
                })
                .collect(),
            conns: Vec::new(),
            cuts: Cuts::new(agents, exporters),
            prometheus: Prometheus::new(agents, exporters, merge),
            unreachable: vec![0; exporters],
            accounts: (0..agents).map(|_| Account::default()).collect(),
            shown: vec![vec![None; agents]; exporters],
            is_gone: vec![false; agents],
            is_frozen: false,
            replayers: (0..agents).map(|index| stream(plan.seed, Purpose::Replay, index)).collect(),
            tally: Tally::default(),
            digests: Vec::new(),
            trace: Trace::new(options.keeps_trace),
            out: Vec::new(),
        })
    }

    fn run(&mut self) -> Result<(), Violation> {
        self.schedule_all();
        while let Some((at, event)) = self.queue.next() {
            self.now = at;
            self.tally.steps += 1;
            self.happen(event)?;
            if event == Event::End {
                break;
            }
        }
        Ok(())
    }

    fn schedule_all(&mut self) {
        for (index, planned) in self.plan.faults.iter().enumerate() {
            self.queue.schedule(planned.at, Event::Fault(index));
            if let Some(until) = planned.until {
                self.queue.schedule(until, Event::FaultEnd(index));
            }
        }
        let mut random = stream(self.plan.seed, Purpose::Prometheus, 0);
        for exporter in 0..self.exporters.len() {
            let host = &mut self.exporters[exporter];
            self.queue.schedule(Time(host.random.u64(0..1_000_000)), Event::ExporterStart(exporter));
            self.queue
                .schedule(Time(1_000_000 + host.random.u64(0..1_000_000)), Event::Housekeeping(exporter));
            self.queue.schedule(Time(random.u64(0..INTERVAL.0)), Event::Scrape(exporter));
        }
        self.queue.schedule(Time(random.u64(0..INTERVAL.0)), Event::Evaluate);
        for (agent, planned) in self.plan.agents.iter().enumerate() {
            self.queue.schedule(planned.start, Event::AgentStart(agent));
        }
        self.queue.schedule(self.plan.heal, Event::Heal);
        self.queue.schedule(self.plan.heal.plus(reckoning::BACK_WITHIN), Event::CheckHealed);
        self.queue.schedule(self.plan.freeze, Event::Freeze);
        self.queue.schedule(self.plan.end, Event::End);
    }

    fn happen(&mut self, event: Event) -> Result<(), Violation> {
        match event {
            Event::AgentWake(agent) => self.wake_agent(agent),
            Event::AgentStart(agent) => {
                self.start_agent(agent);
                Ok(())
            }
            Event::Syn(conn) => self.knock(conn),
            Event::Deliver(conn, way) => self.deliver(conn, way),
            Event::Deadline(conn) => {
                self.check_deadline(conn);
                Ok(())
            }
            Event::Replay(conn) => {
                self.replay_on(conn);
                Ok(())
            }
            Event::Housekeeping(exporter) => self.keep_house(exporter),
            Event::ExporterStart(exporter) => self.start_exporter(exporter),
            Event::Scrape(exporter) => {
                self.queue.schedule(self.now.plus(INTERVAL), event);
                self.scrape(exporter)
            }
            Event::Evaluate => {
                self.queue.schedule(self.now.plus(INTERVAL), event);
                self.evaluate()
            }
            Event::Fault(index) => self.strike(index),
            Event::FaultEnd(index) => {
                self.end_fault(index);
                Ok(())
            }
            Event::Heal => self.heal(),
            Event::CheckHealed => self.check_healed(),
            Event::Freeze => {
                self.is_frozen = true;
                Ok(())
            }
            Event::End => self.reckon(),
        }
    }

    fn note(&mut self, what: &'static str, agent: Option<usize>, exporter: Option<usize>, number: usize) {
        self.trace.note(Happening { at: self.now, what, agent, exporter, number });
    }

    fn note_conn(&mut self, what: &'static str, id: ConnId) {
        let (agent, exporter) = (self.conns[id].agent, self.conns[id].exporter);
        self.note(what, Some(agent), Some(exporter), id);
    }

    fn violated(&self, invariant: Invariant, detail: String) -> Violation {
        Violation::new(invariant, self.now, detail)
    }
}

fn agent_host(plan: &Plan, index: usize) -> anyhow::Result<AgentHost> {
    let planned = plan.agents[index];
    let mut random = stream(plan.seed, Purpose::Agent, index);
    Ok(AgentHost {
        name: AgentName::new(&format!("web-{index}")).context("an agent's name")?,
        interval: planned.interval,
        clock: HostClock::new(&mut random),
        last_start: 0,
        machine: Machine::new(stream(plan.seed, Purpose::Machine, index)),
        network: Behaviour::new(stream(plan.seed, Purpose::AgentNetwork, index)),
        exporters: u8::try_from(plan.exporters.len()).context("the number of exporters")?,
        subnet: random.u8(..),
        look_interval: Micros::from_secs(random.u64(5..60)),
        random,
        keeps_state: planned.keeps_state,
        disk: None,
        process: None,
        processes: 0,
        died: Time(0),
        paused_until: Time(0),
        ports: 32_768,
        is_still: false,
        wake_at: None,
        ledger: Ledger::default(),
    })
}

/// The scheduler is never quite punctual: mostly a little late, now and then a lot.
fn lateness(random: &mut fastrand::Rng) -> Micros {
    match random.u32(0..200) {
        0 => Micros(random.u64(0..600_000)),
        1..10 => Micros(random.u64(0..30_000)),
        _ => Micros(random.u64(0..1_000)),
    }
}
