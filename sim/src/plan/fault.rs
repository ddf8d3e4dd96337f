//! The faults there are.

use cpumon_protocol::model::Micros;

pub use crate::machine::Oddity;

/// A fault. What lasts has its end in the plan.
#[derive(Clone, Debug)]
pub enum Fault {
    /// The agent's process is killed; it is started again after a while, if at all.
    KillAgent {
        /// Whom.
        agent: usize,
        /// How long it is down; none for ever.
        down: Option<Micros>,
        /// Whether it comes back with another order of exporters.
        moves: bool,
    },
    /// Its machine dies without a word and is started again: the kernel counts anew.
    CrashMachine {
        /// Whose.
        agent: usize,
        /// How long it is down; none for ever.
        down: Option<Micros>,
    },
    /// It is asked to stop, and says bye.
    StopAgent {
        /// Whom.
        agent: usize,
        /// How long it is down; none for ever.
        down: Option<Micros>,
        /// Whether it comes back with another order of exporters.
        moves: bool,
    },
    /// Its process does not run for a while; its host and the clocks do.
    PauseAgent {
        /// Whom.
        agent: usize,
    },
    /// Its wall clock is set, by so many microseconds.
    SetAgentClock {
        /// Whose.
        agent: usize,
        /// Forward, or back.
        change: i64,
    },
    /// Something is odd about its machine.
    Machine {
        /// Whose.
        agent: usize,
        /// What.
        oddity: Oddity,
        /// For how long.
        span: Micros,
    },
    /// Links are cut; what is on its way is held and comes later.
    Cut {
        /// Which.
        links: Links,
        /// In which direction.
        direction: Direction,
    },
    /// The agent's connection dies, and neither end is told.
    HalfOpen {
        /// Whose.
        agent: usize,
    },
    /// The agent's connection is broken, and both ends are told.
    Reset {
        /// Whose.
        agent: usize,
    },
    /// Somebody sends again what he has overheard of an agent, in any order, over connections of his own.
    Replay {
        /// Whose frames.
        agent: usize,
        /// To which exporter.
        exporter: usize,
    },
    /// The exporter's process is killed; or its whole machine, so that nobody is told.
    KillExporter {
        /// Which.
        exporter: usize,
        /// Whether the machine dies.
        is_silent: bool,
        /// How long it is down.
        down: Micros,
    },
    /// The exporter is asked to stop.
    StopExporter {
        /// Which.
        exporter: usize,
        /// How long it is down.
        down: Micros,
    },
    /// The exporter's process does not run for a while.
    PauseExporter {
        /// Which.
        exporter: usize,
    },
    /// Its wall clock is set, by so many microseconds.
    SetExporterClock {
        /// Whose.
        exporter: usize,
        /// Forward, or back.
        change: i64,
    },
    /// Prometheus cannot reach an exporter.
    MissScrapes {
        /// Which.
        exporter: usize,
    },
    /// Prometheus is down for a while.
    RestartPrometheus,
}

/// Which links a cut concerns.
#[derive(Clone, Copy, Debug)]
pub enum Links {
    /// Between an agent and an exporter.
    One(usize, usize),
    /// Between an agent and all exporters.
    OfAgent(usize),
    /// Between an exporter and all agents.
    OfExporter(usize),
}

/// Which way is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Both ways.
    Both,
    /// What agents send.
    Up,
    /// What exporters answer.
    Down,
}
