//! What travels, and what happens when it arrives.

use std::collections::VecDeque;
use std::net::SocketAddr;

use cpumon_agent::link::Failure;
use cpumon_exporter::fleet::End;
use cpumon_exporter::ingest::Connection;
use cpumon_protocol::model::Micros;

use super::{Violation, World};
use crate::agent::Process;
use crate::events::Event;
use crate::network::{Caller, Conn, ConnId, Parcel, Pipe, Way};
use crate::time::Time;

/// When a first packet that was lost is sent again.
const KNOCK_AGAIN: Micros = Micros::from_secs(1);

impl World<'_> {
    pub(super) fn new_conn(&mut self, agent: usize, exporter: usize, caller: Caller) -> ConnId {
        let id = self.conns.len();
        let [.., high, low] = agent.to_be_bytes();
        let host = &mut self.agents[agent];
        // Ports are the host's own: another host's connections change nothing about them.
        host.ports = if host.ports == u16::MAX { 1_024 } else { host.ports + 1 };
        let port = host.ports;
        self.conns.push(Conn {
            agent,
            exporter,
            caller,
            peer: SocketAddr::from(([10, 0, high, low], port)),
            up: Pipe::default(),
            down: Pipe::default(),
            is_open_at_caller: true,
            serving: None,
            is_accepted: false,
            is_dead: false,
            timer: Time(0),
            read_after: None,
            hello: Vec::new(),
            unanswered: VecDeque::new(),
            answered_at: None,
        });
        let delay = self.agents[agent].network.delay();
        self.queue.schedule(self.now.plus(delay), Event::Syn(id));
        id
    }

    /// The first packet comes to the exporter's host.
    pub(super) fn knock(&mut self, id: ConnId) -> Result<(), Violation> {
        let conn = &self.conns[id];
        if !conn.is_open_at_caller || conn.is_dead {
            return Ok(());
        }
        let host = &self.exporters[conn.exporter];
        // An exporter that was restarted has forgotten what it knew of the frames, and who shows them first is believed:
        // only tokens and TLS help against that.
        if matches!(conn.caller, Caller::Replayer { life, .. } if life != host.lives) {
            return Ok(());
        }
        let is_cut = !conn.is_replayers() && self.cuts.is_cut(conn.agent, conn.exporter, Way::Up);
        if is_cut || !host.is_host_up {
            self.queue.schedule(self.now.plus(KNOCK_AGAIN), Event::Syn(id));
            return Ok(());
        }
        let answer = if host.process.is_some() { Parcel::Accepted } else { Parcel::Reset };
        if answer == Parcel::Accepted {
            self.accept(id);
        }
        self.tell_caller(id, answer);
        Ok(())
    }

    fn accept(&mut self, id: ConnId) {
        let conn = &mut self.conns[id];
        let host = &mut self.exporters[conn.exporter];
        let Some(process) = &mut host.process else { return };
        let settings = &process.desk.settings;
        let now = host.clock.mono(self.now);
        let serving =
            Connection::new(cpumon_exporter::fleet::ConnectionId(id as u64), conn.peer, settings, now);
        conn.timer = host.clock.time_of(serving.deadline(settings));
        conn.serving = Some(serving);
        conn.is_accepted = true;
        process.conns.push(id);
        self.queue.schedule(conn.timer, Event::Deadline(id));
    }

    pub(super) fn tell_caller(&mut self, id: ConnId, parcel: Parcel) {
        let conn = &mut self.conns[id];
        if conn.is_dead {
            return;
        }
        self.agents[conn.agent].network.tell(&mut conn.down, self.now, parcel);
        self.schedule_pipe(id, Way::Down);
    }

    pub(super) fn schedule_pipe(&mut self, id: ConnId, way: Way) {
        let now = self.now;
        let pipe = self.conns[id].pipe(way);
        if pipe.is_scheduled {
            return;
        }
        if let Some(at) = pipe.next_at() {
            pipe.is_scheduled = true;
            self.queue.schedule(at.max(now), Event::Deliver(id, way));
        }
    }

    /// A link that was cut is whole again: what was held comes after a while.
    pub(super) fn release(&mut self, concerns: impl Fn(&Conn) -> bool) {
        for id in 0..self.conns.len() {
            let conn = &mut self.conns[id];
            if conn.is_over() || !concerns(conn) {
                continue;
            }
            for way in [Way::Up, Way::Down] {
                let conn = &mut self.conns[id];
                let delay = self.agents[conn.agent].network.delay();
                let until = self.now.plus(delay);
                let pipe = conn.pipe(way);
                if !pipe.is_scheduled {
                    pipe.delay_until(until);
                    self.schedule_pipe(id, way);
                }
            }
        }
    }

    /// What is next in a pipe arrives, if it can.
    pub(super) fn deliver(&mut self, id: ConnId, way: Way) -> Result<(), Violation> {
        let conn = &mut self.conns[id];
        let (agent, exporter, is_replayers) = (conn.agent, conn.exporter, conn.is_replayers());
        conn.pipe(way).is_scheduled = false;
        if conn.is_dead {
            conn.pipe(way).clear();
            return Ok(());
        }
        if !is_replayers && self.cuts.is_cut(agent, exporter, way) {
            return Ok(());
        }
        if let Some(until) = self.is_not_read_until(id, way) {
            self.conns[id].pipe(way).delay_until(until);
            self.schedule_pipe(id, way);
            return Ok(());
        }
        let parcel = self.conns[id].pipe(way).take(self.now);
        self.schedule_pipe(id, way);
        match (way, parcel) {
            (_, None) => Ok(()),
            (Way::Up, Some(parcel)) => self.arrive_at_exporter(id, parcel),
            (Way::Down, Some(parcel)) => self.arrive_at_caller(id, parcel),
        }
    }

    fn is_not_read_until(&mut self, id: ConnId, way: Way) -> Option<Time> {
        let conn = &self.conns[id];
        match way {
            Way::Down if conn.is_replayers() => None,
            Way::Down => self.paused_agent_until(conn.agent),
            Way::Up => {
                let paused = self.exporters[conn.exporter].paused_until;
                let until = conn.read_after.max(Some(paused))?;
                (self.now < until).then(|| until.plus(self.agents[conn.agent].network.delay()))
            }
        }
    }

    fn arrive_at_caller(&mut self, id: ConnId, parcel: Parcel) -> Result<(), Violation> {
        let conn = &mut self.conns[id];
        let agent = conn.agent;
        let Caller::Agent { process: number } = conn.caller else {
            match parcel {
                Parcel::Accepted => self.queue.schedule(self.now, Event::Replay(id)),
                Parcel::Bytes(_) => {}
                Parcel::Fin | Parcel::Reset => self.close_at_caller(id),
            }
            return Ok(());
        };
        let process = self.agents[agent].process.as_ref();
        let is_its = |process: &Process| process.number == number && process.has(id);
        if !conn.is_open_at_caller || !process.is_some_and(is_its) {
            return Ok(());
        }
        match parcel {
            Parcel::Accepted => self.agent_connected(agent, id),
            Parcel::Bytes(bytes) => self.agent_receives(agent, id, &bytes),
            Parcel::Fin => {
                self.close_at_caller(id);
                self.agent_loses(agent, id, Failure::Closed)
            }
            Parcel::Reset => {
                self.close_at_caller(id);
                self.agent_loses(agent, id, Failure::Io("connection reset".into()))
            }
        }
    }

    fn arrive_at_exporter(&mut self, id: ConnId, parcel: Parcel) -> Result<(), Violation> {
        // An exporter that has forgotten a name believes who shows it first, as after its restart. It was paused, or what
        // was said would have come in time.
        if matches!(self.conns[id].caller, Caller::Replayer { until, .. } if self.now >= until) {
            return self.break_conn(id, false);
        }
        match parcel {
            Parcel::Accepted => Ok(()),
            Parcel::Bytes(bytes) => self.exporter_receives(id, &bytes),
            Parcel::Fin | Parcel::Reset => {
                self.exporter_sees_end(id);
                Ok(())
            }
        }
    }

    /// Nothing passes any more; each end is told or not.
    pub(super) fn break_conn(&mut self, id: ConnId, is_told: bool) -> Result<(), Violation> {
        let conn = &mut self.conns[id];
        conn.is_dead = true;
        let agent = conn.agent;
        if is_told {
            conn.is_open_at_caller = false;
            self.close_at_exporter(id, Some(End::Eof));
            self.agent_loses(agent, id, Failure::Io("connection reset".into()))?;
        }
        Ok(())
    }
}
