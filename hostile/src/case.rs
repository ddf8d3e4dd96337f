//! What a case is.

use std::fmt::Display;

use crate::stage::Stage;

/// How much of it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// All of it.
    Full,
    /// As much as a test of every change can wait for.
    Short,
}

impl Form {
    /// One of two figures.
    pub const fn pick<T: Copy>(self, full: T, short: T) -> T {
        match self {
            Self::Full => full,
            Self::Short => short,
        }
    }
}

/// What the exporter asks of those who come, beside what is said in every case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// Nothing.
    Open,
    /// Agents show a token; HTTP is over TLS alone and asks for a token; there is a listener for agents over TLS.
    Tokens,
    /// The same, and over TLS agents need a certificate, too.
    Certificates,
}

/// Something that somebody tries.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Its number in the table of threats.
    pub id: &'static str,
    /// What is tried, in a few words.
    pub title: &'static str,
    /// Variables of its exporter, beside the defaults.
    pub variables: fn(Form) -> Vec<(&'static str, String)>,
    /// What its exporter asks for.
    pub guard: Guard,
    /// The exporter's bound on descriptors, if it is another than that of this machine.
    pub descriptors: Option<u32>,
    /// The most memory that the exporter may grow by, in MiB.
    pub memory_mib: u64,
    /// The longest that a scrape may take, in seconds.
    pub scrape_max: u32,
    /// Whether the exporter is made to stop.
    pub ends_exporter: bool,
    /// Tries it.
    pub attack: fn(&Stage) -> anyhow::Result<Outcome>,
}

impl Case {
    /// A case with the exporter's defaults.
    pub const fn new(
        id: &'static str,
        title: &'static str,
        attack: fn(&Stage) -> anyhow::Result<Outcome>,
    ) -> Self {
        Self {
            id,
            title,
            variables: |_| Vec::new(),
            guard: Guard::Open,
            descriptors: None,
            memory_mib: 50,
            scrape_max: 1,
            ends_exporter: false,
            attack,
        }
    }
}

/// What a case saw.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// How often it was tried.
    pub tried: u64,
    /// What had to be so.
    pub marks: Vec<Mark>,
}

impl Outcome {
    /// An outcome without marks yet.
    pub const fn of(tried: u64) -> Self {
        Self { tried, marks: Vec::new() }
    }

    /// Adds that `what` was `found` where `wanted` had to be.
    #[must_use]
    pub fn mark(
        mut self,
        what: &'static str,
        found: impl Display,
        wanted: impl Display,
        is_met: bool,
    ) -> Self {
        self.marks.push(Mark { what, found: found.to_string(), wanted: wanted.to_string(), is_met });
        self
    }

    /// Adds a number that may not be above `most`.
    #[must_use]
    pub fn at_most<N: Display + PartialOrd>(self, what: &'static str, found: N, most: N) -> Self {
        let is_met = found <= most;
        self.mark(what, found, format_args!("at most {most}"), is_met)
    }

    /// Adds a number that has to be exactly this.
    #[must_use]
    pub fn exactly<N: Display + PartialEq>(self, what: &'static str, found: N, wanted: N) -> Self {
        let is_met = found == wanted;
        self.mark(what, found, wanted, is_met)
    }
}

/// Something that had to be so.
#[derive(Clone, Debug)]
pub struct Mark {
    /// What.
    pub what: &'static str,
    /// What was seen.
    pub found: String,
    /// What had to be seen.
    pub wanted: String,
    /// Whether it was.
    pub is_met: bool,
}

/// A time in seconds, for marks.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Seconds(pub f64);

impl Display for Seconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.2} s", self.0)
    }
}
