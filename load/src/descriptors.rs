//! The bound on open descriptors: a connection each.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors that the process needs beside its connections.
const RESERVE: u64 = 64;

/// Raises this process's bound as far as it may, and says how many connections there is room for.
pub fn room() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let current = if setrlimit(Resource::Nofile, raised).is_ok() { limit.maximum } else { limit.current };
    current
        .map_or(usize::MAX, |current| usize::try_from(current.saturating_sub(RESERVE)).unwrap_or(usize::MAX))
}
