//! Logs: structured events on stderr, each on exactly one line.
//!
//! Whatever a field holds, a line of the log has no byte below 0x20 but its final newline, and it is cut at
//! [`LINE_MAX`]. tracing-subscriber's own formats promise neither.

mod filter;
mod json;
mod limited;
mod panics;
mod plain;

use std::io::{self, IsTerminal};

use tracing::Subscriber;
use tracing_subscriber::{Layer, Registry, fmt::MakeWriter, layer::SubscriberExt};

use crate::variables::{Refusal, Value};

pub use filter::LogFilter;
pub use limited::Limited;

/// The longest text of an event, and in JSON of each of its strings, in bytes; the rest is cut off.
pub const LINE_MAX: usize = 8 * 1024;

/// How events look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// A JSON object a line, for programs.
    Json,
}

impl Value for LogFormat {
    fn from_text(text: &str) -> Result<Self, Refusal> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(Refusal::new("is no log format", "write text or json")),
        }
    }
}

/// What is logged, and how.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What is logged.
    pub filter: LogFilter,
    /// How it looks.
    pub format: LogFormat,
}

/// Sends the events of this process to stderr from here on, panics among them; in colour when stderr is a
/// terminal and the format is text.
///
/// # Errors
///
/// When it was called before.
pub fn start(settings: &Settings) -> Result<(), tracing::subscriber::SetGlobalDefaultError> {
    let colour = io::stderr().is_terminal();
    tracing::subscriber::set_global_default(subscriber(settings, colour, io::stderr))?;
    panics::log_panics();
    Ok(())
}

/// What turns events into lines for `writer`, one write a line.
fn subscriber<W>(settings: &Settings, colour: bool, writer: W) -> impl Subscriber + Send + Sync + use<W>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    // `log_internal_errors` would print to stderr when stderr cannot be written to, and panic.
    let layer =
        tracing_subscriber::fmt::layer().with_ansi(false).log_internal_errors(false).with_writer(writer);
    let layer: Box<dyn Layer<Registry> + Send + Sync> = match settings.format {
        LogFormat::Text => layer.event_format(plain::Plain { colour }).boxed(),
        LogFormat::Json => layer.event_format(json::Json).boxed(),
    };
    Registry::default().with(layer.with_filter(settings.filter.targets()))
}

#[cfg(test)]
mod tests;
