//! What happens to an agent: its link is told, and what it wants is done.

use cpumon_agent::link::{Action, Event, Failure};
use cpumon_protocol::model::{Micros, Sample};
use cpumon_protocol::session::exporter::acknowledge;

use super::agent::Conn;
use super::arrivals::arrival;
use super::crowd::Crowd;
use super::events::{Occurrence, What};

/// How long a look-up of the name takes.
const LOOKUP: Micros = Micros::from_millis(2);

const WELCOME: &[u8] = b"{\"v\":1,\"t\":\"welcome\",\"stale_ms\":5000}\n";

impl Crowd {
    /// One event.
    pub(super) fn happen(&mut self, Occurrence { agent, about, what }: Occurrence) {
        let agent = agent as usize;
        match what {
            What::Tick => self.tick(agent),
            What::Wake => self.wake(agent),
            What::Resolved => self.resolved(agent, about),
            What::Knock => self.knock(agent, about),
            What::Hello => self.hello(agent, about),
            What::Greeted => self.greeted(agent, about),
            What::Frame { seq, is_bye } => self.frame(agent, about, (seq, is_bye)),
            What::Fin { desk } => self.fin(agent, about, desk as usize),
            What::Opened | What::Refused | What::Welcome | What::Ack { .. } | What::Lost => {
                self.hear(agent, about, what);
            }
        }
    }

    fn tick(&mut self, number: usize) {
        let agent = &mut self.agents[number];
        agent.has_tick = false;
        let action = agent.link.tick(self.now, Sample::default(), true, &mut self.out);
        self.act(number, action);
        let agent = &self.agents[number];
        if !(agent.is_settled && agent.link.is_live()) {
            self.keep_ticking(number);
        }
    }

    fn wake(&mut self, number: usize) {
        let agent = &mut self.agents[number];
        if agent.wake_at == Some(self.now) {
            agent.wake_at = None;
            let action = agent.link.expired(self.now, &mut self.out);
            self.act(number, action);
        }
    }

    fn resolved(&mut self, number: usize, lookup: u32) {
        let agent = &mut self.agents[number];
        if agent.lookups == lookup {
            let action = agent.link.resolved(self.now, Ok(&self.listed));
            self.act(number, action);
        }
    }

    /// Something about a connection comes to the agent.
    fn hear(&mut self, number: usize, id: u32, what: What) {
        let agent = &mut self.agents[number];
        let is_first = agent.first.is_some_and(|conn| conn.id == id);
        if !is_first && agent.second.is_none_or(|conn| conn.id != id) {
            return;
        }
        let (link, now, out) = (&mut agent.link, self.now, &mut self.out);
        let action = match (what, is_first) {
            (What::Opened, true) => link.connected(now, out),
            (What::Opened, false) => {
                let action = link.second_connected(now, out);
                self.send(number, false);
                action
            }
            (What::Welcome, true) => link.receive(now, WELCOME, out),
            (What::Welcome, false) => link.second_receive(now, WELCOME, out),
            (What::Ack { seq }, _) => {
                let mut frame = Vec::new();
                acknowledge(seq.into(), false, &mut frame);
                link.receive(now, &frame, out)
            }
            (_, true) => {
                agent.first = None;
                link.failed(now, failure(what))
            }
            (_, false) => {
                agent.second = None;
                link.second_failed(now, failure(what))
            }
        };
        self.act(number, action);
    }

    /// Sends what the link has said, then does what it wants.
    fn act(&mut self, number: usize, action: Action) {
        self.send(number, true);
        match action {
            Action::None => {}
            Action::Resolve => self.resolve(number),
            Action::Open(place) => {
                self.close(number, true);
                self.open(number, place.address, true);
            }
            Action::OpenSecond(place) => {
                self.close(number, false);
                self.open(number, place.address, false);
            }
            Action::Close => {
                self.close(number, true);
                self.close_second(number);
            }
            Action::CloseSecond => self.close_second(number),
            Action::Switch => {
                self.close(number, true);
                let agent = &mut self.agents[number];
                agent.first = agent.second.take();
                let action = agent.link.switched(self.now, &mut self.out);
                self.unsettle(number);
                return self.act(number, action);
            }
        }
        self.note_events(number);
        self.plan_wake(number);
    }

    /// Sends over the first connection, or over the second.
    fn send(&mut self, number: usize, is_first: bool) {
        let agent = &self.agents[number];
        if let Some(conn) = if is_first { agent.first } else { agent.second } {
            let at = self.now.plus(agent.delay);
            for frame in self.out.split(|byte| *byte == b'\n').filter(|frame| !frame.is_empty()) {
                self.queue.schedule(at, Occurrence::new(number, conn.id, arrival(frame)));
            }
        }
        self.out.clear();
    }

    fn resolve(&mut self, number: usize) {
        let second = (self.now.since(self.since).0 / 1_000_000) as usize;
        let lookups = &mut self.counts.lookups;
        if lookups.len() <= second {
            lookups.resize(second + 1, 0);
        }
        lookups[second] += 1;
        let agent = &mut self.agents[number];
        agent.lookups += 1;
        self.queue.schedule(self.now.plus(LOOKUP), Occurrence::new(number, agent.lookups, What::Resolved));
    }

    fn open(&mut self, number: usize, address: std::net::SocketAddr, is_first: bool) {
        let Some(desk) = self.desks.iter().position(|desk| desk.place.address == address) else { return };
        let agent = &mut self.agents[number];
        agent.conns += 1;
        let conn = Conn { id: agent.conns, desk, life: None };
        *(if is_first { &mut agent.first } else { &mut agent.second }) = Some(conn);
        self.queue.schedule(self.now.plus(agent.delay), Occurrence::new(number, conn.id, What::Knock));
    }

    fn close(&mut self, number: usize, is_first: bool) {
        let agent = &mut self.agents[number];
        let conn = if is_first { agent.first.take() } else { agent.second.take() };
        if let Some(Conn { id, desk, .. }) = conn {
            self.queue.schedule(
                self.now.plus(agent.delay),
                Occurrence::new(number, id, What::Fin { desk: desk as u32 }),
            );
        }
    }

    fn close_second(&mut self, number: usize) {
        self.close(number, false);
        // A look-up that is under way is of no use any more.
        self.agents[number].lookups += 1;
    }

    fn note_events(&mut self, number: usize) {
        let after = self.now.since(self.since).0;
        while let Some(event) = self.agents[number].link.next_event() {
            match event {
                Event::Acked { .. } => {
                    if self.settle(number) {
                        self.counts.back.push(after);
                    }
                }
                Event::Moved { .. } => self.counts.moved.push(after),
                Event::Lost { .. } | Event::Refused { .. } => {
                    self.unsettle(number);
                    self.counts.failures += 1;
                }
                Event::Stayed { .. } => self.counts.failures += 1,
                Event::Welcome { .. } | Event::FellBack => {}
            }
        }
        if !self.agents[number].is_settled {
            self.keep_ticking(number);
        }
    }

    fn plan_wake(&mut self, number: usize) {
        let agent = &mut self.agents[number];
        if let Some(at) = agent.link.deadline().map(|deadline| deadline.max(self.now))
            && agent.wake_at.is_none_or(|planned| at < planned)
        {
            agent.wake_at = Some(at);
            self.queue.schedule(at, Occurrence::new(number, 0, What::Wake));
        }
    }
}

fn failure(what: What) -> Failure {
    match what {
        What::Refused => Failure::Io("connection refused".into()),
        _ => Failure::Closed,
    }
}
