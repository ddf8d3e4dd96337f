//! Why files give no TLS.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::escape::Escaped;
use crate::variables::Refusal;

/// Which of the files is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// One's own certificate.
    Certificate,
    /// Its private key.
    Key,
    /// The certificates of those who vouch for the peer.
    Authorities,
}

/// A file that gives no TLS: what is wrong with it and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsError {
    part: Part,
    path: PathBuf,
    refusal: Refusal,
}

impl TlsError {
    pub(super) fn new(part: Part, path: &Path, refusal: Refusal) -> Self {
        Self { part, path: path.to_owned(), refusal }
    }

    /// Which file.
    pub fn part(&self) -> Part {
        self.part
    }

    /// What is wrong with it, without its path: for a message that names the variable.
    pub fn refusal(&self) -> &Refusal {
        &self.refusal
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", Escaped(&self.path.to_string_lossy()), self.refusal)
    }
}

impl std::error::Error for TlsError {}
