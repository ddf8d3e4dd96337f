//! Panics, in the log: on one line like everything else there.

use std::panic;

use tracing::error;

/// From here on a panic is an event at level error instead of lines on stderr.
pub(super) fn log_panics() {
    panic::set_hook(Box::new(|panic| {
        let message = panic.payload_as_str().unwrap_or("(no message)");
        let location = panic.location().map(ToString::to_string);
        let thread = std::thread::current();
        error!(location = location.as_deref(), thread = thread.name(), "panicked: {message}");
    }));
}
