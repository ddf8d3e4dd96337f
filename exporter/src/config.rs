//! The exporter's variables: one table, and their types.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use cpumon_daemon::logs::{LogFilter, LogFormat, Settings as LogSettings};
use cpumon_daemon::variables::{
    ByteSize, Configuration, Group, Limits, Refusal, Review, Secret, Table, Variable, text,
};
use cpumon_protocol::model::histogram::BOUNDS;
use cpumon_protocol::model::{AgentName, Micros, Ratio};
use cpumon_protocol::session::exporter::FrameLimits;
use serde::Deserialize;

use crate::exposition::families::Thresholds;
use crate::fleet::FleetSettings;
use crate::http::healthcheck::Scheme;
use crate::http::{HttpConfig, HttpToken};
use crate::ingest::{Access, IngestSettings};
use crate::security::{Listener, Security, check_token};
use crate::sockets::KernelBuffers;

const fn span(name: &'static str, default: &'static str, meaning: &'static str) -> Variable {
    Variable::new(name, default, meaning)
        .within(Limits::Spans(Micros::from_millis(100), Micros::from_secs(600)))
}

const fn count(name: &'static str, default: &'static str, meaning: &'static str) -> Variable {
    Variable::new(name, default, meaning).within(Limits::Counts(1, 10_000_000))
}

const fn frame_size(name: &'static str, default: &'static str, meaning: &'static str) -> Variable {
    Variable::new(name, default, meaning).within(Limits::Sizes(ByteSize(1024), ByteSize(1024 * 1024)))
}

const DAYS_365: Micros = Micros::from_secs(365 * 24 * 60 * 60);

