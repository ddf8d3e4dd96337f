//! The link to an exporter as a plain value: ticks, bytes, addresses and moments in, bytes and actions out.
//!
//! It promises: hello goes out with a real sample; one sample is in flight at a time; a sample that cannot be sent
//! is overtaken by the next and counted, never queued; every wait has a deadline; every failure is followed by a
//! rest. Of several exporters it uses the one that it prefers of those that answer ([`rendezvous`]), and while it is at
//! another it looks now and then whether that one is back. Whoever drives it ([`Action`]) does the I/O and hands it
//! the moment of each call.
//!
//! Here are the ticks and the deadlines; beside it, each in a file of its own: the way to an exporter (`approach`), what
//! goes out (`outgoing`), what comes back (`answers`), failures and the rests after them (`failing`, `backoff`), and the
//! move to a better exporter (`looking`).

mod action;
mod answers;
mod approach;
mod backoff;
mod choice;
mod event;
mod failing;
mod looking;
mod outgoing;
pub mod rendezvous;
mod settings;
mod state;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use cpumon_protocol::model::{Cores, Hello, Machine, Micros, Moment, Sample, Token};
use cpumon_protocol::session::agent::{AgentSession, Leaving};

pub use action::Action;
use backoff::Backoff;
pub use backoff::BackoffSettings;
use choice::Choice;
pub use event::{Event, Failure};
use looking::Look;
use outgoing::Outgoing;
pub use settings::LinkSettings;
use state::{State, Then};

/// One agent's link to its exporters.
#[derive(Debug)]
pub struct Link {
    settings: LinkSettings,
    /// Said at each connection, with the newest utilization.
    hello: Hello,
    state: State,
    choice: Choice,
    /// When to look for a better exporter.
    look_at: Option<Moment>,
    /// The look for a better exporter, while there is one.
    look: Option<Look>,
    backoff: Backoff,
    outgoing: Outgoing,
    want_cores: bool,
    events: VecDeque<Event>,
}

impl Link {
    /// A link that will connect with the first sample. `seed` draws the rests.
    pub fn new(settings: LinkSettings, hello: Hello, seed: u64) -> Self {
        Self {
            settings,
            choice: Choice::new(hello.agent.clone()),
            hello,
            state: State::Resting { until: Moment(0) },
            look_at: None,
            look: None,
            backoff: Backoff::new(settings.backoff, seed),
            outgoing: Outgoing::default(),
            want_cores: false,
            events: VecDeque::new(),
        }
    }

    /// What hello shows from here on, to be let in. To be called when it is known who the other end is, before
    /// [`Link::connected`].
    pub fn show(&mut self, token: Option<Token>) {
        self.hello.token = token;
    }

    /// A second was measured. `due` says whether the promised interval is over; in between, a sample only
    /// replaces the one before it.
    pub fn tick(&mut self, now: Moment, sample: Sample, due: bool, out: &mut Vec<u8>) -> Action {
        self.outgoing.sampled(now, sample, due);
        match &self.state {
            State::Resting { until } if now >= *until => return self.approach(now),
            State::Approaching(approach) if approach.is_silent() => self.say_hello(now, out),
            State::Idle { .. } => self.send_pending(now, out),
            _ => {}
        }
        Action::None
    }

    /// The totals of each core that go with the sample of the next tick, or that none do.
    pub fn set_cores(&mut self, cores: Option<Cores>) {
        self.outgoing.set_cores(cores);
    }

    /// What the machine is; goes once a connection, with totals of cores.
    pub fn set_machine(&mut self, machine: Box<Machine>) {
        self.outgoing.set_machine(machine);
    }

    /// Whether it is known what the machine is.
    pub fn has_machine(&self) -> bool {
        self.outgoing.has_machine()
    }

    /// A second could not be measured. What is no longer fresh is not sent any more.
    pub fn missed(&mut self) {
        self.outgoing.missed();
    }

    /// When [`Link::expired`] has to be called, if nothing else happens before.
    pub fn deadline(&self) -> Option<Moment> {
        [self.deadline_of_state(), self.deadline_of_look()].into_iter().flatten().min()
    }

    fn deadline_of_state(&self) -> Option<Moment> {
        match &self.state {
            // Without a fresh sample there is nothing to connect for: the next tick will see to it.
            State::Resting { until } => self.outgoing.is_fresh().then_some(*until),
            State::Approaching(approach) => Some(approach.until()),
            State::Leaving { until, .. } => Some(*until),
            State::Waiting { sent, .. } => Some(sent.plus(self.settings.ack_timeout)),
            State::Idle { .. } | State::Ended => None,
        }
    }

    /// The deadline has passed. Called too early, it does nothing; when more than one has passed, the next one is in
    /// the past.
    pub fn expired(&mut self, now: Moment, out: &mut Vec<u8>) -> Action {
        let is_over = |deadline: Option<Moment>| deadline.is_some_and(|deadline| now >= deadline);
        if is_over(self.deadline_of_state()) {
            self.state_expired(now, out)
        } else if is_over(self.deadline_of_look()) {
            self.look_expired(now)
        } else {
            Action::None
        }
    }

    fn state_expired(&mut self, now: Moment, out: &mut Vec<u8>) -> Action {
        let why = match &mut self.state {
            State::Resting { .. } => return self.approach(now),
            State::Leaving { .. } => return self.left(now),
            State::Approaching(approach) => {
                if let Some(answer) = approach.session().and_then(AgentSession::give_up_waiting) {
                    return self.answered(now, answer, out);
                }
                approach.too_late(self.settings.connect_timeout)
            }
            State::Waiting { .. } => Failure::AckTimeout(self.settings.ack_timeout),
            State::Idle { .. } | State::Ended => return Action::None,
        };
        self.rest_after(now, why);
        Action::Close
    }

    /// The agent stops: says bye with the last totals where there is somebody to say it to, and waits for the
    /// answer for at most `patience`.
    pub fn stop(&mut self, now: Moment, patience: Micros, out: &mut Vec<u8>) -> Action {
        self.look = None;
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Idle { session, .. } | State::Waiting { session, .. } if !session.is_original() => {
                self.outgoing.say_bye(&session, Leaving::Stop, out);
                self.state = State::Leaving { session, until: now.plus(patience), then: Then::End };
                Action::None
            }
            // It says bye already, for another reason.
            State::Leaving { session, until, .. } => {
                self.state = State::Leaving { session, until, then: Then::End };
                Action::CloseSecond
            }
            State::Resting { .. } | State::Ended => Action::None,
            _ => Action::Close,
        }
    }

    /// Whether the agent may go: bye was answered, or there is nobody to wait for.
    pub fn is_ended(&self) -> bool {
        matches!(self.state, State::Ended)
    }

    /// Whether samples are being answered.
    pub fn is_live(&self) -> bool {
        matches!(self.state, State::Idle { .. } | State::Waiting { .. })
    }

    /// Whether somebody looks at per-core totals.
    pub fn wants_cores(&self) -> bool {
        self.want_cores
    }

    /// The oldest event that was not taken yet.
    pub fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Sends the newest sample if it is due and nothing is in flight.
    fn send_pending(&mut self, now: Moment, out: &mut Vec<u8>) {
        if let State::Idle { session, .. } = &self.state
            && self.outgoing.send(now, session, out)
            && let State::Idle { session, since } = std::mem::replace(&mut self.state, State::Ended)
        {
            self.state = State::Waiting { session, since, sent: now };
        }
    }
}
