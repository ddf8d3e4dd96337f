//! All agents in one thread, on one epoll.
//!
//! Each agent ticks at its own phase of the period, so that a crowd's samples come as evenly as those of a fleet
//! that nobody has started at once.

mod pace;

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

use cpumon_agent::link::rendezvous::Place;
use cpumon_agent::link::{Action, Event, Failure};
use cpumon_daemon::clock::Clock;
use cpumon_protocol::model::name::NameError;
use cpumon_protocol::model::{AgentName, Hello, Micros, Moment, Token};
use rustix::event::epoll::{self, CreateFlags, EventFlags};
use rustix::fd::OwnedFd;
use rustix::fs::Timespec;
use rustix::io::Errno;

use crate::client::{Client, Dialect};
use crate::machine;
use crate::socket;
use crate::tally::{Counts, Latencies};

pub use pace::Pace;
use pace::Phases;

/// How often deadlines are looked at: rests and time limits are this exact.
const SWEEP_EVERY: Micros = Micros::from_millis(20);

/// How many events are taken from the kernel at once.
const EVENTS: usize = 256;

/// What a crowd is.
#[derive(Clone, Debug)]
pub struct CrowdSettings {
    /// Where its exporter is.
    pub exporter: SocketAddr,
    /// How many agents there are.
    pub agents: usize,
    /// What they speak.
    pub dialect: Dialect,
    /// How often they send.
    pub pace: Pace,
    /// What their names begin with; a number follows. Crowds of one exporter need names of their own.
    pub name: String,
    /// What they show to be let in, where their exporter asks for it.
    pub token: Option<Token>,
}

/// Many agents.
#[derive(Debug)]
pub struct Crowd {
    exporter: SocketAddr,
    epoll: OwnedFd,
    clock: Clock,
    pace: Pace,
    phases: Phases,
    members: Vec<Member>,
    swept: Moment,
    counts: Counts,
    latencies: Latencies,
    /// How many agents have had an answer to a sample on the connection that they have now.
    answered: usize,
    out: Vec<u8>,
    input: Box<[u8]>,
}

/// One agent, its socket, and what is counted of it.
#[derive(Debug)]
struct Member {
    client: Client,
    socket: Socket,
    is_answered: bool,
    is_in_flight: bool,
}

#[derive(Debug)]
enum Socket {
    Closed,
    Opening(TcpStream),
    Open(TcpStream),
}

/// What happened to a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Readiness {
    Writable,
    Readable,
}

impl Crowd {
    /// A crowd that begins to connect when it is run.
    ///
    /// # Errors
    ///
    /// When the settings' name makes no agent names.
    pub fn new(settings: &CrowdSettings) -> Result<Self, CrowdError> {
        let clock = Clock::start();
        let interval = settings.pace.promised();
        let member = |number: usize| {
            let seed = number as u64;
            let client = match settings.dialect {
                Dialect::V1 => {
                    let name = AgentName::new(&format!("{}{number:05}", settings.name))?;
                    let hello = Hello { token: settings.token.clone(), ..machine::hello(name, interval) };
                    Client::v1(hello, seed)
                }
                Dialect::Original => Client::original(seed),
            };
            Ok(Member { client, socket: Socket::Closed, is_answered: false, is_in_flight: false })
        };
        Ok(Self {
            exporter: settings.exporter,
            epoll: epoll::create(CreateFlags::CLOEXEC).map_err(io::Error::from)?,
            phases: Phases::new(settings.agents, settings.pace.period(), clock.now().mono),
            clock,
            pace: settings.pace,
            members: (0..settings.agents).map(member).collect::<Result<_, NameError>>()?,
            swept: Moment(0),
            counts: Counts::default(),
            latencies: Latencies::default(),
            answered: 0,
            out: Vec::new(),
            input: vec![0; 4096].into(),
        })
    }

    /// From here on each agent sends this often. What it has promised in its hello stays.
    pub fn set_pace(&mut self, pace: Pace) {
        self.pace = pace;
        self.phases = Phases::new(self.members.len(), pace.period(), self.now());
    }

    /// What was counted since the beginning.
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// How many agents have had an answer to a sample on the connection that they have now.
    pub const fn answered(&self) -> usize {
        self.answered
    }

