//! How long to wait after a failed `accept`.

use std::io::{Error, ErrorKind};
use std::time::Duration;

const FIRST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(1);

/// The waits between failures of `accept`: 50 ms, doubled up to 1 s, until one succeeds.
///
/// Without a wait, a process that is out of file descriptors spins: the connection stays in the queue
/// and fails again at once.
#[derive(Debug, Default)]
pub(crate) struct AcceptBackoff {
    last: Option<Duration>,
}

impl AcceptBackoff {
    /// The wait after `error`; none when only the one connection failed, and the next may be fine.
    pub(crate) fn after(&mut self, error: &Error) -> Duration {
        use ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
        if matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted) {
            return Duration::ZERO;
        }
        let wait = self.last.map_or(FIRST, |last| LONGEST.min(last * 2));
        self.last = Some(wait);
        wait
    }

    /// Notes a success.
    pub(crate) fn succeeded(&mut self) {
        self.last = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(backoff: &mut AcceptBackoff, error: &Error) -> u128 {
        backoff.after(error).as_millis()
    }

    #[test]
    fn waits_double_up_to_a_second_and_start_anew_after_a_success() {
        let out_of_descriptors = Error::other("too many open files");
        let mut backoff = AcceptBackoff::default();
        let waits: Vec<_> = (0..7).map(|_| millis(&mut backoff, &out_of_descriptors)).collect();
        assert_eq!(waits, [50, 100, 200, 400, 800, 1000, 1000]);
        backoff.succeeded();
        assert_eq!(millis(&mut backoff, &out_of_descriptors), 50);
    }

    #[test]
    fn a_connection_that_failed_alone_costs_no_wait() {
        let mut backoff = AcceptBackoff::default();
        assert_eq!(millis(&mut backoff, &Error::from(ErrorKind::ConnectionAborted)), 0);
        assert_eq!(
            millis(&mut backoff, &Error::other("too many open files")),
            50,
            "it is the first to cost one"
        );
    }
}
