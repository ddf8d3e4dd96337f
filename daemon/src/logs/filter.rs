//! What is logged: a level, or one for each part of the program.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;

use crate::variables::{Refusal, Value};

/// What the targets of cpumon's own crates begin with.
const OURS: &str = "cpumon";

/// How talkative libraries are at most, unless the user names one: below that they log what strangers sent, such as
/// the path of a request, with whatever is in it.
const LIBRARIES_MAX: LevelFilter = LevelFilter::INFO;

/// A level for everything, and others for some targets: `info`, `warn,cpumon_agent=debug`.
///
/// Not tracing's own notation: that takes `inof` for a target, logs all of it and nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFilter {
    level: LevelFilter,
    targets: Vec<(String, LevelFilter)>,
}

impl LogFilter {
    pub(super) fn targets(&self) -> Targets {
        Targets::new()
            .with_default(self.level.min(LIBRARIES_MAX))
            .with_target(OURS, self.level)
            .with_targets(self.targets.iter().cloned())
    }
}

impl Default for LogFilter {
    /// `info`.
    fn default() -> Self {
        Self { level: LevelFilter::INFO, targets: Vec::new() }
    }
}

impl Value for LogFilter {
    /// A comma list of levels and `target=level`. Without a level of its own the rest is at `info`.
    fn from_text(text: &str) -> Result<Self, Refusal> {
        let mut filter = Self::default();
        for item in text.split(',').map(str::trim) {
            match item.split_once('=') {
                None => filter.level = level(item)?,
                Some((target, name)) if !target.trim().is_empty() => {
                    filter.targets.push((target.trim().to_owned(), level(name.trim())?));
                }
                Some(_) => return Err(refusal("has a level for no target")),
            }
        }
        Ok(filter)
    }
}

fn level(name: &str) -> Result<LevelFilter, Refusal> {
    match name.to_ascii_lowercase().as_str() {
        "off" => Ok(LevelFilter::OFF),
        "error" => Ok(LevelFilter::ERROR),
        "warn" => Ok(LevelFilter::WARN),
        "info" => Ok(LevelFilter::INFO),
        "debug" => Ok(LevelFilter::DEBUG),
        "trace" => Ok(LevelFilter::TRACE),
        _ => Err(refusal("has an unknown level")),
    }
}

fn refusal(wrong: &'static str) -> Refusal {
    Refusal::new(
        wrong,
        "write off, error, warn, info, debug or trace, or a list such as info,cpumon_agent=debug",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_levels_and_targets() {
        let filter = |level, targets: &[(&str, LevelFilter)]| {
            let targets = targets.iter().map(|&(target, level)| (target.to_owned(), level)).collect();
            Ok(LogFilter { level, targets })
        };
        for (text, expected) in [
            ("info", Ok(LogFilter::default())),
            ("WARN", filter(LevelFilter::WARN, &[])),
            ("off", filter(LevelFilter::OFF, &[])),
            ("warn, a::b = debug", filter(LevelFilter::WARN, &[("a::b", LevelFilter::DEBUG)])),
            ("a=trace", filter(LevelFilter::INFO, &[("a", LevelFilter::TRACE)])),
            ("inof", Err(refusal("has an unknown level"))),
            ("a=", Err(refusal("has an unknown level"))),
            ("info,", Err(refusal("has an unknown level"))),
            ("", Err(refusal("has an unknown level"))),
            ("=info", Err(refusal("has a level for no target"))),
        ] {
            assert_eq!(LogFilter::from_text(text), expected, "{text:?}");
        }
    }
}