/// Every variable of the exporter.
pub static TABLE: Table = Table {
    prefix: "EXPORTER_",
    groups: &[
        Group {
            heading: "Where it listens",
            variables: &[
                Variable::new(
                    "EXPORTER_INGEST_LISTEN",
                    "127.0.0.1:8080",
                    "where agents connect; `[::]:8080` in the image",
                ),
                Variable::new(
                    "EXPORTER_HTTP_LISTEN",
                    "127.0.0.1:8000",
                    "where `/metrics` and the page are; `[::]:8000` in the image",
                ),
                Variable::new(
                    "EXPORTER_INGEST_TLS_LISTEN",
                    "",
                    "where agents connect over TLS 1.3, besides; needs a certificate",
                ),
            ],
        },
        Group {
            heading: "Certificates (PEM files; a changed file counts from the next connection on)",
            variables: &[
                Variable::new(
                    "EXPORTER_INGEST_TLS_CERT_FILE",
                    "",
                    "the certificate that agents see, with those between it and the CA",
                ),
                Variable::new("EXPORTER_INGEST_TLS_KEY_FILE", "", "its private key"),
                Variable::new(
                    "EXPORTER_INGEST_TLS_CLIENT_CA_FILE",
                    "",
                    "the CA of agents: with it, who has no certificate of that CA cannot connect over TLS",
                ),
                Variable::new(
                    "EXPORTER_HTTP_TLS_CERT_FILE",
                    "",
                    "the certificate that HTTP clients see: with it, `EXPORTER_HTTP_LISTEN` speaks TLS 1.3 alone",
                ),
                Variable::new("EXPORTER_HTTP_TLS_KEY_FILE", "", "its private key"),
                Variable::new("EXPORTER_HTTP_TLS_CLIENT_CA_FILE", "", "the CA of HTTP clients, likewise"),
                span("EXPORTER_TLS_RELOAD_INTERVAL", "5s", "how often these files are looked at"),
                count(
                    "EXPORTER_MAX_TLS_HANDSHAKES",
                    "128",
                    "the most TLS handshakes of agents at once; one more waits for its turn",
                ),
            ],
        },
        Group {
            heading: "Tokens",
            variables: &[
                Variable::new(
                    "EXPORTER_TOKEN",
                    "",
                    "the secret that agents must show, or a token made of it for their name by `cpumon-exporter token NAME`; better `EXPORTER_TOKEN_FILE`, as others may see variables",
                )
                .secret(),
                Variable::new("EXPORTER_TOKEN_FILE", "", "a file with that secret"),
                Variable::new(
                    "EXPORTER_ALLOW_ORIGINAL",
                    "",
                    "whether clients of the original, which have no token, are let in; unset: while no token is asked for",
                ),
                Variable::new(
                    "EXPORTER_HTTP_TOKEN_FILE",
                    "",
                    "a file with the token that HTTP clients must show (`Authorization: Bearer`, or as a password); `/-/healthy` and `/-/ready` ask for none",
                ),
            ],
        },
        Group {
            heading: "The fleet",
            variables: &[
                Variable::new(
                    "EXPORTER_STALE_INTERVALS",
                    "5",
                    "after how many of its intervals a silent agent counts as gone",
                )
                .within(Limits::Counts(2, 100)),
                span("EXPORTER_STALE_MIN", "5s", "the shortest silence after which an agent counts as gone"),
                span(
                    "EXPORTER_TOTALS_LINGER",
                    "60s",
                    "how long the totals of an agent that is gone are shown; keep it above two scrape intervals",
                ),
                span(
                    "EXPORTER_START_GRACE",
                    "60s",
                    "how long after its start the exporter reports nobody as gone who was there before",
                ),
                Variable::new(
                    "EXPORTER_FORGET_AFTER",
                    "24h",
                    "how long an agent that is gone is shown as `cpumon_agent_up 0`",
                )
                .within(Limits::Spans(Micros::from_secs(60), DAYS_365)),
                Variable::new(
                    "EXPORTER_CONFLICT_INTERVALS",
                    "3",
                    "within how many of its intervals an agent still holds its name against another one",
                )
                .within(Limits::Counts(1, 100)),
                Variable::new(
                    "EXPORTER_EXPECTED_AGENTS",
                    "",
                    "comma list of names that are missed when they are not there, even after a clean stop",
                ),
                Variable::new(
                    "EXPORTER_STATE_FILE",
                    "",
                    "file that keeps who was there, so that who dies while the exporter is down is reported; `/var/lib/cpumon/roster.json` in compose",
                ),
                span(
                    "EXPORTER_STATE_INTERVAL",
                    "10s",
                    "how often that file is written while nobody comes or goes",
                ),
                count(
                    "EXPORTER_MAX_AGENTS",
                    "10000",
                    "the most agents known at once; beyond it the longest gone is forgotten, and when all live a new name is refused",
                ),
            ],
        },
        Group {
            heading: "Cores",
            variables: &[
                count(
                    "EXPORTER_MAX_CORES",
                    "100000",
                    "the most cores, of all agents together, whose totals are kept; each is eight series where its agent has AGENT_PER_CORE",
                ),
                span(
                    "EXPORTER_CORES_LINGER",
                    "180s",
                    "how long after the last look at an agent it is still asked for its cores; keep it above two scrape intervals",
                ),
            ],
        },
        Group {
            heading: "Limits on agents' connections",
            variables: &[
                count(
                    "EXPORTER_MAX_CONNECTIONS",
                    "12000",
                    "the most connections; at most the descriptor limit less those of HTTP and 128",
                ),
                count(
                    "EXPORTER_MAX_CONNECTIONS_PER_ADDRESS",
                    "",
                    "the most connections from one address; off when unset, as behind a published port all share one",
                ),
                count(
                    "EXPORTER_MAX_UNGREETED",
                    "512",
                    "the most connections that have said nothing yet; one more ends the oldest of them",
                ),
                frame_size("EXPORTER_MAX_FRAME", "64KiB", "the largest frame"),
                frame_size(
                    "EXPORTER_MAX_FRAME_UNGREETED",
                    "4KiB",
                    "the largest frame before welcome, and of the original's clients",
                ),
                Variable::new(
                    "EXPORTER_MAX_FRAME_RATE",
                    "20",
                    "frames a second that are read from one connection; who sends more is made to wait",
                )
                .within(Limits::Counts(1, 1_000_000)),
                span(
                    "EXPORTER_HELLO_TIMEOUT",
                    "5s",
                    "the longest time from connecting to the first whole object",
                ),
                span(
                    "EXPORTER_FRAME_TIMEOUT",
                    "5s",
                    "the longest time from the first byte of an object to its last",
                ),
                span(
                    "EXPORTER_IDLE_TIMEOUT",
                    "15s",
                    "the longest silence of an agent before its connection is closed, or its stale time if that is longer",
                ),
                span("EXPORTER_ORIGINAL_IDLE_TIMEOUT", "60s", "the same for clients of the original"),
                Variable::new(
                    "EXPORTER_MAX_UNREAD",
                    "8KiB",
                    "about how much of its answers the kernel keeps for a client that does not read; beyond it nothing is read from the client either",
                )
                .within(Limits::Sizes(ByteSize(4 * 1024), ByteSize(1024 * 1024))),
                span("EXPORTER_WRITE_TIMEOUT", "5s", "the longest time that answers may lie unread"),
            ],
        },
        Group {
            heading: "Limits on HTTP",
            variables: &[
                count(
                    "EXPORTER_MAX_HTTP_CONNECTIONS",
                    "512",
                    "the most HTTP connections; one more takes the place of the one that has waited the longest for a request, or is answered 503 while all are being answered",
                ),
                span(
                    "EXPORTER_HTTP_CROWDED_TIMEOUT",
                    "5s",
                    "the longest time for a request and its answer while all HTTP connections are taken",
                ),
                count(
                    "EXPORTER_MAX_EVENT_STREAMS",
                    "128",
                    "the most live pages at once, and of EXPORTER_MAX_HTTP_CONNECTIONS at most half, so that a scrape finds room; one more is answered 503",
                ),
                span(
                    "EXPORTER_HTTP_HEAD_TIMEOUT",
                    "10s",
                    "the longest time for the head of the first request",
                ),
                span(
                    "EXPORTER_HTTP_IDLE_TIMEOUT",
                    "30s",
                    "the longest time between two requests; keep it above the scrape interval",
                ),
                span(
                    "EXPORTER_HTTP_RESPONSE_TIMEOUT",
                    "60s",
                    "the longest time for a request and its answer; of `/events`, for one event to be read",
                ),
            ],
        },
        Group {
            heading: "Alerts",
            variables: &[
                Variable::new(
                    "EXPORTER_ALERT_WARNING",
                    "0.8",
                    "utilization above which a sample counts as `severity=\"warning\"`; a bound of the histogram",
                ),
                Variable::new("EXPORTER_ALERT_CRITICAL", "0.95", "the same for `severity=\"critical\"`"),
            ],
        },
        Group {
            heading: "Program",
            variables: &[
                span("EXPORTER_STOP_TIMEOUT", "3s", "how long a stop waits for connections to end"),
                Variable::new(
                    "EXPORTER_LOG",
                    "info",
                    "what is logged: `error`, `warn`, `info`, `debug`, `trace`, also by module such as `info,cpumon_exporter::ingest=debug`",
                ),
                Variable::new("EXPORTER_LOG_FORMAT", "text", "`text` or `json`"),
            ],
        },
    ],
};

