//! A program's table and configuration, as the tests use them.

use std::{net::SocketAddr, path::PathBuf};

use cpumon_daemon::{
    logs::{LogFilter, LogFormat},
    variables::{
        ByteSize, Configuration, Group, HostPort, Limits, Pair, Refusal, Review, Secret, Table, Variable,
        text,
    },
};
use cpumon_protocol::model::{AgentName, Micros, Ratio};
use serde::Deserialize;

/// A variable of every type.
pub(crate) static TABLE: Table = Table {
    prefix: "EXPORTER_",
    groups: &[
        Group {
            heading: "Service",
            variables: &[
                Variable::new("EXPORTER_HTTP_LISTEN", "127.0.0.1:8000", "where it serves"),
                Variable::new("EXPORTER_NAME", "", "what it is called; nothing | when unset"),
                Variable::new("EXPORTER_INTERVAL", "1s", "how often")
                    .within(Limits::Spans(Micros::from_secs(1), Micros::from_secs(60))),
                Variable::new("EXPORTER_TIMEOUT", "3s", "how long"),
                Variable::new("EXPORTER_MAX_FRAME", "64KiB", "how much")
                    .within(Limits::Sizes(ByteSize(1_024), ByteSize(1 << 20))),
                Variable::new("EXPORTER_MAX_AGENTS", "10000", "how many").within(Limits::Counts(1, 100_000)),
                Variable::new("EXPORTER_WARNING", "0.8", "from where on"),
                Variable::new("EXPORTER_ORIGINAL", "true", "whether"),
                Variable::new("EXPORTER_PEERS", "", "which others").within(Limits::Items(2)),
                Variable::new("EXPORTER_LABELS", "dc=fra", "which labels"),
                Variable::new("EXPORTER_STATE_FILE", "", "where it remembers"),
            ],
        },
        Group {
            heading: "Secrets",
            variables: &[
                Variable::new("EXPORTER_TOKEN", "", "what is secret").secret(),
                Variable::new("EXPORTER_TOKEN_FILE", "", "where the secret is"),
            ],
        },
        Group {
            heading: "Logs",
            variables: &[
                Variable::new("EXPORTER_LOG", "info", "what is logged"),
                Variable::new("EXPORTER_LOG_FORMAT", "text", "how it looks"),
            ],
        },
    ],
};

/// Its configuration.
#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    #[serde(deserialize_with = "text")]
    pub(crate) http_listen: SocketAddr,
    #[serde(deserialize_with = "text")]
    pub(crate) name: Option<AgentName>,
    #[serde(deserialize_with = "text")]
    pub(crate) interval: Micros,
    #[serde(deserialize_with = "text")]
    pub(crate) timeout: Micros,
    #[serde(deserialize_with = "text")]
    pub(crate) max_frame: ByteSize,
    #[serde(deserialize_with = "text")]
    pub(crate) max_agents: u32,
    #[serde(deserialize_with = "text")]
    pub(crate) warning: Ratio,
    #[serde(deserialize_with = "text")]
    pub(crate) original: bool,
    #[serde(deserialize_with = "text")]
    pub(crate) peers: Vec<HostPort>,
    #[serde(deserialize_with = "text")]
    pub(crate) labels: Vec<Pair>,
    #[serde(deserialize_with = "text")]
    pub(crate) state_file: Option<PathBuf>,
    #[serde(deserialize_with = "text")]
    pub(crate) token_file: Option<PathBuf>,
    #[serde(deserialize_with = "text")]
    pub(crate) log: LogFilter,
    #[serde(deserialize_with = "text")]
    pub(crate) log_format: LogFormat,
    #[serde(skip)]
    pub(crate) token: Option<Secret>,
    #[serde(skip)]
    pub(crate) interval_given: bool,
}

impl Configuration for Config {
    const TABLE: &'static Table = &TABLE;

    fn complete(&mut self, review: &mut Review) {
        self.interval_given = review.is_given("EXPORTER_INTERVAL");
        self.token = review.secret("EXPORTER_TOKEN");
        if self.token.is_some() && self.token_file.is_some() {
            let refusal = Refusal::new("is given beside EXPORTER_TOKEN_FILE", "set one of the two");
            review.fault(&["EXPORTER_TOKEN", "EXPORTER_TOKEN_FILE"], &refusal);
        }
        if self.timeout < self.interval {
            let refusal = Refusal::new("is shorter than EXPORTER_INTERVAL", "write one at least as long");
            review.fault(&["EXPORTER_TIMEOUT", "EXPORTER_INTERVAL"], &refusal);
        }
    }
}
