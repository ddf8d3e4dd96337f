//! The exporters' side of the wiring: what `cpumon_exporter::run` does with sockets, clocks and files.

use cpumon_exporter::fleet::End;
use cpumon_exporter::ingest::Verdict;
use cpumon_protocol::model::Micros;

use super::{Invariant, Violation, World};
use crate::events::Event;
use crate::exporter::{Heard, Overheard};
use crate::network::{ConnId, Parcel, Way};

/// How often an exporter keeps house.
const HOUSEKEEPING: Micros = Micros::from_secs(1);

/// How often it writes its roster though nobody came or went, in the same unit.
const ROSTER_EVERY: u64 = 60;

impl World<'_> {
    pub(super) fn start_exporter(&mut self, exporter: usize) -> Result<(), Violation> {
        let agents = self.agents.len();
        let host = &mut self.exporters[exporter];
        if host.process.is_none() {
            let started = host.start(self.now, agents);
            started.map_err(|error| Violation::new(Invariant::Simulator, self.now, format!("{error:#}")))?;
            self.shown[exporter].fill(None);
            self.note("exporter starts", None, Some(exporter), 0);
        }
        Ok(())
    }

    /// The exporter's process ends. With its machine, nobody is told; else its kernel ends the connections.
    pub(super) fn end_exporter(&mut self, exporter: usize, is_silent: bool) {
        let host = &mut self.exporters[exporter];
        host.is_host_up = !is_silent;
        host.paused_until = self.now;
        let Some(process) = host.process.take() else { return };
        for id in process.conns {
            self.conns[id].serving = None;
            if is_silent {
                self.conns[id].is_dead = true;
            } else {
                self.tell_caller(id, Parcel::Fin);
            }
        }
    }

    pub(super) fn keep_house(&mut self, exporter: usize) -> Result<(), Violation> {
        self.queue.schedule(self.now.plus(HOUSEKEEPING), Event::Housekeeping(exporter));
        let host = &mut self.exporters[exporter];
        if self.now < host.paused_until || host.process.is_none() {
            return Ok(());
        }
        let is_due = (self.now.0 / HOUSEKEEPING.0).is_multiple_of(ROSTER_EVERY);
        host.keep_house(self.now, is_due);
        self.check_views(exporter)
    }

    pub(super) fn exporter_receives(&mut self, id: ConnId, bytes: &[u8]) -> Result<(), Violation> {
        let conn = &mut self.conns[id];
        let host = &mut self.exporters[conn.exporter];
        let (Some(serving), Some(process)) = (&mut conn.serving, &host.process) else { return Ok(()) };
        let now = host.clock.now(self.now);
        self.out.clear();
        let verdict = serving.receive(bytes, &process.desk, now, &mut self.out);
        let read_after = serving.pause_until(now.mono);
        conn.read_after = read_after.map(|moment| host.clock.time_of(moment));
        // As the socket does it: only what is due earlier than was waited for moves the timer.
        let due = host.clock.time_of(serving.deadline(&process.desk.settings)).max(self.now);
        if due < conn.timer {
            conn.timer = due;
            self.queue.schedule(due, Event::Deadline(id));
        }
        let out = std::mem::take(&mut self.out);
        if !out.is_empty() {
            self.agents[conn.agent].network.send(&mut conn.down, self.now, &out);
            self.schedule_pipe(id, Way::Down);
            self.note_answers(id, &out)?;
        }
        self.out = out;
        self.out.clear();
        if let Verdict::Close(end) = verdict {
            self.note_conn("is closed by the exporter, connection", id);
            self.close_at_exporter(id, Some(end));
        }
        Ok(())
    }

    /// Keeps what the exporter has answered; the replayer listens.
    fn note_answers(&mut self, id: ConnId, out: &[u8]) -> Result<(), Violation> {
        let conn = &mut self.conns[id];
        let answered_before = conn.answered_at.replace(self.now);
        if conn.is_replayers() {
            return Ok(());
        }
        let acks = out.split(|&byte| byte == b'\n').filter(|frame| is_ack(frame)).count();
        let mut newest = None;
        let (agent, exporter) = (conn.agent, conn.exporter);
        let Some(process) = &mut self.exporters[exporter].process else { return Ok(()) };
        for answered in conn.unanswered.drain(..acks.min(conn.unanswered.len())) {
            newest = Some(answered.sample);
            let overheard = Overheard { at: self.now, hello: conn.hello.clone(), frame: answered.frame };
            process.overhear(agent, overheard);
        }
        let Some(sample) = newest else { return Ok(()) };
        process.heard[agent] = Some(Heard { at: self.now, answered_before, sample, conn: id });
        self.note("exporter acknowledges sample", Some(agent), Some(exporter), sample);
        self.check_acknowledged(agent, exporter, sample)
    }

    /// The stream from the caller has come to its end.
    pub(super) fn exporter_sees_end(&mut self, id: ConnId) {
        let conn = &self.conns[id];
        let host = &self.exporters[conn.exporter];
        if let (Some(serving), Some(process)) = (&conn.serving, &host.process) {
            let end = serving.end_of_stream(&process.desk, host.clock.mono(self.now));
            self.close_at_exporter(id, Some(end));
        }
    }

    /// The timer of a connection goes off, unless it was moved.
    pub(super) fn check_deadline(&mut self, id: ConnId) {
        let conn = &mut self.conns[id];
        let host = &self.exporters[conn.exporter];
        let (Some(serving), Some(process), true) = (&conn.serving, &host.process, conn.timer == self.now)
        else {
            return;
        };
        let due = host.clock.time_of(serving.deadline(&process.desk.settings));
        // A process that was paused reads what has come in between before it looks at its timers.
        let not_before = host.paused_until.plus(Micros::from_secs(1));
        let is_paused = self.now < not_before && host.paused_until > due;
        if due > self.now || is_paused {
            conn.timer = if is_paused { not_before } else { due };
            self.queue.schedule(conn.timer, Event::Deadline(id));
            return;
        }
        let has_joined = serving.has_joined();
        self.note_conn("times out at the exporter, connection", id);
        self.close_at_exporter(id, has_joined.then_some(End::Timeout));
    }

    /// Ends the exporter's side; the fleet is told how, unless nobody had joined it.
    pub(super) fn close_at_exporter(&mut self, id: ConnId, end: Option<End>) {
        let conn = &mut self.conns[id];
        let host = &mut self.exporters[conn.exporter];
        let (Some(serving), Some(process)) = (conn.serving.take(), &mut host.process) else { return };
        process.conns.retain(|other| *other != id);
        if let Some(end) = end {
            serving.close(end, &process.desk, host.clock.mono(self.now));
        }
        self.tell_caller(id, Parcel::Fin);
    }
}

fn is_ack(frame: &[u8]) -> bool {
    frame.windows(b"\"t\":\"ack\"".len()).any(|window| window == b"\"t\":\"ack\"")
}
