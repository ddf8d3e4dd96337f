//! Who an agent is: what it says once, at the start of a connection.

use std::fmt;

use super::name::AgentName;
use super::time::WallTime;
use super::token::Token;
use super::units::{Micros, Ratio};

/// Which process speaks: new at each start of an agent. With the sequence number it decides what is newer.
///
/// 1 to 64 characters of `A-Z a-z 0-9 -`; our agents use 128 random bits as 32 hexadecimal digits.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RunId(Box<str>);

impl RunId {
    /// The longest identifier, in characters.
    pub const MAX_LEN: usize = 64;

    /// Takes `text` if it has the form of a run.
    pub fn new(text: &str) -> Option<Self> {
        let fits = (1..=Self::MAX_LEN).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        fits.then(|| Self(text.into()))
    }

    /// The run of these 128 random bits.
    pub fn from_bits(bits: u128) -> Self {
        Self(format!("{bits:032x}").into())
    }

    /// The identifier as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which boot of the machine this is (on Linux `/proc/sys/kernel/random/boot_id`); totals of the kernel go
/// on while it stays the same.
pub type Boot = Box<str>;

/// A label of the user's choice, shown as `label_<key>`.
pub type Label = (Box<str>, Box<str>);

/// What an agent says when it connects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// Its name.
    pub agent: AgentName,
    /// Its process.
    pub run: RunId,
    /// Its machine's boot.
    pub boot: Option<Boot>,
    /// How often it promises to send a sample.
    pub interval: Micros,
    /// The newest sample's utilization, for a server of the original.
    pub utilization: Ratio,
    /// When its process started, by its own clock.
    pub start_time: Option<WallTime>,
    /// Whether its name ends with its process: any end then counts as a bye.
    pub ephemeral: bool,
    /// About its machine and program.
    pub facts: HostFacts,
    /// The user's labels, at most [`crate::limits::LABELS_MAX`].
    pub labels: Vec<Label>,
    /// What it shows to be let in.
    pub token: Option<Token>,
}

/// What `/metrics` shows as info about a machine and its agent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostFacts {
    /// The host's own name.
    pub hostname: Option<Box<str>>,
    /// The agent program's version.
    pub version: Option<Box<str>>,
    /// Name and version of the operating system.
    pub os: Option<Box<str>>,
    /// The kernel's version.
    pub kernel: Option<Box<str>>,
    /// The processor's architecture.
    pub arch: Option<Box<str>>,
    /// The processor's name.
    pub cpu_model: Option<Box<str>>,
}