/// The variables' values.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where agents connect.
    #[serde(deserialize_with = "text")]
    pub ingest_listen: SocketAddr,
    /// Where HTTP is served.
    #[serde(deserialize_with = "text")]
    pub http_listen: SocketAddr,
    /// Where agents connect over TLS.
    #[serde(deserialize_with = "text")]
    pub ingest_tls_listen: Option<SocketAddr>,
    #[serde(deserialize_with = "text")]
    ingest_tls_cert_file: Option<PathBuf>,
    #[serde(deserialize_with = "text")]
    ingest_tls_key_file: Option<PathBuf>,
    #[serde(deserialize_with = "text")]
    ingest_tls_client_ca_file: Option<PathBuf>,
    #[serde(deserialize_with = "text")]
    http_tls_cert_file: Option<PathBuf>,
    #[serde(deserialize_with = "text")]
    http_tls_key_file: Option<PathBuf>,
    #[serde(deserialize_with = "text")]
    http_tls_client_ca_file: Option<PathBuf>,
    /// How often certificates are looked at.
    #[serde(deserialize_with = "text")]
    pub tls_reload_interval: Duration,
    #[serde(deserialize_with = "text")]
    max_tls_handshakes: usize,
    #[serde(deserialize_with = "text")]
    token_file: Option<PathBuf>,
    #[serde(deserialize_with = "text")]
    allow_original: Option<bool>,
    #[serde(deserialize_with = "text")]
    http_token_file: Option<PathBuf>,
    /// What the files hold. Empty for a health check.
    #[serde(skip)]
    pub security: Security,
    #[serde(deserialize_with = "text")]
    stale_intervals: u64,
    #[serde(deserialize_with = "text")]
    stale_min: Micros,
    #[serde(deserialize_with = "text")]
    totals_linger: Micros,
    #[serde(deserialize_with = "text")]
    start_grace: Micros,
    #[serde(deserialize_with = "text")]
    forget_after: Micros,
    #[serde(deserialize_with = "text")]
    conflict_intervals: u64,
    #[serde(deserialize_with = "text")]
    expected_agents: Vec<AgentName>,
    /// Where the roster is kept.
    #[serde(deserialize_with = "text")]
    pub state_file: Option<PathBuf>,
    /// How often it is written.
    #[serde(deserialize_with = "text")]
    pub state_interval: Duration,
    #[serde(deserialize_with = "text")]
    max_agents: usize,
    #[serde(deserialize_with = "text")]
    max_cores: usize,
    #[serde(deserialize_with = "text")]
    cores_linger: Micros,
    #[serde(deserialize_with = "text")]
    max_connections: usize,
    #[serde(deserialize_with = "text")]
    max_connections_per_address: Option<usize>,
    #[serde(deserialize_with = "text")]
    max_ungreeted: usize,
    #[serde(deserialize_with = "text")]
    max_frame: ByteSize,
    #[serde(deserialize_with = "text")]
    max_frame_ungreeted: ByteSize,
    #[serde(deserialize_with = "text")]
    max_frame_rate: u32,
    #[serde(deserialize_with = "text")]
    hello_timeout: Micros,
    #[serde(deserialize_with = "text")]
    frame_timeout: Micros,
    #[serde(deserialize_with = "text")]
    idle_timeout: Micros,
    #[serde(deserialize_with = "text")]
    original_idle_timeout: Micros,
    #[serde(deserialize_with = "text")]
    max_unread: ByteSize,
    #[serde(deserialize_with = "text")]
    write_timeout: Micros,
    #[serde(deserialize_with = "text")]
    max_http_connections: usize,
    #[serde(deserialize_with = "text")]
    http_crowded_timeout: Duration,
    #[serde(deserialize_with = "text")]
    max_event_streams: usize,
    #[serde(deserialize_with = "text")]
    http_head_timeout: Duration,
    #[serde(deserialize_with = "text")]
    http_idle_timeout: Duration,
    #[serde(deserialize_with = "text")]
    http_response_timeout: Duration,
    #[serde(deserialize_with = "text")]
    alert_warning: Ratio,
    #[serde(deserialize_with = "text")]
    alert_critical: Ratio,
    /// How long a stop waits.
    #[serde(deserialize_with = "text")]
    pub stop_timeout: Duration,
    #[serde(deserialize_with = "text")]
    log: LogFilter,
    #[serde(deserialize_with = "text")]
    log_format: LogFormat,
}