    /// How many samples all machines have measured since their boots, as the agents' histograms count them.
    pub fn measured(&self) -> u64 {
        self.members.iter().map(|member| member.client.measured()).sum()
    }

    /// How many agents there are.
    pub const fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The latencies noted since the last call.
    pub fn take_latencies(&mut self) -> Latencies {
        std::mem::take(&mut self.latencies)
    }

    /// Runs for `span`, or until `enough` says so, which is asked after each round of events.
    ///
    /// # Errors
    ///
    /// When epoll fails. What fails on a connection is counted and tried again.
    pub fn run(&mut self, span: Micros, enough: impl Fn(&Self) -> bool) -> io::Result<()> {
        let end = self.now().plus(span);
        let mut events = Vec::with_capacity(EVENTS);
        while !enough(self) {
            let now = self.now();
            if now >= end {
                break;
            }
            self.tick_due(now);
            self.sweep(now);
            let next = self.phases.next().min(self.swept.plus(SWEEP_EVERY)).min(end);
            self.wait(next.since(self.now()), &mut events)?;
        }
        Ok(())
    }

    /// Measures nothing more, and waits for the answers to what was sent for at most `patience`.
    ///
    /// # Errors
    ///
    /// When epoll fails.
    pub fn settle(&mut self, patience: Micros) -> io::Result<()> {
        self.phases.stop();
        self.run(patience, |crowd| crowd.counts.in_flight() == 0)
    }

    /// Every agent says bye; waits for the answers for at most `patience`.
    ///
    /// # Errors
    ///
    /// When epoll fails.
    pub fn leave(mut self, patience: Micros) -> io::Result<Counts> {
        for index in 0..self.members.len() {
            self.step(index, |client, now, out| client.stop(now, patience, out));
        }
        self.phases.stop();
        self.run(patience, |crowd| crowd.members.iter().all(|member| member.client.is_ended()))?;
        Ok(self.counts)
    }

    fn now(&self) -> Moment {
        self.clock.now().mono
    }

    /// Ticks the agents whose time has come. At full speed answers make the ticks, and this is for those
    /// without a connection.
    fn tick_due(&mut self, now: Moment) {
        while let Some(index) = self.phases.take(now) {
            let is_driven = self.pace == Pace::FullSpeed
                && self.members.get(index).is_some_and(|member| member.client.is_live());
            if !is_driven {
                self.step(index, Client::tick);
            }
        }
    }

    fn sweep(&mut self, now: Moment) {
        if now < self.swept.plus(SWEEP_EVERY) {
            return;
        }
        self.swept = now;
        for index in 0..self.members.len() {
            let deadline = self.members.get(index).and_then(|member| member.client.deadline());
            if deadline.is_some_and(|deadline| deadline <= now) {
                self.step(index, Client::expired);
            }
        }
    }

    /// Waits for at most `span`, and handles what comes.
    fn wait(&mut self, span: Micros, events: &mut Vec<epoll::Event>) -> io::Result<()> {
        let timeout = Timespec {
            tv_sec: i64::try_from(span.0 / 1_000_000).unwrap_or(i64::MAX),
            tv_nsec: i64::try_from(span.0 % 1_000_000 * 1_000).unwrap_or_default(),
        };
        match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(events), Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for event in events.drain(..) {
            let (index, flags) = (event.data.u64() as usize, event.flags);
            if flags.intersects(EventFlags::OUT | EventFlags::ERR | EventFlags::HUP) {
                self.ready(index, Readiness::Writable);
            }
            if flags.intersects(EventFlags::IN | EventFlags::RDHUP | EventFlags::HUP) {
                self.ready(index, Readiness::Readable);
            }
        }
        Ok(())
    }

