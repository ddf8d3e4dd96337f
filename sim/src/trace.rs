//! What happened, for whoever looks for the reason of a failure.

use std::collections::VecDeque;
use std::fmt;

use crate::time::Time;

/// How many happenings are remembered for a failure's report.
const REMEMBERED: usize = 120;

/// One thing that happened.
#[derive(Clone, Debug)]
pub struct Happening {
    /// When.
    pub at: Time,
    /// What.
    pub what: &'static str,
    /// To which agent, if to one.
    pub agent: Option<usize>,
    /// At which exporter, if at one.
    pub exporter: Option<usize>,
    /// A number that goes with it: a sample's place, a connection's.
    pub number: usize,
}

impl fmt::Display for Happening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>12}", self.at.to_string())?;
        match self.agent {
            Some(agent) => write!(f, "  agent {agent:<3}")?,
            None => write!(f, "           ")?,
        }
        match self.exporter {
            Some(exporter) => write!(f, "  exporter {exporter:<2}")?,
            None => write!(f, "             ")?,
        }
        write!(f, "  {} {}", self.what, self.number)
    }
}

/// The last happenings, or all of them.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    happenings: VecDeque<Happening>,
    keeps_all: bool,
}

impl Trace {
    pub(crate) fn new(keeps_all: bool) -> Self {
        Self { happenings: VecDeque::new(), keeps_all }
    }

    pub(crate) fn note(&mut self, happening: Happening) {
        if !self.keeps_all && self.happenings.len() == REMEMBERED {
            self.happenings.pop_front();
        }
        self.happenings.push_back(happening);
    }

    pub(crate) fn take(&mut self) -> Vec<Happening> {
        std::mem::take(&mut self.happenings).into()
    }
}
