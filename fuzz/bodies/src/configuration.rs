//! Variables of both programs, with any value.

use cpumon_agent::config::Config as AgentConfig;
use cpumon_daemon::variables::{Configuration, Environment, load};
use cpumon_exporter::config::Config as ExporterConfig;

/// Each line of the input is a variable: `NAME=value`. What is no text becomes one that is none, as the system gives it.
pub(crate) fn run(input: &[u8]) {
    use std::os::unix::ffi::OsStringExt;
    let variables = input.split(|byte| *byte == b'\n').filter_map(|line| {
        let equals = line.iter().position(|byte| *byte == b'=')?;
        let (name, value) = line.split_at(equals);
        // No environment holds a NUL.
        let text = |bytes: &[u8]| {
            std::ffi::OsString::from_vec(bytes.iter().copied().filter(|byte| *byte != 0).collect())
        };
        Some((text(name), text(&value[1..])))
    });
    let environment: Environment = variables.collect();
    if let Some(config) = check::<ExporterConfig>(&environment) {
        let _ = (config.fleet(), config.http(), config.ingest(), config.thresholds(), config.logs());
    }
    if let Some(config) = check::<AgentConfig>(&environment) {
        let _ = format!("{config:?}");
    }
}

/// Loads it; each fault is one line without control characters that names a variable of the table.
fn check<C: Configuration>(environment: &Environment) -> Option<C> {
    match load::<C>(environment) {
        Ok(loaded) => {
            for unknown in &loaded.unknown {
                check_line(&unknown.to_string());
                assert!(C::TABLE.variables().any(|known| known.name == unknown.nearest));
            }
            Some(loaded.config)
        }
        Err(faults) => {
            assert!(faults.iter().next().is_some());
            for fault in faults.iter() {
                let known = C::TABLE.variables().any(|known| known.name == fault.variable());
                assert!(known, "{} is in no table", fault.variable());
                let line = fault.to_string();
                check_line(&line);
                assert!(line.starts_with(fault.variable()), "{line}");
                assert!(!line.contains("(the default)"), "a default is refused: {line}");
            }
            None
        }
    }
}

fn check_line(line: &str) {
    assert!(!line.contains(|c: char| c.is_control()), "{line:?}");
    assert!(line.len() < 2_000, "{} bytes", line.len());
}
