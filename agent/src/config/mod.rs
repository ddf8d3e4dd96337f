//! The agent's configuration: one table of variables, and their values by type.

mod health_socket;
mod label;
#[cfg(test)]
mod tests;
mod trust;

use std::path::PathBuf;
use std::sync::Arc;

use cpumon_daemon::logs::{LogFilter, LogFormat};
use cpumon_daemon::tls::ClientTls;
use cpumon_daemon::variables::{
    Configuration, Group, HostPort, Limits, Refusal, Review, Table, Variable, text,
};
use cpumon_protocol::limits::{LABELS_MAX, TOP_PROCESSES_MAX};
use cpumon_protocol::model::{AgentName, Micros, Token};
use serde::Deserialize;

use crate::link::{BackoffSettings, LinkSettings};

pub use health_socket::HealthSocket;
pub use label::LabelPair;

/// The most exporters that one agent can be told.
const EXPORTERS_MAX: usize = 64;

/// What all labels may take together in a hello, so that they are never left out of it.
pub const LABELS_BYTES_MAX: usize = 512;

const SECOND: Micros = Micros::from_secs(1);
const MINUTE: Micros = Micros::from_secs(60);
const HOUR: Micros = Micros::from_secs(60 * 60);
const DAY: Micros = Micros::from_secs(24 * 60 * 60);

const fn span(name: &'static str, default: &'static str, meaning: &'static str, most: Micros) -> Variable {
    Variable::new(name, default, meaning).within(Limits::Spans(Micros::from_millis(10), most))
}

/// Every variable of the agent.
pub static TABLE: Table = Table {
    prefix: "AGENT_",
    groups: &[
        Group {
            heading: "Where to",
            variables: &[
                Variable::new("AGENT_EXPORTERS", "127.0.0.1:8080", "the exporters to report to, as a comma list of host:port; of all addresses of all names, each agent prefers another one, and takes the next when it fails")
                    .within(Limits::Items(EXPORTERS_MAX)),
                Variable::new("AGENT_INTERVAL", "1s", "how often a sample is sent, in whole seconds; the CPU is sampled each second in any case")
                    .within(Limits::Spans(SECOND, MINUTE)),
            ],
        },
        Group {
            heading: "Who it is",
            variables: &[
                Variable::new("AGENT_NAME", "", "the name of this machine, 1 to 128 characters of A-Z a-z 0-9 . _ -; unset: the replica's name in compose, else the host name"),
                Variable::new("AGENT_LABELS", "", "labels of your own for `cpumon_agent_info`, such as `dc=fra,role=db`")
                    .within(Limits::Items(LABELS_MAX)),
                Variable::new("AGENT_EPHEMERAL", "false", "whether the name ends with the process: its end is then never an alert"),
                span("AGENT_NAME_LOOKUP_TIMEOUT", "1s", "the longest wait for the replica's name from Docker's DNS", MINUTE),
            ],
        },
        Group {
            heading: "What it reads and keeps",
            variables: &[
                Variable::new("AGENT_PROCFS", "/proc", "where the kernel's files are, on Linux"),
                Variable::new("AGENT_PER_CORE", "false", "whether `cpumon_core_seconds_total` is told: eight series for each core"),
                Variable::new("AGENT_CGROUP", "false", "whether the account of the agent's own control group (of its container) is told; `true` in compose"),
                Variable::new("AGENT_TOP_PROCESSES", "0", "how many of the busiest commands are told as `cpumon_top_process_cores`, each a series")
                    .within(Limits::Counts(0, TOP_PROCESSES_MAX as u64)),
                Variable::new("AGENT_TOP_PROCESSES_INTERVAL", "10s", "how often processes are looked at; a look that takes long is followed by a longer rest")
                    .within(Limits::Spans(SECOND, HOUR)),
                Variable::new("AGENT_STATE_DIR", "", "a directory that keeps the histogram over restarts of the agent; unset: it starts anew"),
            ],
        },
        Group {
            heading: "Connection",
            variables: &[
                span("AGENT_CONNECT_TIMEOUT", "3s", "the longest wait for a connection, and then for the answer to hello", MINUTE),
                span("AGENT_ACK_TIMEOUT", "3s", "the longest wait for the answer to a sample", MINUTE),
                span("AGENT_BACKOFF_MIN", "500ms", "the shortest rest before the next attempt to connect", MINUTE),
                span("AGENT_BACKOFF_MAX", "10s", "the longest rest after failures in a row", HOUR),
                span("AGENT_BACKOFF_AFTER_ERROR", "30s", "the longest rest that an exporter may ask for", HOUR),
                span("AGENT_BACKOFF_RESET", "30s", "how long a connection must have been well for the next failure to count as the first", HOUR),
                Variable::new("AGENT_LOOK_INTERVAL", "5m", "how long at most until it looks again whether the exporter that it prefers is back; at least half of that")
                    .within(Limits::Spans(SECOND, DAY)),
                span("AGENT_STOP_TIMEOUT", "2s", "the longest wait for the answer to the last word", MINUTE),
            ],
        },
        Group {
            heading: "Trust",
            variables: &[
                Variable::new("AGENT_TLS", "false", "whether to speak TLS 1.3; the exporter's certificate must then be good for its host in `AGENT_EXPORTERS`, and nothing is ever sent without TLS"),
                Variable::new("AGENT_TLS_CA_FILE", "", "the CA of the exporter's certificate, in PEM; unset: those that this system trusts. A changed file counts from the next connection on, as of the two below"),
                Variable::new("AGENT_TLS_CERT_FILE", "", "the agent's own certificate in PEM, for exporters that ask for one"),
                Variable::new("AGENT_TLS_KEY_FILE", "", "its private key in PEM"),
                Variable::new("AGENT_TOKEN", "", "the token that exporters ask for; better `AGENT_TOKEN_FILE`, as others may see variables").secret(),
                Variable::new("AGENT_TOKEN_FILE", "", "a file with that token"),
                Variable::new("AGENT_PLAINTEXT_TOKEN", "false", "whether the token may leave this machine without TLS, readable for whoever is on its way"),
            ],
        },
        Group {
            heading: "Health",
            variables: &[
                Variable::new("AGENT_HEALTH_SOCKET", HealthSocket::DEFAULT, "the Unix socket that `healthcheck` asks: a path, or on Linux `@` and a name that needs no file"),
                span("AGENT_HEALTH_MAX_AGE", "5s", "how old the last tick may be", HOUR),
            ],
        },
        Group {
            heading: "Logs",
            variables: &[
                Variable::new("AGENT_LOG", "info", "what is logged: `off`, `error`, `warn`, `info`, `debug`, `trace`, or a list such as `info,cpumon_agent::link=debug`"),
                Variable::new("AGENT_LOG_FORMAT", "text", "`text` or `json`"),
            ],
        },
    ],
};

