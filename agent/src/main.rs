//! `cpumon-agent`: the program.

use std::process::ExitCode;

use cpumon_agent::config::Config;
use cpumon_agent::{health, run};
use cpumon_daemon::logs;
use cpumon_daemon::program::Program;
use tokio::runtime::Builder;

/// Threads that look up names: one is enough, unless the resolver hangs.
const LOOKUP_THREADS: usize = 4;

fn main() -> ExitCode {
    Program {
        name: "cpumon-agent",
        version: run::VERSION,
        about: "samples this machine's CPU every second and tells an exporter",
        runtime: || Builder::new_current_thread().enable_all().max_blocking_threads(LOOKUP_THREADS).build(),
        logs: |config: &Config| logs::Settings { filter: config.log.clone(), format: config.log_format },
    }
    .main(async |config| health::check(&config).await, run::run)
}
