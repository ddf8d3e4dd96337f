//! Who is let in, and over what: tokens, certificates, and the files that they come from.

#[path = "../../node/agents.rs"]
mod agents;
mod canary;
#[path = "../../../../tests/support/certificates.rs"]
mod certificates;
mod files;
mod http;
mod moves;
mod tls;
mod tls_client;
mod tokens;

use std::path::{Path, PathBuf};

use certificates::{Authority, Issued, Valid, replace};

use crate::support::Exporter;

const AUTH: &str = r#"cpumon_exporter_rejected_connections_total{reason="auth"}"#;
const TLS: &str = r#"cpumon_exporter_rejected_connections_total{reason="tls"}"#;

/// A directory with a CA, and with a certificate of its for `localhost`.
struct Stage {
    directory: tempfile::TempDir,
    ca: Authority,
}

impl Stage {
    fn new() -> Self {
        let stage = Self { directory: tempfile::tempdir().unwrap(), ca: Authority::new() };
        stage.put("ca.pem", stage.ca.pem());
        stage.issue("server", &["localhost", "127.0.0.1"]);
        stage
    }

    fn directory(&self) -> &Path {
        self.directory.path()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    fn put(&self, name: &str, text: &str) {
        replace(&self.path(name), text);
    }

    /// Puts a certificate of the CA at `NAME.pem` and `NAME.key`.
    fn issue(&self, name: &str, names: &[&str]) -> Issued {
        let issued = self.ca.issue(names, Valid::Now);
        issued.write(self.directory(), name);
        issued
    }

    /// The variables of a TLS listener for agents with the server's certificate.
    fn ingest(&self) -> Vec<(&'static str, String)> {
        vec![
            ("EXPORTER_INGEST_TLS_LISTEN", "127.0.0.1:0".into()),
            ("EXPORTER_INGEST_TLS_CERT_FILE", self.text("server.pem")),
            ("EXPORTER_INGEST_TLS_KEY_FILE", self.text("server.key")),
            ("EXPORTER_TLS_RELOAD_INTERVAL", "100ms".into()),
        ]
    }

    /// The variables of HTTP over TLS.
    fn http(&self) -> Vec<(&'static str, String)> {
        vec![
            ("EXPORTER_HTTP_TLS_CERT_FILE", self.text("server.pem")),
            ("EXPORTER_HTTP_TLS_KEY_FILE", self.text("server.key")),
        ]
    }
}

fn start(variables: &[(&'static str, String)]) -> Exporter {
    let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Exporter::start(&variables)
}