impl Configuration for Config {
    const TABLE: &'static Table = &TABLE;

    fn open(&mut self, review: &mut Review) {
        let token =
            review.secret_or_file("EXPORTER_TOKEN", "EXPORTER_TOKEN_FILE", self.token_file.as_deref());
        let variable = if self.token_file.is_some() { "EXPORTER_TOKEN_FILE" } else { "EXPORTER_TOKEN" };
        let http_token = self
            .http_token_file
            .as_deref()
            .and_then(|path| review.secret_in("EXPORTER_HTTP_TOKEN_FILE", path));
        self.security = Security {
            token: check_token(token, variable, review),
            ingest_tls: self.ingest_tls_listen.and_then(|_| self.ingest_tls().open(&[], review)),
            http_tls: self.http_tls().open(&[b"http/1.1"], review),
            http_token: http_token.as_ref().map(HttpToken::new),
        };
    }

    fn complete(&mut self, review: &mut Review) {
        if self.ingest_tls_listen.is_some() {
            self.ingest_tls().check(review);
        } else if self.ingest_tls().is_given() {
            let wrong = "is needed for the certificates that are given";
            review.fault(
                &["EXPORTER_INGEST_TLS_LISTEN"],
                &Refusal::new(wrong, "write an address such as [::]:8443"),
            );
        }
        if self.http_tls().is_given() {
            self.http_tls().check(review);
        }
        for (name, threshold) in
            [("EXPORTER_ALERT_WARNING", self.alert_warning), ("EXPORTER_ALERT_CRITICAL", self.alert_critical)]
        {
            if !BOUNDS.contains(&threshold.millionths()) {
                let wrong = "is no bound of the histogram";
                let right = "write one of 0.05 0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8 0.9 0.95 0.99";
                review.fault(&[name], &Refusal::new(wrong, right));
            }
        }
        if self.alert_warning >= self.alert_critical {
            let wrong = "is not below EXPORTER_ALERT_CRITICAL";
            review.fault(
                &["EXPORTER_ALERT_WARNING", "EXPORTER_ALERT_CRITICAL"],
                &Refusal::new(wrong, "write a lower one"),
            );
        }
        if self.max_frame_ungreeted > self.max_frame {
            let wrong = "is larger than EXPORTER_MAX_FRAME";
            review.fault(
                &["EXPORTER_MAX_FRAME_UNGREETED", "EXPORTER_MAX_FRAME"],
                &Refusal::new(wrong, "write a smaller one"),
            );
        }
        if self.expected_agents.len() > self.max_agents {
            let wrong = "names more agents than EXPORTER_MAX_AGENTS";
            review.fault(
                &["EXPORTER_EXPECTED_AGENTS", "EXPORTER_MAX_AGENTS"],
                &Refusal::new(wrong, "raise that"),
            );
        }
    }
}

