//! Starts the log and panics: for the tests, which look at what that leaves on stderr.

use cpumon_daemon::logs::{self, LogFilter, LogFormat, Settings};

#[allow(clippy::panic, reason = "that is what it is for")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    logs::start(&Settings { filter: LogFilter::default(), format: LogFormat::Text })?;
    let text = std::env::args().nth(1).ok_or("give the text to panic with")?;
    panic!("{text}")
}
