//! The agents' side of the wiring: what `cpumon_agent::run` does with sockets, clocks and files.

use cpumon_agent::link::{Action, Event as LinkEvent, Failure};
use cpumon_protocol::model::{CpuTimes, Micros, Sample};

use super::{Invariant, Violation, World, lateness};
use crate::agent::Process;
use crate::events::Event;
use crate::network::{ConnId, Parcel, Unanswered, Way};
use crate::sabotage::Sabotage;
use crate::time::Time;

/// How long an agent that stops waits for the answer to its bye.
const PATIENCE: Micros = Micros::from_secs(2);

/// How long a process that goes on after a pause takes for what has arrived.
const ARRIVALS: Micros = Micros::from_millis(1);

/// Within this time of a pause's end only the second that has passed may be caught up with.
const RESUMED: Micros = Micros::from_millis(900);

impl World<'_> {
    pub(super) fn start_agent(&mut self, agent: usize) {
        let host = &mut self.agents[agent];
        if host.process.is_some() || self.is_gone[agent] {
            return;
        }
        let late = lateness(&mut host.random);
        let number = host.start(self.now, late).number;
        self.note("agent starts, process", Some(agent), None, number as usize);
        self.set_timer(agent);
    }

    /// Sets the process's timer for whatever is due first.
    fn set_timer(&mut self, agent: usize) {
        let host = &mut self.agents[agent];
        let Some(process) = &host.process else { return };
        let ticks = !process.is_stopping && !host.is_still;
        let due = [ticks.then(|| process.ticker.next()), process.link.deadline()].into_iter().flatten().min();
        let Some(due) = due.map(|moment| host.clock.time_of(moment)) else {
            host.wake_at = None;
            return;
        };
        let at = due.max(self.now).plus(lateness(&mut host.random));
        host.wake_at = Some(at);
        self.queue.schedule(at, Event::AgentWake(agent));
    }

    pub(super) fn wake_agent(&mut self, agent: usize) -> Result<(), Violation> {
        let host = &mut self.agents[agent];
        if host.wake_at != Some(self.now) {
            return Ok(());
        }
        if self.now < host.paused_until {
            // What came in between is taken before the clock is looked at.
            let at = host.paused_until.plus(ARRIVALS).plus(lateness(&mut host.random));
            host.wake_at = Some(at);
            self.queue.schedule(at, Event::AgentWake(agent));
            return Ok(());
        }
        let Some(process) = &mut host.process else { return Ok(()) };
        let now = host.clock.mono(self.now);
        if !process.is_stopping && !host.is_still && process.ticker.take(now) {
            self.tick(agent)?;
        }
        let host = &mut self.agents[agent];
        let Some(process) = &mut host.process else { return Ok(()) };
        let action = process.link.expired(now, &mut self.out);
        self.act(agent, action)?;
        self.set_timer(agent);
        Ok(())
    }

    fn tick(&mut self, agent: usize) -> Result<(), Violation> {
        let host = &mut self.agents[agent];
        let Some(process) = &mut host.process else { return Ok(()) };
        let now = host.clock.mono(self.now);
        let reading = host.machine.read(self.now);
        let seen = reading.as_ref().ok().map(|reading| (*reading).clone());
        let outcome = process.recorder.tick(now, reading);
        let sample = outcome.result.ok();
        host.ledger
            .check_tick(now, seen.as_ref(), sample.as_ref())
            .map_err(|why| Violation::new(Invariant::Measured, self.now, format!("agent {agent}: {why}")))?;
        let Some(sample) = sample else {
            process.link.missed();
            return Ok(());
        };
        if host.keeps_state {
            host.disk = Some((host.machine.boot, process.recorder.kept()));
        }
        host.ledger
            .make(self.now, &sample)
            .map_err(|why| Violation::new(Invariant::Simulator, self.now, format!("agent {agent}: {why}")))?;
        let sample = match self.options.sabotage {
            Some(Sabotage::FloatTotals) => through_floats(sample),
            _ => sample,
        };
        let due = process.cadence.take(now);
        let action = process.link.tick(now, sample, due, &mut self.out);
        // The last sample is one that goes out: whoever still waits for an answer makes another one later, as a real
        // agent does.
        host.is_still = self.is_frozen && due && !self.out.is_empty();
        self.act(agent, action)
    }

    /// A connection is there.
    pub(super) fn agent_connected(&mut self, agent: usize, id: ConnId) -> Result<(), Violation> {
        let host = &mut self.agents[agent];
        let Some(process) = &mut host.process else { return Ok(()) };
        let now = host.clock.mono(self.now);
        let action = if process.second == Some(id) {
            let action = process.link.second_connected(now, &mut self.out);
            self.send_said(agent, Some(id))?;
            action
        } else {
            process.link.connected(now, &mut self.out)
        };
        self.act(agent, action)?;
        self.set_timer(agent);
        Ok(())
    }

    /// Bytes came.
    pub(super) fn agent_receives(&mut self, agent: usize, id: ConnId, bytes: &[u8]) -> Result<(), Violation> {
        let host = &mut self.agents[agent];
        let Some(process) = &mut host.process else { return Ok(()) };
        let now = host.clock.mono(self.now);
        let action = if process.second == Some(id) {
            process.link.second_receive(now, bytes, &mut self.out)
        } else {
            let was_leaving = process.is_stopping;
            let action = process.link.receive(now, bytes, &mut self.out);
            let has_left = was_leaving && process.link.is_ended() || action == Action::Switch;
            if has_left && contains(bytes, b"\"ack\"") {
                self.acknowledged(agent, Micros::ZERO);
            }
            action
        };
        self.act(agent, action)?;
        self.set_timer(agent);
        Ok(())
    }

    /// A connection, or the attempt to make one, has failed.
    pub(super) fn agent_loses(&mut self, agent: usize, id: ConnId, why: Failure) -> Result<(), Violation> {
        let host = &mut self.agents[agent];
        let Some(process) = &mut host.process else { return Ok(()) };
        let now = host.clock.mono(self.now);
        let action = if process.second == Some(id) {
            process.second = None;
            process.link.second_failed(now, why)
        } else {
            process.conn = None;
            process.link.failed(now, why)
        };
        self.act(agent, action)?;
        self.set_timer(agent);
        Ok(())
    }

    pub(super) fn stop_agent(&mut self, agent: usize) -> Result<(), Violation> {
        let host = &mut self.agents[agent];
        let Some(process) = &mut host.process else { return Ok(()) };
        process.is_stopping = true;
        if host.keeps_state {
            host.disk = Some((host.machine.boot, process.recorder.kept()));
        }
        let action = process.link.stop(host.clock.mono(self.now), PATIENCE, &mut self.out);
        self.act(agent, action)?;
        self.set_timer(agent);
        Ok(())
    }

    /// The process is no more. Its kernel, while there is one, ends the connection.
    pub(super) fn end_agent(&mut self, agent: usize, is_silent: bool) {
        let Some(process) = self.agents[agent].process.take() else { return };
        self.agents[agent].wake_at = None;
        self.agents[agent].died = self.now;
        for conn in [process.conn, process.second].into_iter().flatten() {
            if is_silent {
                self.conns[conn].is_dead = true;
                self.conns[conn].is_open_at_caller = false;
            } else {
                self.close_at_caller(conn);
            }
        }
    }

    /// Sends what the link has said, does what it wants, and hears what it tells.
    fn act(&mut self, agent: usize, action: Action) -> Result<(), Violation> {
        let conn = self.agents[agent].process.as_ref().and_then(|process| process.conn);
        self.send_said(agent, conn)?;
        let host = &mut self.agents[agent];
        let Some(process) = &mut host.process else { return Ok(()) };
        let now = host.clock.mono(self.now);
        match action {
            Action::None => {}
            Action::Resolve => {
                let places = host.places();
                let action = self.agents[agent]
                    .process
                    .as_mut()
                    .map(|process| process.link.resolved(now, Ok(&places)));
                return self.act(agent, action.unwrap_or(Action::None));
            }
            Action::Open(place) => {
                let old = process.conn.take();
                self.close_all([old]);
                let id = self.connect(agent, place.exporter);
                self.keep(agent, |process| process.conn = id);
            }
            Action::OpenSecond(place) => {
                let old = process.second.take();
                self.close_all([old]);
                let id = self.connect(agent, place.exporter);
                self.keep(agent, |process| process.second = id);
            }
            Action::Close => {
                let both = [process.conn.take(), process.second.take()];
                self.close_all(both);
            }
            Action::CloseSecond => {
                let second = process.second.take();
                self.close_all([second]);
            }
            Action::Switch => {
                let second = process.second.take();
                let old = std::mem::replace(&mut process.conn, second);
                // What a move sends twice is no burst.
                process.resumed = None;
                process.moved = Some(self.now);
                let action = process.link.switched(now, &mut self.out);
                self.close_all([old]);
                self.tally.moves += 1;
                self.note("moves", Some(agent), None, second.unwrap_or_default());
                return self.act(agent, action);
            }
        }
        self.hear_events(agent)
    }

    fn keep(&mut self, agent: usize, change: impl FnOnce(&mut Process)) {
        if let Some(process) = &mut self.agents[agent].process {
            change(process);
        }
    }

    fn close_all(&mut self, conns: impl IntoIterator<Item = Option<ConnId>>) {
        for conn in conns.into_iter().flatten() {
            self.close_at_caller(conn);
        }
    }

    /// Sends what the link has said.
    fn send_said(&mut self, agent: usize, to: Option<ConnId>) -> Result<(), Violation> {
        if self.out.is_empty() {
            return Ok(());
        }
        let out = std::mem::take(&mut self.out);
        let host = &mut self.agents[agent];
        if let Some(process) = &mut host.process
            && let Some(id) = to
        {
            let conn = &mut self.conns[id];
            for frame in out.split_inclusive(|&byte| byte == b'\n') {
                if frame.starts_with(b"{\"v\":1,\"t\":\"hello\"") {
                    conn.hello = frame.to_vec();
                    continue;
                }
                let sample = host.ledger.len().saturating_sub(1);
                conn.unanswered.push_back(Unanswered { sample, frame: frame.to_vec() });
                process.in_flight = Some(sample);
                self.tally.frames += 1;
                // A bye is no sample that waited.
                if let Some((resumed, frames)) = &mut process.resumed
                    && self.now.since(*resumed) < RESUMED
                    && !frame.starts_with(b"{\"v\":1,\"t\":\"bye\"")
                {
                    *frames += 1;
                    if *frames > 2 {
                        let detail = format!("agent {agent} has sent {frames} samples since its pause ended");
                        return Err(Violation::new(Invariant::NoBurst, self.now, detail));
                    }
                }
            }
            if !conn.is_dead {
                host.network.send(&mut conn.up, self.now, &out);
                self.schedule_pipe(id, Way::Up);
            }
        }
        self.out = out;
        self.out.clear();
        Ok(())
    }

    fn hear_events(&mut self, agent: usize) -> Result<(), Violation> {
        while let Some(process) = &mut self.agents[agent].process {
            match process.link.next_event() {
                Some(LinkEvent::Acked { rtt }) => self.acknowledged(agent, rtt),
                Some(LinkEvent::Welcome { .. }) => self.note("welcome", Some(agent), None, 0),
                Some(LinkEvent::Moved { .. }) => {}
                Some(LinkEvent::Stayed { .. }) => self.note("stays", Some(agent), None, 0),
                Some(LinkEvent::Refused { .. }) => self.note("refused", Some(agent), None, 0),
                Some(LinkEvent::Lost { .. }) => self.note("lost its exporter", Some(agent), None, 0),
                Some(LinkEvent::FellBack) => {
                    let detail = format!("agent {agent} takes an exporter for the original's server");
                    return Err(self.violated(Invariant::Simulator, detail));
                }
                None => break,
            }
        }
        if self.agents[agent]
            .process
            .as_ref()
            .is_some_and(|process| process.is_stopping && process.link.is_ended())
        {
            self.note("agent has stopped", Some(agent), None, 0);
            self.end_agent(agent, false);
        }
        Ok(())
    }

    /// The sample in flight was answered.
    fn acknowledged(&mut self, agent: usize, rtt: Micros) {
        let host = &mut self.agents[agent];
        let Some(process) = &mut host.process else { return };
        process.last_acked = (rtt < Micros::from_millis(500)).then_some(self.now);
        if let (Some(sample), Some(conn)) = (process.in_flight.take(), process.conn) {
            let exporter = self.conns[conn].exporter;
            host.ledger.acked(sample, exporter, self.exporters[exporter].lives);
            self.tally.acked += 1;
            if let Some(healed) = self.tally.healed.as_mut().and_then(|healed| healed.get_mut(agent)) {
                healed.get_or_insert(self.now.since(self.plan.heal.max(process.started)));
            }
        }
    }

    pub(super) fn paused_agent_until(&mut self, agent: usize) -> Option<Time> {
        let host = &mut self.agents[agent];
        (self.now < host.paused_until).then(|| host.paused_until.plus(Micros(host.random.u64(0..ARRIVALS.0))))
    }

    fn connect(&mut self, agent: usize, exporter: usize) -> Option<ConnId> {
        let number = self.agents[agent].process.as_ref()?.number;
        let id = self.new_conn(agent, exporter, crate::network::Caller::Agent { process: number });
        self.note_conn("connects, connection", id);
        Some(id)
    }

    pub(super) fn close_at_caller(&mut self, id: ConnId) {
        let conn = &mut self.conns[id];
        if !std::mem::replace(&mut conn.is_open_at_caller, false) || !conn.is_accepted || conn.is_dead {
            return;
        }
        self.agents[conn.agent].network.tell(&mut conn.up, self.now, Parcel::Fin);
        self.schedule_pipe(id, Way::Up);
    }
}

/// The sample with its times as single-precision seconds, as a careless encoder would have them.
fn through_floats(mut sample: Sample) -> Sample {
    let rounded = |Micros(us): Micros| Micros((f64::from((us as f64 / 1e6) as f32) * 1e6) as u64);
    sample.cpu_times = sample.cpu_times.map(|CpuTimes(times)| CpuTimes(times.map(rounded)));
    sample
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
