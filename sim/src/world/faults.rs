//! The faults of the plan, as they strike and as they end.

use std::collections::VecDeque;

use cpumon_protocol::model::Micros;

use super::{Invariant, Violation, World};
use crate::events::Event;
use crate::network::{Caller, Conn, ConnId, Way};
use crate::plan::{Direction, Fault, Links, Oddity};
use crate::sabotage::Sabotage;
use crate::time::Time;

/// How long an exporter surely knows a name after its last frame: for a minute, if that was a bye.
const KNOWN: Micros = Micros::from_secs(60);

/// How long the replayer can use what he has overheard: he takes some seconds to say it all.
const USABLE: Micros = Micros::from_secs(50);

/// The most samples that a killed agent may take along while its answers come promptly, for each second of its interval.
const TAIL_MAX: u64 = 2;

/// An answer of late.
const LATELY: Micros = Micros::from_millis(1_200);

impl World<'_> {
    pub(super) fn strike(&mut self, index: usize) -> Result<(), Violation> {
        let plan = self.plan;
        let planned = &plan.faults[index];
        let until = planned.until.unwrap_or(self.now);
        self.tally.faults += 1;
        match planned.fault {
            Fault::KillAgent { agent, down, moves } => {
                self.check_tail(agent)?;
                self.note("agent is killed", Some(agent), None, 0);
                self.end_agent(agent, false);
                self.come_back(agent, down, moves);
            }
            Fault::CrashMachine { agent, down } => {
                self.note("machine crashes", Some(agent), None, 0);
                self.end_agent(agent, true);
                self.agents[agent].machine.reboot(self.now);
                self.come_back(agent, down, false);
            }
            Fault::StopAgent { agent, down, moves } => {
                self.note("agent is asked to stop", Some(agent), None, 0);
                self.stop_agent(agent)?;
                self.come_back(agent, down, moves);
            }
            Fault::PauseAgent { agent } => {
                self.note("agent is paused", Some(agent), None, 0);
                let paused_until = &mut self.agents[agent].paused_until;
                *paused_until = until.max(*paused_until);
            }
            Fault::SetAgentClock { agent, change } => self.agents[agent].clock.set_wall(change),
            // Without a state, a total that the kernel has let fall falls for Prometheus at the next restart.
            Fault::Machine { agent, oddity: Oddity::Fall, .. } if !self.agents[agent].keeps_state => {}
            Fault::Machine { agent, oddity, span } => {
                self.note("machine is odd", Some(agent), None, oddity as usize);
                let span = Micros(span.0.min(self.plan.heal.since(self.now).0));
                self.agents[agent].machine.strike(oddity, self.now, span);
            }
            Fault::Cut { links, direction } => self.change_cut(links, direction, true),
            Fault::HalfOpen { agent } => self.break_agents_conn(agent, false)?,
            Fault::Reset { agent } => self.break_agents_conn(agent, true)?,
            Fault::Replay { agent, exporter } => self.replay(agent, exporter),
            Fault::KillExporter { exporter, is_silent, down } => {
                self.note("exporter is killed", None, Some(exporter), usize::from(is_silent));
                self.end_exporter(exporter, is_silent);
                self.queue.schedule(self.now.plus(down), Event::ExporterStart(exporter));
            }
            Fault::StopExporter { exporter, down } => {
                self.note("exporter stops", None, Some(exporter), 0);
                self.exporters[exporter].keep_house(self.now, true);
                self.end_exporter(exporter, false);
                self.queue.schedule(self.now.plus(down), Event::ExporterStart(exporter));
            }
            Fault::PauseExporter { exporter } => {
                self.note("exporter is paused", None, Some(exporter), 0);
                let paused_until = &mut self.exporters[exporter].paused_until;
                *paused_until = until.max(*paused_until);
            }
            Fault::SetExporterClock { exporter, change } => self.exporters[exporter].clock.set_wall(change),
            Fault::MissScrapes { exporter } => self.unreachable[exporter] += 1,
            Fault::RestartPrometheus => self.prometheus.is_up = false,
        }
        Ok(())
    }

    pub(super) fn end_fault(&mut self, index: usize) {
        match self.plan.faults[index].fault {
            Fault::PauseAgent { agent } => {
                let now = self.now;
                if let Some(process) = &mut self.agents[agent].process {
                    process.resumed = Some((now, 0));
                }
            }
            Fault::Cut { links, direction } => self.change_cut(links, direction, false),
            Fault::MissScrapes { exporter } => {
                self.unreachable[exporter] = self.unreachable[exporter].saturating_sub(1);
            }
            Fault::RestartPrometheus => self.prometheus.restart(),
            _ => {}
        }
    }

    fn come_back(&mut self, agent: usize, down: Option<Micros>, moves: bool) {
        match down {
            Some(down) => self.queue.schedule(self.now.plus(down), Event::AgentStart(agent)),
            None => self.is_gone[agent] = true,
        }
        let host = &mut self.agents[agent];
        if moves {
            host.subnet = host.random.u8(..);
        }
    }

    /// What a killed agent takes along when all was well.
    fn check_tail(&self, agent: usize) -> Result<(), Violation> {
        let host = &self.agents[agent];
        let Some(process) = &host.process else { return Ok(()) };
        let is_well = process.last_acked.is_some_and(|acked| self.now.since(acked) < LATELY);
        let tail = host.ledger.unacked_tail() as u64;
        let most = TAIL_MAX * (host.interval.0 / 1_000_000);
        if is_well && process.started < self.now && tail > most {
            let detail = format!("agent {agent} takes {tail} samples along, at most {most} are allowed");
            return Err(self.violated(Invariant::ShortTail, detail));
        }
        Ok(())
    }

    fn change_cut(&mut self, links: Links, direction: Direction, is_cut: bool) {
        let (agents, exporters) = match links {
            Links::One(agent, exporter) => (agent..agent + 1, exporter..exporter + 1),
            Links::OfAgent(agent) => (agent..agent + 1, 0..self.exporters.len()),
            Links::OfExporter(exporter) => (0..self.agents.len(), exporter..exporter + 1),
        };
        for agent in agents.clone() {
            for exporter in exporters.clone() {
                if direction != Direction::Down {
                    self.cuts.change(agent, exporter, Way::Up, is_cut);
                }
                if direction != Direction::Up {
                    self.cuts.change(agent, exporter, Way::Down, is_cut);
                }
            }
        }
        let what = if is_cut { "is cut off, links" } else { "is whole again, links" };
        self.note(what, Some(agents.start), Some(exporters.start), agents.len() * exporters.len());
        if !is_cut {
            self.release(|conn| agents.contains(&conn.agent) && exporters.contains(&conn.exporter));
        }
    }

    fn break_agents_conn(&mut self, agent: usize, is_told: bool) -> Result<(), Violation> {
        let conn = self.agents[agent].process.as_ref().and_then(|process| process.conn);
        match conn {
            Some(id) if self.conns[id].is_accepted => {
                self.note_conn(if is_told { "is reset, connection" } else { "is half open, connection" }, id);
                self.break_conn(id, is_told)
            }
            _ => Ok(()),
        }
    }

    fn replay(&mut self, agent: usize, exporter: usize) {
        let life = self.exporters[exporter].lives;
        let Some(process) = &self.exporters[exporter].process else { return };
        let overheard = process.overheard[agent].iter().filter(|heard| self.now.since(heard.at) < USABLE);
        let mut overheard: Vec<_> = overheard.cloned().collect();
        let Some(last) = overheard.last() else { return };
        let (hello, until) = (last.hello.clone(), last.at.plus(KNOWN));
        overheard.retain(|heard| heard.hello == hello);
        let random = &mut self.replayers[agent];
        let mut frames: Vec<Vec<u8>> = overheard.into_iter().map(|heard| heard.frame).collect();
        for _ in 0..random.usize(0..4) {
            let again = frames[random.usize(0..frames.len())].clone();
            frames.push(again);
        }
        random.shuffle(&mut frames);
        if self.options.sabotage == Some(Sabotage::ReplayCounts) {
            frames = frames.iter().map(|frame| renumbered(frame)).collect();
        }
        let script: VecDeque<Vec<u8>> = std::iter::once(hello).chain(frames).collect();
        let id = self.new_conn(agent, exporter, Caller::Replayer { script, life, until });
        self.tally.replays += 1;
        self.note_conn("is replayed, connection", id);
    }

    pub(super) fn replay_on(&mut self, id: ConnId) {
        let conn: &mut Conn = &mut self.conns[id];
        let Caller::Replayer { script, .. } = &mut conn.caller else { return };
        if !conn.is_open_at_caller || conn.is_dead {
            return;
        }
        let random = &mut self.replayers[conn.agent];
        match script.pop_front() {
            Some(bytes) => {
                self.agents[conn.agent].network.send(&mut conn.up, self.now, &bytes);
                let next = self.now.plus(Micros(random.u64(50_000..400_000)));
                self.queue.schedule(next, Event::Replay(id));
                self.schedule_pipe(id, Way::Up);
            }
            // He does not always say goodbye.
            None if random.bool() => self.close_at_caller(id),
            None => {}
        }
    }

    /// All faults are over: who is down for a while starts.
    pub(super) fn heal(&mut self) -> Result<(), Violation> {
        self.note("all faults are over", None, None, 0);
        self.cuts.heal();
        self.release(|_| true);
        self.unreachable.fill(0);
        self.prometheus.is_up = true;
        for agent in 0..self.agents.len() {
            let now = self.now;
            self.agents[agent].paused_until = Time(0);
            self.agents[agent].machine.heal(now);
            self.start_agent(agent);
        }
        for exporter in 0..self.exporters.len() {
            self.exporters[exporter].paused_until = Time(0);
            self.start_exporter(exporter)?;
        }
        self.tally.healed = Some(vec![None; self.agents.len()]);
        Ok(())
    }
}

/// The frame under a number that was never used.
fn renumbered(frame: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(frame);
    match text.split_once("\"seq\":") {
        Some((before, after)) => format!("{before}\"seq\":9{after}").into_bytes(),
        None => frame.to_vec(),
    }
}