impl Config {
    /// What the fleet goes by.
    pub fn fleet(&self) -> FleetSettings {
        FleetSettings {
            stale_intervals: self.stale_intervals,
            stale_min: self.stale_min,
            totals_linger: self.totals_linger,
            start_grace: self.start_grace,
            forget_after: self.forget_after,
            conflict_intervals: self.conflict_intervals,
            max_agents: self.max_agents,
            max_cores: self.max_cores,
            cores_linger: self.cores_linger,
            expected: self.expected_agents.clone(),
        }
    }

    /// What ingest goes by.
    pub fn ingest(&self) -> IngestSettings {
        IngestSettings {
            frame_limits: FrameLimits {
                greeting: self.max_frame_ungreeted.bytes(),
                frame: self.max_frame.bytes(),
            },
            frame_rate: self.max_frame_rate,
            hello_timeout: self.hello_timeout,
            frame_timeout: self.frame_timeout,
            idle_timeout: self.idle_timeout,
            original_idle_timeout: self.original_idle_timeout,
            write_timeout: self.write_timeout,
            max_connections: self.max_connections,
            max_connections_per_address: self.max_connections_per_address,
            max_ungreeted: self.max_ungreeted,
            max_tls_handshakes: self.max_tls_handshakes,
            access: Access::new(self.security.token.as_ref().map(Secret::expose), self.allow_original),
        }
    }

    /// What the kernel keeps of an agent's connection: one frame of the largest, and a few answers.
    pub(crate) fn ingest_buffers(&self) -> KernelBuffers {
        let bytes = |size: ByteSize| u32::try_from(size.bytes()).unwrap_or(u32::MAX);
        KernelBuffers { received: Some(bytes(self.max_frame)), sent: Some(bytes(self.max_unread)) }
    }

