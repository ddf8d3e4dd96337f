//! `cpumon-exporter`: takes samples from agents and serves them to Prometheus.

use std::process::ExitCode;
use std::time::Duration;

use cpumon_daemon::program::Program;
use cpumon_exporter::config::Config;
use cpumon_exporter::{http, run};
use tokio::runtime::Builder;

/// How long a health check waits.
const HEALTHCHECK_LIMIT: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    Program {
        name: "cpumon-exporter",
        version: env!("CARGO_PKG_VERSION"),
        about: "takes CPU samples from agents and serves them to Prometheus",
        runtime: || Builder::new_multi_thread().enable_all().build(),
        logs: Config::logs,
    }
    .main(
        async |config| {
            http::healthcheck::check(config.http_listen, HEALTHCHECK_LIMIT).map_err(anyhow::Error::msg)
        },
        async |config, stop| run::run(config.clone(), run::Listeners::bind(&config)?, stop).await,
    )
}
