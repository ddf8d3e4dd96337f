//! The link to an exporter as a plain value: ticks, bytes and moments in, bytes and actions out.
//!
//! It promises: hello goes out with a real sample; one sample is in flight at a time; a sample that cannot be sent
//! is overtaken by the next and counted, never queued; every wait has a deadline; every failure is followed by a
//! rest. Whoever drives it ([`Action`]) does the I/O and hands it the moment of each call.

mod backoff;
mod event;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use cpumon_protocol::model::{Cores, Hello, Machine, Micros, Moment, Sample, Token};
use cpumon_protocol::session::agent::{AgentSession, Answer, Leaving};

use backoff::Backoff;
pub use backoff::BackoffSettings;
pub use event::{Event, Failure};

/// How old a sample may be when it is sent. An exporter relies on it to know how old what it shows can be.
const PRESENT: Micros = Micros::from_secs(1);

/// Times of a link.
#[derive(Clone, Copy, Debug)]
pub struct LinkSettings {
    /// The longest wait for a connection, and then for the answer to hello.
    pub connect_timeout: Micros,
    /// The longest wait for the answer to a sample.
    pub ack_timeout: Micros,
    /// The rests between attempts.
    pub backoff: BackoffSettings,
}

impl Default for LinkSettings {
    fn default() -> Self {
        Self {
            connect_timeout: Micros::from_secs(3),
            ack_timeout: Micros::from_secs(3),
            backoff: BackoffSettings::default(),
        }
    }
}

/// What the driver is to do now, after it has written what the call appended to `out`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Action {
    /// Nothing but that.
    None,
    /// Open a connection, then call [`Link::connected`] or [`Link::failed`].
    Connect,
    /// Close the connection. No call of [`Link::failed`] is due for it.
    Close,
}

/// Where the link stands.
#[derive(Debug)]
enum State {
    /// No connection, and none wanted before `until`.
    Resting { until: Moment },
    /// The driver opens one.
    Connecting { until: Moment },
    /// Connected, but without a fresh sample to say hello with.
    Silent { until: Moment },
    /// Hello is said.
    Greeting { session: AgentSession, until: Moment },
    /// Welcome, and nothing is in flight.
    Idle { session: AgentSession, since: Moment },
    /// A sample is in flight.
    Waiting { session: AgentSession, since: Moment, sent: Moment },
    /// Bye is said.
    Leaving { session: AgentSession, until: Moment },
    /// Over: the agent stops.
    Ended,
}

/// One agent's link to its exporter.
#[derive(Debug)]
pub struct Link {
    settings: LinkSettings,
    /// Said at each connection, with the newest utilization.
    hello: Hello,
    state: State,
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
            hello,
            state: State::Resting { until: Moment(0) },
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
        match self.state {
            State::Resting { until } if now >= until => self.connect(now),
            State::Silent { .. } => self.say_hello(now, out),
            State::Idle { .. } => {
                self.send_pending(now, out);
                Action::None
            }
            _ => Action::None,
        }
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

    /// The connection that [`Action::Connect`] asked for is there.
    pub fn connected(&mut self, now: Moment, out: &mut Vec<u8>) -> Action {
        if matches!(self.state, State::Connecting { .. }) {
            self.state = State::Silent { until: now.plus(self.settings.connect_timeout) };
            return self.say_hello(now, out);
        }
        Action::None
    }

    /// The connection, or the attempt to open one, failed or was closed by the other end.
    pub fn failed(&mut self, now: Moment, why: Failure) {
        match self.state {
            State::Leaving { .. } => self.state = State::Ended,
            State::Resting { .. } | State::Ended => {}
            _ => self.rest_after(now, why),
        }
    }

    /// Bytes came.
    pub fn receive(&mut self, now: Moment, bytes: &[u8], out: &mut Vec<u8>) -> Action {
        let mut input = bytes;
        loop {
            let session = match &mut self.state {
                State::Greeting { session, .. }
                | State::Idle { session, .. }
                | State::Waiting { session, .. }
                | State::Leaving { session, .. } => session,
                _ => return Action::None,
            };
            let action = match session.receive(&mut input) {
                Ok(None) => return Action::None,
                Ok(Some(answer)) => self.answered(now, answer, out),
                Err(rejection) => self.nonsense(now, &rejection.message),
            };
            if action != Action::None {
                return action;
            }
        }
    }

    /// When [`Link::expired`] has to be called, if nothing else happens before.
    pub fn deadline(&self) -> Option<Moment> {
        match self.state {
            // Without a fresh sample there is nothing to connect for: the next tick will see to it.
            State::Resting { until } => self.fresh.then_some(until),
            State::Connecting { until }
            | State::Silent { until }
            | State::Greeting { until, .. }
            | State::Leaving { until, .. } => Some(until),
            State::Waiting { sent, .. } => Some(sent.plus(self.settings.ack_timeout)),
            State::Idle { .. } | State::Ended => None,
        }
    }