    /// What the HTTP side goes by.
    pub fn http(&self) -> HttpConfig {
        HttpConfig {
            max_connections: self.max_http_connections,
            crowded_limit: self.http_crowded_timeout,
            max_event_streams: self.max_event_streams.min(self.max_http_connections / 2),
            first_request_limit: self.http_head_timeout,
            head_limit: self.http_idle_timeout,
            response_limit: self.http_response_timeout,
            stop_limit: self.stop_timeout,
            tls: self.security.http_tls.clone(),
            token: self.security.http_token.clone(),
            ..HttpConfig::default()
        }
    }

    /// Whether HTTP is over TLS.
    pub fn has_http_tls(&self) -> bool {
        self.http_tls_cert_file.is_some()
    }

    /// How a health check has to ask.
    pub fn http_scheme(&self) -> Scheme {
        match (&self.http_tls_cert_file, &self.http_tls_client_ca_file) {
            (None, _) => Scheme::Http,
            (Some(_), None) => Scheme::Https,
            (Some(_), Some(_)) => Scheme::HttpsWithCertificate,
        }
    }

    fn ingest_tls(&self) -> Listener<'_> {
        Listener {
            names: [
                "EXPORTER_INGEST_TLS_CERT_FILE",
                "EXPORTER_INGEST_TLS_KEY_FILE",
                "EXPORTER_INGEST_TLS_CLIENT_CA_FILE",
            ],
            certificate: self.ingest_tls_cert_file.as_deref(),
            key: self.ingest_tls_key_file.as_deref(),
            client_authorities: self.ingest_tls_client_ca_file.as_deref(),
        }
    }

    fn http_tls(&self) -> Listener<'_> {
        Listener {
            names: [
                "EXPORTER_HTTP_TLS_CERT_FILE",
                "EXPORTER_HTTP_TLS_KEY_FILE",
                "EXPORTER_HTTP_TLS_CLIENT_CA_FILE",
            ],
            certificate: self.http_tls_cert_file.as_deref(),
            key: self.http_tls_key_file.as_deref(),
            client_authorities: self.http_tls_client_ca_file.as_deref(),
        }
    }

    /// The alerts' thresholds.
    pub fn thresholds(&self) -> Thresholds {
        Thresholds { warning: self.alert_warning, critical: self.alert_critical }
    }

    /// What is logged, and how.
    pub fn logs(&self) -> LogSettings {
        LogSettings { filter: self.log.clone(), format: self.log_format }
    }
}

#[cfg(test)]
mod tests {
    use cpumon_daemon::variables::{Environment, check_table, load};

    use super::*;

    #[test]
    fn table_and_structure_are_one() {
        check_table::<Config>().unwrap();
    }

    #[test]
    fn the_defaults_are_those_of_the_parts() {
        let config: Config = load(&Environment::from_iter([("EXPORTER_LOG", "debug")])).unwrap().config;
        assert_eq!(format!("{:?}", config.fleet()), format!("{:?}", FleetSettings::default()));
        assert_eq!(format!("{:?}", config.ingest()), format!("{:?}", IngestSettings::default()));
    }

    #[test]
    fn every_mistake_is_named_at_once() {
        let faults = load::<Config>(&Environment::from_iter([
            ("EXPORTER_ALERT_WARNING", "0.85"),
            ("EXPORTER_HTTP_LISTEN", "8000"),
            ("EXPORTER_MAX_FRAME_UNGREETED", "128KiB"),
            ("EXPORTER_STALE_INTERVALS", "1"),
            ("EXPORTER_EXPECTED_AGENTS", "a b"),
        ]))
        .unwrap_err()
        .to_string();
        for name in [
            "EXPORTER_ALERT_WARNING=0.85",
            "EXPORTER_HTTP_LISTEN=8000",
            "EXPORTER_MAX_FRAME_UNGREETED=128KiB",
            "EXPORTER_STALE_INTERVALS=1",
            "EXPORTER_EXPECTED_AGENTS=a b",
        ] {
            assert!(faults.contains(name), "{name} in\n{faults}");
        }
        assert_eq!(faults.lines().count(), 5, "{faults}");
    }
}
