//! The link to an exporter as a plain value: ticks, bytes, addresses and moments in, bytes and actions out.
//!
//! It promises: hello goes out with a real sample; one sample is in flight at a time; a sample that cannot be sent
//! is overtaken by the next and counted, never queued; every wait has a deadline; every failure is followed by a
//! rest. Of several exporters it uses the one that it prefers of those that answer ([`rendezvous`]), and while it is at
//! another it looks now and then whether that one is back. Whoever drives it ([`Action`]) does the I/O and hands it
//! the moment of each call.

mod action;
mod approach;
mod backoff;
mod choice;
mod event;
mod looking;
pub mod rendezvous;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use cpumon_protocol::model::{Cores, Hello, Machine, Micros, Moment, Sample, Token};
use cpumon_protocol::session::agent::{AgentSession, Answer, Leaving};

pub use action::Action;
use approach::Approach;
use backoff::Backoff;
pub use backoff::BackoffSettings;
use choice::Choice;
pub use event::{Event, Failure};
use looking::{Look, Welcomed};
use rendezvous::Place;

/// How old a sample may be when it is sent. An exporter relies on it to know how old what it shows can be.
const PRESENT: Micros = Micros::from_secs(1);

/// The code with which an exporter refuses a name that another agent holds.
const DUPLICATE: &str = "duplicate";

/// Times of a link.
#[derive(Clone, Copy, Debug)]
pub struct LinkSettings {
    /// The longest wait for a connection, and then for the answer to hello.
    pub connect_timeout: Micros,
    /// The longest wait for the answer to a sample.
    pub ack_timeout: Micros,
    /// The rests between attempts.
    pub backoff: BackoffSettings,
    /// The longest time between two looks for a better exporter; the shortest is half of it.
    pub look_interval: Micros,
}

impl Default for LinkSettings {
    fn default() -> Self {
        Self {
            connect_timeout: Micros::from_secs(3),
            ack_timeout: Micros::from_secs(3),
            backoff: BackoffSettings::default(),
            look_interval: Micros::from_secs(5 * 60),
        }
    }
}

/// Where the link stands.
#[derive(Debug)]
enum State {
    /// No connection, and none wanted before `until`.
    Resting { until: Moment },
    /// On the way to an exporter.
    Approaching(Approach),
    /// Welcome, and nothing is in flight.
    Idle { session: AgentSession, since: Moment },
    /// A sample is in flight.
    Waiting { session: AgentSession, since: Moment, sent: Moment },
    /// Bye is said.
    Leaving { session: AgentSession, until: Moment, then: Then },
    /// Over: the agent stops.
    Ended,
}

