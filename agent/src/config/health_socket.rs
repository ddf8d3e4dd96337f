//! Where the running agent can be asked for its health.

use std::fmt;
use std::path::PathBuf;

use cpumon_daemon::variables::{Refusal, Value};

/// The longest address of a Unix socket that every system takes, in bytes.
const ADDRESS_MAX: usize = 100;

/// The address of a Unix socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HealthSocket {
    /// A name of Linux's abstract namespace: no file, so it works on a read-only root.
    Abstract(Box<str>),
    /// A file.
    Path(PathBuf),
}

impl HealthSocket {
    /// What counts when the variable is unset.
    pub const DEFAULT: &'static str =
        if cfg!(target_os = "linux") { "@cpumon-agent" } else { "/tmp/cpumon-agent.sock" };
}

impl Value for HealthSocket {
    fn from_text(text: &str) -> Result<Self, Refusal> {
        if text.len() > ADDRESS_MAX {
            return Err(Refusal::new("is too long", format!("write at most {ADDRESS_MAX} bytes")));
        }
        match text.strip_prefix('@') {
            Some(_) if !cfg!(target_os = "linux") => {
                Err(Refusal::new("is a name that only Linux has", "write a path"))
            }
            Some("") => Err(Refusal::new("has no name", "write one such as @cpumon-agent")),
            Some(name) => Ok(Self::Abstract(name.into())),
            None => PathBuf::from_text(text).map(Self::Path),
        }
    }
}

impl fmt::Display for HealthSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Abstract(name) => write!(f, "@{name}"),
            Self::Path(path) => path.display().fmt(f),
        }
    }
}
