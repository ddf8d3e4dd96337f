//! The bound on open descriptors.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors that are kept for HTTP, files and listeners.
const RESERVE: u64 = 512;

/// Raises this process's bound on open descriptors as far as it may, and says how many connections that leaves
/// room for, of the `wanted` ones.
pub(crate) fn room_for_connections(wanted: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let current = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    let Some(descriptors) = current else { return wanted };
    let room =
        usize::try_from(descriptors.saturating_sub(RESERVE).max(descriptors / 2)).unwrap_or(usize::MAX);
    if room < wanted {
        tracing::warn!(
            descriptors,
            room,
            wanted,
            "the descriptor limit leaves room for fewer connections than EXPORTER_MAX_CONNECTIONS"
        );
    }
    room.min(wanted)
}
