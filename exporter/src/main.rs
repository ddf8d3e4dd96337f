//! `cpumon-exporter`: takes samples from agents and serves them to Prometheus.

use std::process::ExitCode;
use std::time::Duration;

use cpumon_daemon::program::{Command, Program};
use cpumon_exporter::config::Config;
use cpumon_exporter::http::healthcheck;
use cpumon_exporter::ingest::own_token;
use cpumon_exporter::run;
use cpumon_protocol::model::AgentName;
use tokio::runtime::Builder;

/// How long a health check waits.
const HEALTHCHECK_LIMIT: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    Program {
        name: "cpumon-exporter",
        version: env!("CARGO_PKG_VERSION"),
        about: "takes CPU samples from agents and serves them to Prometheus",
        // HTTP has this thread, agents have another (`run`), and what takes long is done on threads of its own. With more
        // threads for HTTP each keeps as much memory as all connections ever took that it had: twice as much, and more.
        runtime: || Builder::new_current_thread().enable_all().build(),
        logs: Config::logs,
    }
    .main_with(
        &[Command {
            name: "token",
            argument: "NAME",
            about: "print the token of its own for the agent NAME",
            run: token,
        }],
        async |config| {
            healthcheck::check(config.http_listen, config.http_scheme(), HEALTHCHECK_LIMIT)
                .map_err(anyhow::Error::msg)
        },
        async |config, stop| run::run(config.clone(), run::Listeners::bind(&config)?, stop).await,
    )
}

/// The token with which the agent of this name can speak for itself alone.
fn token(config: &Config, name: &str) -> Result<String, String> {
    let Some(secret) = &config.security.token else {
        return Err(
            "there is no token to make another of; set EXPORTER_TOKEN_FILE or EXPORTER_TOKEN".to_owned()
        );
    };
    let name = AgentName::new(name).map_err(|error| format!("the agent's name {error}"))?;
    Ok(own_token(secret.expose(), &name))
}