    fn ready(&mut self, index: usize, readiness: Readiness) {
        let Some(member) = self.members.get_mut(index) else { return };
        match (std::mem::replace(&mut member.socket, Socket::Closed), readiness) {
            (Socket::Opening(stream), Readiness::Writable) => match socket::outcome(&stream) {
                Ok(()) => {
                    member.socket = Socket::Open(stream);
                    self.counts.opened += 1;
                    self.step(index, Client::connected);
                }
                Err(error) => self.lost(index, Failure::Io(error.to_string().into())),
            },
            (Socket::Open(mut stream), Readiness::Readable) => {
                let outcome = stream.read(&mut self.input);
                member.socket = Socket::Open(stream);
                match outcome {
                    Ok(0) => self.lost(index, Failure::Closed),
                    Ok(length) => {
                        let input = std::mem::take(&mut self.input);
                        let bytes = input.get(..length).unwrap_or_default();
                        self.step(index, |client, now, out| client.receive(now, bytes, out));
                        self.input = input;
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => self.lost(index, Failure::Io(error.to_string().into())),
                }
            }
            (socket, _) => member.socket = socket,
        }
    }

    /// Lets one agent act, sends what it says and does what it wants.
    fn step(&mut self, index: usize, act: impl FnOnce(&mut Client, Moment, &mut Vec<u8>) -> Action) {
        let now = self.now();
        let Some(member) = self.members.get_mut(index) else { return };
        self.out.clear();
        let mut action = act(&mut member.client, now, &mut self.out);
        if action == Action::Resolve {
            action = member.client.resolved(now, Place { address: self.exporter, exporter: 0 });
        }
        if !self.out.is_empty() {
            if member.client.is_live() {
                member.is_in_flight = true;
                self.counts.sent += 1;
            }
            // One frame is in flight at a time, so there is always room for it.
            let sent = match &mut member.socket {
                Socket::Open(stream) => stream.write_all(&self.out),
                Socket::Closed | Socket::Opening(_) => Ok(()),
            };
            if let Err(error) = sent {
                self.lost(index, Failure::Io(error.to_string().into()));
                return;
            }
        }
        match action {
            Action::None => {}
            Action::Close => self.disconnect(index),
            Action::Open(_) => self.connect(index),
            // There is no other exporter to go to.
            Action::Resolve | Action::OpenSecond(_) | Action::CloseSecond | Action::Switch => {}
        }
        self.take_events(index);
    }

    fn connect(&mut self, index: usize) {
        self.disconnect(index);
        let Some(member) = self.members.get_mut(index) else { return };
        match socket::begin(self.exporter, &self.epoll, index) {
            Ok(stream) => member.socket = Socket::Opening(stream),
            Err(error) => self.lost(index, Failure::Io(error.to_string().into())),
        }
    }

    /// The connection failed.
    fn lost(&mut self, index: usize, why: Failure) {
        self.disconnect(index);
        let now = self.now();
        if let Some(member) = self.members.get_mut(index) {
            // There is no second connection that would have to be closed, too.
            let _ = member.client.failed(now, why);
        }
        self.take_events(index);
    }

    /// Closes the connection, and notes what that takes with it.
    fn disconnect(&mut self, index: usize) {
        let Some(member) = self.members.get_mut(index) else { return };
        member.socket = Socket::Closed;
        self.counts.lost += u64::from(std::mem::take(&mut member.is_in_flight));
        self.answered -= usize::from(std::mem::take(&mut member.is_answered));
    }

    fn take_events(&mut self, index: usize) {
        let Some(member) = self.members.get_mut(index) else { return };
        let mut is_acked = false;
        while let Some(event) = member.client.next_event() {
            match event {
                Event::Acked { rtt } => {
                    is_acked = true;
                    self.latencies.note(rtt);
                }
                Event::Lost { .. } => self.counts.failed += 1,
                Event::Refused { .. } => self.counts.refused += 1,
                Event::Welcome { .. } | Event::FellBack | Event::Moved { .. } | Event::Stayed { .. } => {}
            }
        }
        if is_acked {
            self.counts.acked += 1;
            member.is_in_flight = false;
            self.answered += usize::from(!std::mem::replace(&mut member.is_answered, true));
            if self.pace == Pace::FullSpeed {
                self.step(index, Client::tick);
            }
        }
    }
}

/// Why there is no crowd.
#[derive(Debug, thiserror::Error)]
pub enum CrowdError {
    /// The agents' names would be none.
    #[error("the agents' names would be none: such a name {0}")]
    Name(#[from] NameError),
    /// The kernel gives no epoll.
    #[error("cannot wait for sockets: {0}")]
    Epoll(#[from] io::Error),
}
