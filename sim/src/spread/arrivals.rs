//! What comes to an exporter, and its answers.

use super::agent::Conn;
use super::crowd::Crowd;
use super::desk::{Caller, Presence};
use super::events::{Occurrence, What};

impl Crowd {
    /// The first packet comes to an exporter.
    pub(super) fn knock(&mut self, number: usize, id: u32) {
        let Some(conn) = self.agents[number].conn(id) else { return };
        let desk = &mut self.desks[conn.desk];
        let answer = match desk.presence {
            Presence::Silent => return,
            Presence::Refusing => What::Refused,
            Presence::Open => {
                desk.connect(self.now);
                self.agents[number].taken(id, desk.life);
                What::Opened
            }
        };
        self.answer(number, id, answer);
    }

    /// A hello comes to an exporter.
    pub(super) fn hello(&mut self, number: usize, id: u32) {
        let Some(conn) = self.served(number, id) else { return };
        let desk = &mut self.desks[conn.desk];
        let (is_begun, ended) = desk.hear(Caller { agent: number, conn: id, since: self.now });
        if is_begun {
            self.queue.schedule(
                self.now.plus(self.hello_cost),
                Occurrence::new(conn.desk, desk.life, What::Greeted),
            );
        }
        if let Some(Caller { agent, conn, .. }) = ended {
            self.answer(agent, conn, What::Lost);
        }
    }

    /// The exporter of this number has answered a hello.
    pub(super) fn greeted(&mut self, number: usize, life: u32) {
        let desk = &mut self.desks[number];
        if desk.life != life {
            return;
        }
        let (greeted, is_next_begun) = desk.greeted(self.now);
        if is_next_begun {
            self.queue.schedule(self.now.plus(self.hello_cost), Occurrence::new(number, life, What::Greeted));
        }
        if let Some(Caller { agent, conn, .. }) = greeted {
            self.answer(agent, conn, What::Welcome);
        }
    }

    /// A sample or a bye comes to an exporter.
    pub(super) fn frame(&mut self, number: usize, id: u32, (seq, is_bye): (u32, bool)) {
        let Some(conn) = self.served(number, id) else { return };
        let desk = &self.desks[conn.desk];
        let agent = &mut self.agents[number];
        if agent.shown.is_some_and(|(shown, ..)| shown != conn.desk) {
            self.counts.shown_twice += 1;
        }
        agent.shown = (!is_bye).then_some((conn.desk, desk.life, id));
        self.answer(number, id, What::Ack { seq });
    }

    /// The end of a connection comes to an exporter.
    pub(super) fn fin(&mut self, number: usize, id: u32, desk: usize) {
        let agent = &mut self.agents[number];
        if agent.shown == Some((desk, self.desks[desk].life, id)) {
            agent.shown = None;
        }
    }

    /// The connection, if the process that took it lives.
    fn served(&self, number: usize, id: u32) -> Option<Conn> {
        let conn = self.agents[number].conn(id)?;
        let desk = &self.desks[conn.desk];
        (desk.presence == Presence::Open && conn.life == Some(desk.life)).then_some(conn)
    }

    fn answer(&mut self, number: usize, id: u32, what: What) {
        self.queue.schedule(self.now.plus(self.agents[number].delay), Occurrence::new(number, id, what));
    }
}

/// What a frame is to the exporter that it comes to.
pub(super) fn arrival(frame: &[u8]) -> What {
    let begins = |start: &[u8]| frame.starts_with(start);
    if begins(b"{\"v\":1,\"t\":\"hello\"") {
        return What::Hello;
    }
    let key = b"\"seq\":";
    let number =
        frame.windows(key.len()).position(|window| window == key).map_or(frame.len(), |at| at + key.len());
    let digits = frame[number..].iter().take_while(|byte| byte.is_ascii_digit());
    let seq = digits.fold(0, |seq, digit| seq * 10 + u32::from(digit - b'0'));
    What::Frame { seq, is_bye: begins(b"{\"v\":1,\"t\":\"bye\"") }
}
