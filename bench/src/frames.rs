//! Real frames, for what is measured without sockets.

use cpumon_load::machine::{self, Machine};
use cpumon_protocol::model::name::NameError;
use cpumon_protocol::model::{AgentName, Hello, Micros, Moment};
use cpumon_protocol::session::agent::AgentSession;
use cpumon_protocol::session::exporter::{ExporterSession, FrameLimits};

/// Both ends of a conversation that has come as far as welcome, and the machine that it is about.
#[derive(Debug)]
pub struct Conversation {
    /// The agent's end.
    pub agent: AgentSession,
    /// The exporter's end.
    pub exporter: ExporterSession,
    /// What the agent said first.
    pub hello: Hello,
    machine: Machine,
}

impl Conversation {
    /// A conversation with the agent `name`.
    ///
    /// # Errors
    ///
    /// When that is no name.
    pub fn new(name: &str) -> Result<Self, NameError> {
        let hello = machine::hello(AgentName::new(name)?, Micros::from_secs(1));
        let (mut said, mut answered) = (Vec::new(), Vec::new());
        let mut agent = AgentSession::start(&hello, &mut said);
        let mut exporter = ExporterSession::new(FrameLimits::default());
        // Both ends are this project's own, and their tests hold what is passed over here.
        let _ = exporter.receive(&mut &said[..]);
        exporter.welcome(Micros::from_secs(5), &mut answered);
        let _ = agent.receive(&mut &answered[..]);
        Ok(Self { agent, exporter, hello, machine: Machine::new(1) })
    }

    /// The frame that says hello.
    pub fn greeting(&self) -> Vec<u8> {
        let mut frame = Vec::new();
        AgentSession::start(&self.hello, &mut frame);
        frame
    }

    /// A full-size sample frame.
    pub fn sample(&mut self, seq: u64) -> Vec<u8> {
        let mut frame = Vec::new();
        self.agent.sample(seq, &self.machine.sample(Moment(seq * 1_000_000)), &mut frame);
        frame
    }
}