    /// The deadline has passed. Called too early, it does nothing.
    pub fn expired(&mut self, now: Moment, out: &mut Vec<u8>) -> Action {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return Action::None;
        }
        let why = match &mut self.state {
            State::Resting { .. } => return self.connect(now),
            State::Connecting { .. } => Failure::ConnectTimeout(self.settings.connect_timeout),
            State::Silent { .. } => Failure::Io("no sample to say hello with".into()),
            State::Greeting { session, .. } => match session.give_up_waiting() {
                Some(answer) => return self.answered(now, answer, out),
                None => Failure::WelcomeTimeout(self.settings.connect_timeout),
            },
            State::Waiting { .. } => Failure::AckTimeout(self.settings.ack_timeout),
            State::Leaving { .. } => {
                self.state = State::Ended;
                return Action::Close;
            }
            State::Idle { .. } | State::Ended => return Action::None,
        };
        self.rest_after(now, why);
        Action::Close
    }

    /// The agent stops: says bye with the last totals where there is somebody to say it to, and waits for the
    /// answer for at most `patience`.
    pub fn stop(&mut self, now: Moment, patience: Micros, out: &mut Vec<u8>) -> Action {
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Idle { session, .. } | State::Waiting { session, .. } if !session.is_original() => {
                let last = self.newest.take().map(|sample| self.stamped(sample));
                self.seq += 1;
                self.send_cores(&session, out);
                session.bye(Leaving::Stop, last.as_ref().map(|sample| (self.seq, sample)), out);
                self.state = State::Leaving { session, until: now.plus(patience) };
                Action::None
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

    /// How many attempts in a row have failed: which address to try next.
    pub fn failures(&self) -> u32 {
        self.backoff.failures()
    }

    /// The oldest event that was not taken yet.
    pub fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn connect(&mut self, now: Moment) -> Action {
        self.state = State::Connecting { until: now.plus(self.settings.connect_timeout) };
        // What another exporter, or an earlier one, asked for or knew is nothing to this one.
        self.want_cores = false;
        self.machine_told = false;
        Action::Connect
    }

    fn say_hello(&mut self, now: Moment, out: &mut Vec<u8>) -> Action {
        if let Some(sample) = self.newest.as_ref().filter(|_| self.fresh) {
            self.hello.utilization = sample.utilization;
            let session = AgentSession::start(&self.hello, out);
            self.state = State::Greeting { session, until: now.plus(self.settings.connect_timeout) };
            self.pending = true;
            self.said_in_hello = true;
        }
        Action::None
    }

    fn answered(&mut self, now: Moment, answer: Answer, out: &mut Vec<u8>) -> Action {
        if let Answer::Refused { code, retry, message } = answer {
            return self.refused(now, code, retry, message);
        }
        match (std::mem::replace(&mut self.state, State::Ended), answer) {
            (State::Greeting { session, .. }, Answer::Welcome { stale }) => {
                self.events.push_back(Event::Welcome { stale });
                self.state = State::Idle { session, since: now };
            }
            (State::Greeting { session, .. }, Answer::Original) => {
                self.events.push_back(Event::FellBack);
                // The original's server has taken the sample out of hello.
                self.pending &= !self.said_in_hello;
                self.state = State::Idle { session, since: now };
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
            (State::Leaving { .. }, Answer::Ack { seq, .. }) if seq == self.seq => return Action::Close,
            // The answer to a sample that was in flight when bye was said.
            (state @ State::Leaving { .. }, Answer::Ack { .. }) => self.state = state,
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

    fn acked(&mut self, now: Moment, sent: Moment) {
        let rtt = now.since(sent);
        self.rtt = Some(rtt);
        self.events.push_back(Event::Acked { rtt });
    }

    fn refused(&mut self, now: Moment, code: Box<str>, retry: Option<Micros>, message: Box<str>) -> Action {
        if matches!(self.state, State::Leaving { .. }) {
            self.state = State::Ended;
            return Action::Close;
        }
        let rest = match retry {
            Some(asked) => self.backoff.after_error(asked),
            None => self.backoff.after_failure(now, self.healthy_since()),
        };
        self.events.push_back(Event::Refused { code, message, rest });
        self.state = State::Resting { until: now.plus(rest) };
        Action::Close
    }

    fn nonsense(&mut self, now: Moment, message: &str) -> Action {
        self.failed(now, Failure::Nonsense(message.into()));
        Action::Close
    }

    fn rest_after(&mut self, now: Moment, why: Failure) {
        let rest = self.backoff.after_failure(now, self.healthy_since());
        self.events.push_back(Event::Lost { why, rest });
        self.state = State::Resting { until: now.plus(rest) };
    }

    fn healthy_since(&self) -> Option<Moment> {
        match self.state {
            State::Idle { since, .. } | State::Waiting { since, .. } => Some(since),
            _ => None,
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