/// The values of the variables.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the table says what each one is for")]
pub struct Config {
    #[serde(deserialize_with = "text")]
    pub exporters: Vec<HostPort>,
    #[serde(deserialize_with = "text")]
    pub interval: Micros,
    #[serde(deserialize_with = "text")]
    pub name: Option<AgentName>,
    #[serde(deserialize_with = "text")]
    pub labels: Vec<LabelPair>,
    #[serde(deserialize_with = "text")]
    pub ephemeral: bool,
    #[serde(deserialize_with = "text")]
    pub name_lookup_timeout: Micros,
    #[serde(deserialize_with = "text")]
    pub procfs: PathBuf,
    #[serde(deserialize_with = "text")]
    pub per_core: bool,
    #[serde(deserialize_with = "text")]
    pub cgroup: bool,
    #[serde(deserialize_with = "text")]
    pub top_processes: usize,
    #[serde(deserialize_with = "text")]
    pub top_processes_interval: Micros,
    #[serde(deserialize_with = "text")]
    pub state_dir: Option<PathBuf>,
    #[serde(deserialize_with = "text")]
    pub connect_timeout: Micros,
    #[serde(deserialize_with = "text")]
    pub ack_timeout: Micros,
    #[serde(deserialize_with = "text")]
    pub backoff_min: Micros,
    #[serde(deserialize_with = "text")]
    pub backoff_max: Micros,
    #[serde(deserialize_with = "text")]
    pub backoff_after_error: Micros,
    #[serde(deserialize_with = "text")]
    pub backoff_reset: Micros,
    #[serde(deserialize_with = "text")]
    pub look_interval: Micros,
    #[serde(deserialize_with = "text")]
    pub stop_timeout: Micros,
    #[serde(deserialize_with = "text")]
    pub tls: bool,
    #[serde(deserialize_with = "text")]
    pub tls_ca_file: Option<PathBuf>,
    #[serde(deserialize_with = "text")]
    pub tls_cert_file: Option<PathBuf>,
    #[serde(deserialize_with = "text")]
    pub tls_key_file: Option<PathBuf>,
    #[serde(deserialize_with = "text")]
    pub token_file: Option<PathBuf>,
    #[serde(deserialize_with = "text")]
    pub plaintext_token: bool,
    /// What the files hold; nothing for a health check.
    #[serde(skip)]
    pub tls_client: Option<Arc<ClientTls>>,
    #[serde(skip)]
    pub token: Option<Token>,
    #[serde(deserialize_with = "text")]
    pub health_socket: HealthSocket,
    #[serde(deserialize_with = "text")]
    pub health_max_age: Micros,
    #[serde(deserialize_with = "text")]
    pub log: LogFilter,
    #[serde(deserialize_with = "text")]
    pub log_format: LogFormat,
}

impl Configuration for Config {
    const TABLE: &'static Table = &TABLE;

    fn complete(&mut self, review: &mut Review) {
        if !self.interval.0.is_multiple_of(SECOND.0) {
            let refusal = Refusal::new("is no whole number of seconds", "write one such as 1s or 15s");
            review.fault(&["AGENT_INTERVAL"], &refusal);
        }
        if let Some(refusal) = label::refuse_together(&self.labels) {
            review.fault(&["AGENT_LABELS"], &refusal);
        }
        if self.backoff_max < self.backoff_min {
            let refusal = Refusal::new("is shorter than AGENT_BACKOFF_MIN", "write one at least as long");
            review.fault(&["AGENT_BACKOFF_MAX", "AGENT_BACKOFF_MIN"], &refusal);
        }
        trust::complete(self, review);
    }

    fn open(&mut self, review: &mut Review) {
        self.token = trust::token(self, review);
        self.tls_client = trust::tls(self, review);
    }
}

impl Config {
    /// The times of the link.
    pub const fn link(&self) -> LinkSettings {
        LinkSettings {
            connect_timeout: self.connect_timeout,
            ack_timeout: self.ack_timeout,
            backoff: BackoffSettings {
                min: self.backoff_min,
                max: self.backoff_max,
                max_after_error: self.backoff_after_error,
                reset_after: self.backoff_reset,
            },
            look_interval: self.look_interval,
        }
    }
}