/// What follows bye.
#[derive(Debug)]
enum Then {
    /// The end.
    End,
    /// The exporter that this agent prefers.
    Move(Welcomed),
}

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
    /// The newest sample.
    newest: Option<Sample>,
    /// The totals of each core that go with it, if somebody looks at them.
    cores: Option<Cores>,
    /// What the machine is, once that is known.
    machine: Option<Box<Machine>>,
    /// Whether this connection's other end knows it.
    machine_told: bool,
    /// When it was measured.
    measured: Moment,
    /// Whether `newest` is of the last tick: an older one is good for its totals only.
    fresh: bool,
    /// Whether `newest` has to be sent yet.
    pending: bool,
    /// Whether `newest` is what hello said.
    said_in_hello: bool,
    /// The last sample frame's number.
    seq: u64,
    skipped_frames: u64,
    rtt: Option<Micros>,
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
            newest: None,
            cores: None,
            machine: None,
            machine_told: false,
            measured: Moment(0),
            fresh: false,
            pending: false,
            said_in_hello: false,
            seq: 0,
            skipped_frames: 0,
            rtt: None,
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
        if due && self.pending {
            self.skipped_frames += 1;
        }
        self.newest = Some(sample);
        self.measured = now;
        self.fresh = true;
        self.said_in_hello = false;
        self.pending |= due;
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
        self.cores = cores;
    }

    /// What the machine is; goes once a connection, with totals of cores.
    pub fn set_machine(&mut self, machine: Box<Machine>) {
        self.machine = Some(machine);
    }

    /// Whether it is known what the machine is.
    pub fn has_machine(&self) -> bool {
        self.machine.is_some()
    }

    /// A second could not be measured. What is no longer fresh is not sent any more.
    pub fn missed(&mut self) {
        if std::mem::take(&mut self.pending) {
            self.skipped_frames += 1;
        }
        self.fresh = false;
    }

    /// These are the addresses of all names that could be resolved, or why there are none. Without them the ones of
    /// the last time are tried.
    pub fn resolved(&mut self, now: Moment, places: Result<&[Place], Failure>) -> Action {
        match &mut self.state {
            State::Approaching(approach) if approach.is_resolving() => approach.resolved(),
            _ => return self.look_resolved(now, places),
        }
        let why = match places {
            Ok(places) => {
                self.choice.learn(places);
                Failure::Io("the exporters' names have no address".into())
            }
            Err(why) => why,
        };
        match self.choice.next() {
            Some(place) => Action::Open(place),
            None => {
                self.rest_after(now, why);
                Action::None
            }
        }
    }

    /// The connection that [`Action::Open`] asked for is there.
    pub fn connected(&mut self, now: Moment, out: &mut Vec<u8>) -> Action {
        if let State::Approaching(approach) = &mut self.state
            && approach.is_opening()
        {
            approach.connected(now.plus(self.settings.connect_timeout));
            self.say_hello(now, out);
        }
        Action::None
    }

    /// The connection, or the attempt to open one, failed or was closed by the other end.
    pub fn failed(&mut self, now: Moment, why: Failure) -> Action {
        match self.state {
            State::Leaving { .. } => self.left(now),
            State::Resting { .. } | State::Ended => Action::None,
            _ => {
                let has_second = self.look.is_some();
                self.rest_after(now, why);
                if has_second { Action::Close } else { Action::None }
            }
        }
    }

    /// Bytes came.
    pub fn receive(&mut self, now: Moment, bytes: &[u8], out: &mut Vec<u8>) -> Action {
        let mut input = bytes;
        loop {
            let session = match &mut self.state {
                State::Approaching(approach) => approach.session(),
                State::Idle { session, .. }
                | State::Waiting { session, .. }
                | State::Leaving { session, .. } => Some(session),
                State::Resting { .. } | State::Ended => None,
            };
            let action = match session.map(|session| session.receive(&mut input)) {
                None | Some(Ok(None)) => return Action::None,
                Some(Ok(Some(answer))) => self.answered(now, answer, out),
                Some(Err(rejection)) => self.nonsense(now, &rejection.message),
            };
            if action != Action::None {
                return action;
            }
        }
    }

    /// When [`Link::expired`] has to be called, if nothing else happens before.
    pub fn deadline(&self) -> Option<Moment> {
        [self.deadline_of_state(), self.deadline_of_look()].into_iter().flatten().min()
    }

    fn deadline_of_state(&self) -> Option<Moment> {
        match &self.state {
            // Without a fresh sample there is nothing to connect for: the next tick will see to it.
            State::Resting { until } => self.fresh.then_some(*until),
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
                self.say_bye(&session, Leaving::Stop, out);
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

    fn approach(&mut self, now: Moment) -> Action {
        self.want_cores = false;
        self.state = State::Approaching(Approach::resolving(now.plus(self.settings.connect_timeout)));
        Action::Resolve
    }

    fn say_hello(&mut self, now: Moment, out: &mut Vec<u8>) {
        if let Some(sample) = self.newest.as_ref().filter(|_| self.fresh)
            && let State::Approaching(approach) = &mut self.state
        {
            self.hello.utilization = sample.utilization;
            approach.say_hello(&self.hello, now.plus(self.settings.connect_timeout), out);
            self.pending = true;
            self.said_in_hello = true;
        }
    }

    fn say_bye(&mut self, session: &AgentSession, leaving: Leaving, out: &mut Vec<u8>) {
        let last = self.newest.take().map(|sample| self.stamped(sample));
        self.seq += 1;
        self.send_cores(session, out);
        session.bye(leaving, last.as_ref().map(|sample| (self.seq, sample)), out);
        self.newest = last;
        self.pending = false;
    }

    fn answered(&mut self, now: Moment, answer: Answer, out: &mut Vec<u8>) -> Action {
        if let Answer::Refused { code, retry, message } = answer {
            return self.refused(now, code, retry, message);
        }
        match (std::mem::replace(&mut self.state, State::Ended), answer) {
            (State::Approaching(approach), answer @ (Answer::Welcome { .. } | Answer::Original)) => {
                // Who answers was greeted, so there is a session.
                let Some(session) = approach.into_session() else { return Action::Close };
                match answer {
                    Answer::Welcome { stale } => self.events.push_back(Event::Welcome { stale }),
                    _ => {
                        self.events.push_back(Event::FellBack);
                        // The original's server has taken the sample out of hello.
                        self.pending &= !self.said_in_hello;
                    }
                }
                self.settle(now, session);
            }
            (State::Waiting { session, since, sent }, Answer::Original) => {
                self.acked(now, sent);
                self.state = State::Idle { session, since };
            }
            (State::Waiting { session, since, sent }, Answer::Ack { seq, want_cores }) if seq == self.seq => {
                self.want_cores = want_cores;
                self.acked(now, sent);
                self.state = State::Idle { session, since };
            }
            (state @ State::Leaving { .. }, Answer::Ack { seq, .. }) => {
                self.state = state;
                // The one before is the answer to a sample that was in flight when bye was said.
                return if seq == self.seq { self.left(now) } else { Action::None };
            }
            // The original's server may answer hello in pieces.
            (state @ State::Idle { .. }, Answer::Original) => self.state = state,
            (state, _) => {
                self.state = state;
                return self.nonsense(now, "it has no place here");
            }
        }
        self.send_pending(now, out);
        Action::None
    }

    /// An exporter takes the samples from now on.
    fn settle(&mut self, now: Moment, session: AgentSession) {
        self.state = State::Idle { session, since: now };
        // What another exporter, or an earlier one, asked for or knew is nothing to this one.
        self.want_cores = false;
        self.machine_told = false;
        self.look_later(now);
    }

    fn acked(&mut self, now: Moment, sent: Moment) {
        let rtt = now.since(sent);
        self.rtt = Some(rtt);
        self.events.push_back(Event::Acked { rtt });
    }

    /// Bye was answered, or will not be.
    fn left(&mut self, now: Moment) -> Action {
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Leaving { then: Then::Move(welcomed), .. } => self.arrive(now, welcomed),
            _ => Action::Close,
        }
    }

    fn refused(&mut self, now: Moment, code: Box<str>, retry: Option<Micros>, message: Box<str>) -> Action {
        if matches!(self.state, State::Leaving { .. }) {
            return self.left(now);
        }
        self.count_health(now);
        // A name that somebody else holds is no reason to go elsewhere: there it would be shown twice.
        let has_another = &*code != DUPLICATE && self.choice.failed();
        let rest = match retry {
            _ if has_another => self.backoff.before_another(),
            Some(asked) => self.backoff.after_error(asked),
            None => self.backoff.after_failure(),
        };
        self.events.push_back(Event::Refused { code, message, rest });
        self.rest(now, rest);
        Action::Close
    }

    fn nonsense(&mut self, now: Moment, message: &str) -> Action {
        let _ = self.failed(now, Failure::Nonsense(message.into()));
        Action::Close
    }

    /// Rests; the connection is closed, or is to be.
    fn rest_after(&mut self, now: Moment, why: Failure) {
        self.count_health(now);
        let rest = match self.choice.failed() {
            true => self.backoff.before_another(),
            false => self.backoff.after_failure(),
        };
        self.events.push_back(Event::Lost { why, rest });
        self.rest(now, rest);
    }

    fn rest(&mut self, now: Moment, rest: Micros) {
        self.state = State::Resting { until: now.plus(rest) };
        // The next attempt tries the preferred one anyway.
        self.look = None;
    }

    /// Forgets what failed before the connection that ends now, if that one was healthy.
    fn count_health(&mut self, now: Moment) {
        let healthy_since = match self.state {
            State::Idle { since, .. } | State::Waiting { since, .. } => Some(since),
            _ => None,
        };
        if self.backoff.is_well(now, healthy_since) {
            self.backoff.reset();
            self.choice.forgive();
        }
    }

    /// Sends the newest sample if it is due and nothing is in flight. One of more than a second ago, when the process
    /// was paused, is no present any more: the tick that is due has the next.
    fn send_pending(&mut self, now: Moment, out: &mut Vec<u8>) {
        let is_old = now.since(self.measured) > PRESENT;
        if !self.pending || is_old || !matches!(self.state, State::Idle { .. }) {
            return;
        }
        let Some(sample) = self.newest.take().map(|sample| self.stamped(sample)) else {
            return;
        };
        if let State::Idle { session, since } = std::mem::replace(&mut self.state, State::Ended) {
            self.pending = false;
            self.seq += 1;
            self.send_cores(&session, out);
            session.sample(self.seq, &sample, out);
            self.state = State::Waiting { session, since, sent: now };
        }
        self.newest = Some(sample);
    }

    /// Sends the totals of each core that belong to the sample that is about to go.
    fn send_cores(&mut self, session: &AgentSession, out: &mut Vec<u8>) {
        if let Some(cores) = &mut self.cores {
            if !self.machine_told {
                cores.machine = self.machine.clone();
                self.machine_told = cores.machine.is_some();
            }
            session.cores(self.seq, cores, out);
            cores.machine = None;
        }
    }

    /// The sample with what only the link knows.
    fn stamped(&self, sample: Sample) -> Sample {
        Sample { skipped_frames: Some(self.skipped_frames), rtt: self.rtt, ..sample }
    }
}
