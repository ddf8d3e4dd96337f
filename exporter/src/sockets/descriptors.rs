//! The bound on open descriptors, and how it is shared out.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors that are kept for files, listeners, and connections that are just being refused or ended.
const SPARE: usize = 128;

/// How many connections there may be, of each kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    /// Of agents.
    pub(crate) ingest: usize,
    /// Of HTTP.
    pub(crate) http: usize,
}

/// Raises this process's bound on open descriptors as far as it may, and says for how much of what is `wanted` that
/// leaves room. So no flood of connections uses up descriptors that something else needs.
pub(crate) fn room_for_connections(wanted: Room) -> Room {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let current = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    let Some(descriptors) = current else { return wanted };
    let room = share(usize::try_from(descriptors).unwrap_or(usize::MAX), wanted);
    if room != wanted {
        tracing::warn!(
            descriptors,
            ?room,
            ?wanted,
            "the descriptor limit leaves room for fewer connections than EXPORTER_MAX_CONNECTIONS and EXPORTER_MAX_HTTP_CONNECTIONS; raise it (ulimit -n)"
        );
    }
    room
}

/// A quarter at most is HTTP's and what is spare each; agents get the rest. Nobody gets nothing.
fn share(descriptors: usize, wanted: Room) -> Room {
    let quarter = (descriptors / 4).max(1);
    let http = wanted.http.min(quarter);
    let left = descriptors.saturating_sub(http + SPARE.min(quarter)).max(1);
    Room { ingest: wanted.ingest.min(left), http }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_share_fits_and_nobody_gets_nothing() {
        let wanted = Room { ingest: 12_000, http: 512 };
        for (descriptors, ingest, http) in [
            (1_000_000, 12_000, 512),
            (20_000, 12_000, 512),
            (12_640, 12_000, 512),
            (12_639, 11_999, 512),
            (1_024, 640, 256),
            (256, 128, 64),
            (64, 32, 16),
            (1, 1, 1),
        ] {
            assert_eq!(share(descriptors, wanted), Room { ingest, http }, "{descriptors}");
        }
    }
}
