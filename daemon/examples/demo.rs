//! A service that sends back what it gets: shows how a program is put together, and serves the tests.

use std::{net::SocketAddr, process::ExitCode};

use anyhow::Context;
use cpumon_daemon::{
    logs::{self, LogFilter, LogFormat},
    program::Program,
    stop::{self, Drained, Stop},
    variables::{Configuration, Group, Limits, Refusal, Review, Secret, Table, Variable, text},
};
use cpumon_protocol::model::{AgentName, Micros};
use serde::Deserialize;
use tokio::{io, net::TcpListener, net::TcpStream};
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

static TABLE: Table = Table {
    prefix: "DEMO_",
    groups: &[
        Group {
            heading: "Service",
            variables: &[
                Variable::new("DEMO_LISTEN", "127.0.0.1:8080", "where it listens"),
                Variable::new("DEMO_NAME", "", "what it calls itself"),
                Variable::new("DEMO_DRAIN", "5s", "how long it waits for its clients when it stops")
                    .within(Limits::Spans(Micros::from_millis(100), Micros::from_secs(60))),
                Variable::new("DEMO_TOKEN", "", "what its clients must know; only with a name").secret(),
            ],
        },
        Group {
            heading: "Logs",
            variables: &[
                Variable::new("DEMO_LOG", "info", "what is logged, such as `debug` or `info,demo=debug`"),
                Variable::new("DEMO_LOG_FORMAT", "text", "`text` or `json`"),
            ],
        },
    ],
};

/// A field for each variable of the table that is not secret, of any type that is a `Value`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    #[serde(deserialize_with = "text")]
    listen: SocketAddr,
    #[serde(deserialize_with = "text")]
    name: Option<AgentName>,
    #[serde(deserialize_with = "text")]
    drain: Micros,
    #[serde(deserialize_with = "text")]
    log: LogFilter,
    #[serde(deserialize_with = "text")]
    log_format: LogFormat,
    /// Filled by `complete`: the decoding never sees a secret.
    #[serde(skip)]
    token: Option<Secret>,
}

impl Configuration for Config {
    const TABLE: &'static Table = &TABLE;

    fn complete(&mut self, review: &mut Review) {
        self.token = review.secret("DEMO_TOKEN");
        if self.token.is_some() && self.name.is_none() {
            let refusal = Refusal::new("is given without DEMO_NAME", "set both or neither");
            review.fault(&["DEMO_TOKEN", "DEMO_NAME"], &refusal);
        }
    }
}

async fn run(config: Config, stop: Stop) -> anyhow::Result<()> {
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("cannot listen on {}", config.listen))?;
    info!(address = %listener.local_addr()?, token = ?config.token, "listening");

    let clients = TaskTracker::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (client, address) = accepted?;
                info!(%address, "connected");
                clients.spawn(echo(client));
            }
            () = stop.requested() => break,
        }
    }
    match stop::drain(&clients, config.drain.into()).await {
        Drained::Complete => info!("every client has left"),
        Drained::Left(clients) => warn!(clients, "gave up on clients that did not leave"),
    }
    Ok(())
}

/// Sends back what `client` sends, until it leaves.
async fn echo(mut client: TcpStream) {
    let (mut from, mut to) = client.split();
    let _ = io::copy(&mut from, &mut to).await;
}

async fn healthcheck(config: Config) -> anyhow::Result<()> {
    TcpStream::connect(config.listen)
        .await
        .with_context(|| format!("cannot connect to {}", config.listen))?;
    Ok(())
}

fn main() -> ExitCode {
    Program {
        name: "demo",
        version: env!("CARGO_PKG_VERSION"),
        about: "sends back what it gets",
        runtime: || tokio::runtime::Builder::new_current_thread().enable_all().build(),
        logs: |config: &Config| logs::Settings { filter: config.log.clone(), format: config.log_format },
    }
    .main(healthcheck, run)
}
