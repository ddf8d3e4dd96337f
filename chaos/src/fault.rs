//! The kinds of faults, and whom each strikes.

use std::fmt;
use std::time::Duration;

/// How many agents there are.
pub const AGENTS: usize = 5;

/// How many of them, the first ones, keep their histogram over a restart (`AGENT_STATE_DIR`).
pub const AGENTS_WITH_STATE: usize = 3;

/// Who is struck. One of these has one fault at a time; several of them have theirs at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Victim {
    /// An agent, counted from 0.
    Agent(usize),
    /// The exporter.
    Exporter,
    /// Prometheus.
    Prometheus,
}

/// What is done to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// SIGKILL to an agent; started again later.
    Kill,
    /// An agent is stopped (it says bye) and started at once.
    Restart,
    /// An agent is stopped (it says bye); started again later.
    Stop,
    /// An agent is frozen.
    Pause,
    /// An agent loses its network interface; later it gets another one, with another address.
    Unplug,
    /// What an agent sends is swallowed.
    DropSent,
    /// What is sent to an agent is swallowed.
    DropReceived,
    /// An agent's connections are reset, each time that it sends.
    Reset,
    /// SIGKILL to the exporter; started again later.
    ExporterKill,
    /// The exporter is frozen.
    ExporterPause,
    /// SIGKILL to the exporter; another one takes its name at another address.
    ExporterMove,
    /// Prometheus is stopped and started at once.
    PrometheusRestart,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 12] = [
        Self::Kill,
        Self::Restart,
        Self::Stop,
        Self::Pause,
        Self::Unplug,
        Self::DropSent,
        Self::DropReceived,
        Self::Reset,
        Self::ExporterKill,
        Self::ExporterPause,
        Self::ExporterMove,
        Self::PrometheusRestart,
    ];

    /// Its name in the report.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Kill => "agent killed",
            Self::Restart => "agent restarted",
            Self::Stop => "agent stopped, started",
            Self::Pause => "agent paused",
            Self::Unplug => "agent unplugged",
            Self::DropSent => "agent's frames dropped",
            Self::DropReceived => "answers to agent dropped",
            Self::Reset => "agent's connections reset",
            Self::ExporterKill => "exporter killed",
            Self::ExporterPause => "exporter paused",
            Self::ExporterMove => "exporter moved",
            Self::PrometheusRestart => "Prometheus restarted",
        }
    }

    /// Whether it strikes an agent.
    pub const fn strikes_agent(self) -> bool {
        !self.strikes_exporter() && !matches!(self, Self::PrometheusRestart)
    }

    /// Whether it strikes the exporter.
    pub const fn strikes_exporter(self) -> bool {
        matches!(self, Self::ExporterKill | Self::ExporterPause | Self::ExporterMove)
    }

    /// Whether it takes an agent that goes on living away from the exporter.
    pub const fn cuts_off(self) -> bool {
        match self {
            Self::Unplug | Self::DropSent | Self::DropReceived | Self::Reset => true,
            Self::Kill | Self::Restart | Self::Stop | Self::Pause | Self::PrometheusRestart => false,
            Self::ExporterKill | Self::ExporterPause | Self::ExporterMove => true,
        }
    }

    /// Whether it ends an agent's connection, or its use, without a word to the exporter.
    pub const fn leaves_half_open(self) -> bool {
        matches!(self, Self::Pause | Self::Unplug | Self::DropSent | Self::Reset)
    }

    /// How often it is drawn, compared with others: there are five agents and only one exporter.
    pub const fn weight(self) -> usize {
        if self.strikes_agent() { 2 } else { 1 }
    }

    /// The shortest and the longest time in seconds that it lasts. What is left over by a length of zero is
    /// what the commands take.
    pub const fn span_seconds(self) -> (f64, f64) {
        match self {
            Self::Restart | Self::PrometheusRestart => (0.0, 0.0),
            Self::Kill | Self::ExporterKill => (0.2, 15.0),
            Self::ExporterMove => (0.2, 5.0),
            Self::Stop => (0.5, 30.0),
            // Shorter than this, and a late tick could not be told from a pause.
            Self::Pause => (3.0, 60.0),
            Self::Reset => (1.0, 40.0),
            Self::Unplug | Self::DropSent | Self::DropReceived | Self::ExporterPause => (2.0, 60.0),
        }
    }
}

/// One fault of a plan.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fault {
    /// What.
    pub kind: Kind,
    /// Whom.
    pub victim: Victim,
    /// When it is due, counted from the plan's beginning. One that is delayed delays those after it.
    pub due: Duration,
    /// How long it lasts.
    pub span: Duration,
}

impl fmt::Display for Victim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Agent(index) => write!(f, "agent-{}", index + 1),
            Self::Exporter => f.write_str("exporter"),
            Self::Prometheus => f.write_str("prometheus"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (due, span) = (self.due.as_secs_f64(), self.span.as_secs_f64());
        write!(f, "at {due:.1} s for {span:.1} s: {} ({})", self.kind.label(), self.victim)
    }
}
