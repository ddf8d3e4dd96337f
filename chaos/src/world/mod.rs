//! What is known while the run goes on: the truth about every agent, who is struck by what, and what the
//! exporter's page has shown. Pure but for the machines' files: moments come in with each call.

mod look;
#[cfg(test)]
mod tests;
mod watched;

use std::io;
use std::time::Instant;

use crate::fault::{AGENTS, AGENTS_WITH_STATE, Fault, Kind, Victim};
use crate::history::{End, History};
use crate::machine::Machine;
use crate::stage::Stage;

pub use watched::{Recovery, Watched};

/// Something that must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Where it was seen, and of which agent.
    pub of: String,
    /// What it is.
    pub what: String,
}

/// A fault that cut an agent off from the exporter while its samples were being taken.
#[derive(Clone, Copy, Debug)]
pub struct Cut {
    /// Which agent.
    pub agent: usize,
    /// By what.
    pub kind: Kind,
    /// From when on.
    pub begun: Instant,
    /// Until it was over, or something else happened to the agent.
    pub until: Option<Instant>,
}

/// A fault as it really was.
#[derive(Clone, Copy, Debug)]
pub struct Strike {
    /// The fault.
    pub fault: Fault,
    /// Before it was begun.
    pub begun: Instant,
    /// After it was ended.
    pub over: Option<Instant>,
}

/// Everything that is known.
#[derive(Debug)]
pub struct World {
    stage: Stage,
    machines: Vec<Machine>,
    /// The truth about each agent.
    pub histories: Vec<History>,
    /// What was seen of each agent.
    pub watched: Vec<Watched>,
    /// Faults that have begun.
    pub strikes: Vec<Strike>,
    /// Agents that were cut off.
    pub cuts: Vec<Cut>,
    /// What must not be.
    pub violations: Vec<Violation>,
    /// How many pages were looked at.
    pub pages: u64,
    /// The connections that the last page told of.
    pub connections: Option<u64>,
    /// What strikes the exporter now.
    exporter_struck: Option<Kind>,
}

impl World {
    /// A world in which nothing has happened. `seed` gives the machines their load.
    ///
    /// # Errors
    ///
    /// When the machines' files cannot be written.
    pub fn new(stage: Stage, seed: u64) -> io::Result<Self> {
        let machine = |agent| Machine::new(seed.wrapping_mul(1_000).wrapping_add(agent));
        let mut world = Self {
            stage,
            machines: (0..AGENTS as u64).map(machine).collect(),
            histories: (0..AGENTS).map(|agent| History::new(agent < AGENTS_WITH_STATE)).collect(),
            watched: (0..AGENTS).map(|_| Watched::default()).collect(),
            strikes: Vec::new(),
            cuts: Vec::new(),
            violations: Vec::new(),
            pages: 0,
            connections: None,
            exporter_struck: None,
        };
        world.step_machines()?;
        Ok(world)
    }

    /// Time goes on for every machine.
    ///
    /// # Errors
    ///
    /// When a file cannot be written.
    pub fn step_machines(&mut self) -> io::Result<()> {
        for (index, (machine, history)) in self.machines.iter_mut().zip(&mut self.histories).enumerate() {
            machine.step();
            let version = history.machine_is_at(machine.times());
            self.stage.publish(index, version, &machine.stat())?;
        }
        Ok(())
    }

    /// Takes note of what agents have read by `now`.
    ///
    /// # Errors
    ///
    /// When the kernel cannot tell.
    pub fn take_reads(&mut self, now: Instant) -> io::Result<()> {
        for (agent, version) in self.stage.take_reads()? {
            self.histories[agent].has_read(version, now);
        }
        Ok(())
    }

    /// A fault is about to begin; gives its number.
    pub fn fault_begins(&mut self, fault: Fault, now: Instant) -> usize {
        match fault.victim {
            Victim::Agent(agent) => self.agent_is_struck(agent, fault.kind, now),
            Victim::Exporter => self.exporter_is_struck(fault.kind, now),
            Victim::Prometheus => {}
        }
        self.strikes.push(Strike { fault, begun: now, over: None });
        self.strikes.len() - 1
    }

    /// The fault of this number is over.
    pub fn fault_is_over(&mut self, number: usize, now: Instant) {
        let strike = &mut self.strikes[number];
        strike.over = Some(now);
        let fault = strike.fault;
        match fault.victim {
            Victim::Agent(agent) => {
                self.close_cuts(agent, now);
                let freed = self.watched[agent].is_whole(fault.kind, now, self.exporter_struck.is_none());
                if let Err(what) = freed {
                    self.violate(format!("exporter, of {}", fault.victim), what);
                }
            }
            Victim::Exporter => {
                self.exporter_struck = None;
                for agent in 0..AGENTS {
                    self.close_cuts(agent, now);
                    self.watched[agent].exporter_is_back(fault.kind, now);
                }
            }
            Victim::Prometheus => {}
        }
    }

    /// An agent's process is over.
    ///
    /// # Errors
    ///
    /// When the kernel cannot tell what it has read.
    pub fn process_ended(&mut self, agent: usize, killed: bool, now: Instant) -> io::Result<()> {
        self.take_reads(now)?;
        let connected = self.watched[agent].was_taken && self.exporter_struck.is_none();
        self.histories[agent].has_ended(End { at: now, killed, connected });
        self.watched[agent].ended_unseen = true;
        Ok(())
    }

    /// All agents are about to be stopped.
    pub fn the_end_begins(&mut self, now: Instant) {
        (0..AGENTS).for_each(|agent| self.agent_is_struck(agent, Kind::Stop, now));
    }

    /// Something must not be. What is seen at every look is told once.
    pub fn violate(&mut self, of: impl Into<String>, what: impl ToString) {
        let violation = Violation { of: of.into(), what: what.to_string() };
        if !self.violations.contains(&violation) {
            self.violations.push(violation);
        }
    }

    /// Whether samples of every agent are being taken, after all that has happened.
    pub fn is_whole(&self) -> bool {
        self.exporter_struck.is_none() && self.watched.iter().all(Watched::is_well)
    }

    fn agent_is_struck(&mut self, agent: usize, kind: Kind, now: Instant) {
        self.close_cuts(agent, now);
        let watched = &mut self.watched[agent];
        watched.was_taken = watched.is_well() && self.exporter_struck.is_none();
        if watched.was_taken && kind.cuts_off() {
            self.cuts.push(Cut { agent, kind, begun: now, until: None });
        }
        watched.is_struck(kind, now);
    }

    fn exporter_is_struck(&mut self, kind: Kind, now: Instant) {
        for (agent, watched) in self.watched.iter_mut().enumerate() {
            if watched.is_well() {
                self.cuts.push(Cut { agent, kind, begun: now, until: None });
            }
            if std::mem::take(&mut watched.ended_unseen) {
                // What the exporter knew of that process in the end, nobody has seen.
                self.histories[agent].end_was_unseen();
            }
            watched.exporter_is_struck();
        }
        self.exporter_struck = Some(kind);
    }

    fn close_cuts(&mut self, agent: usize, now: Instant) {
        for cut in self.cuts.iter_mut().filter(|cut| cut.agent == agent) {
            cut.until.get_or_insert(now);
        }
    }
}
