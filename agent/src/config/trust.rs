//! The variables about certificates and the token.

use std::sync::Arc;

use cpumon_daemon::tls::{ClientFiles, ClientTls, IdentityFiles, Part, server_name};
use cpumon_daemon::variables::{Refusal, Review};
use cpumon_protocol::limits::TEXT_MAX;
use cpumon_protocol::model::Token;

use super::Config;

const CA: &str = "AGENT_TLS_CA_FILE";
const CERTIFICATE: &str = "AGENT_TLS_CERT_FILE";
const KEY: &str = "AGENT_TLS_KEY_FILE";

/// Holds them against each other. A certificate without TLS is a mistake that must not end in plain text.
pub(super) fn complete(config: &Config, review: &mut Review) {
    let given = [
        (CA, config.tls_ca_file.is_some()),
        (CERTIFICATE, config.tls_cert_file.is_some()),
        (KEY, config.tls_key_file.is_some()),
    ];
    for (name, _) in given.iter().filter(|(_, is_given)| *is_given && !config.tls) {
        review.fault(
            &[name, "AGENT_TLS"],
            &Refusal::new("is given without TLS", "set AGENT_TLS=true, or drop it"),
        );
    }
    for (name, is_given, other, other_is_given) in [
        (CERTIFICATE, config.tls_cert_file.is_some(), KEY, config.tls_key_file.is_some()),
        (KEY, config.tls_key_file.is_some(), CERTIFICATE, config.tls_cert_file.is_some()),
    ] {
        if !is_given && other_is_given {
            review.fault(&[name], &Refusal::new(format!("is needed beside {other}"), "name a PEM file"));
        }
    }
    let unnamed = config.exporters.iter().find(|exporter| server_name(exporter.host()).is_none());
    if let Some(exporter) = unnamed.filter(|_| config.tls) {
        let wrong = format!("names {}, which no certificate can be good for", exporter.host());
        review.fault(
            &["AGENT_EXPORTERS", "AGENT_TLS"],
            &Refusal::new(wrong, "write a host name or an address"),
        );
    }
}

/// Reads the token.
pub(super) fn token(config: &Config, review: &mut Review) -> Option<Token> {
    let secret = review.secret_or_file("AGENT_TOKEN", "AGENT_TOKEN_FILE", config.token_file.as_deref())?;
    let token = Token::new(secret.expose());
    if token.is_none() {
        let name = if config.token_file.is_some() { "AGENT_TOKEN_FILE" } else { "AGENT_TOKEN" };
        let right = format!("write one line of at most {TEXT_MAX} bytes");
        review.fault(&[name], &Refusal::new("is no token", right));
    }
    token
}

/// Reads the certificates.
pub(super) fn tls(config: &Config, review: &mut Review) -> Option<Arc<ClientTls>> {
    if !config.tls {
        return None;
    }
    let identity = config.tls_cert_file.clone().zip(config.tls_key_file.clone());
    let files = ClientFiles {
        authorities: config.tls_ca_file.clone(),
        identity: identity.map(|(certificate, key)| IdentityFiles { certificate, key }),
    };
    match ClientTls::load(files) {
        Ok(tls) => Some(Arc::new(tls)),
        Err(error) => {
            let name = match error.part() {
                Part::Authorities => CA,
                Part::Certificate => CERTIFICATE,
                Part::Key => KEY,
            };
            review.fault(&[name], error.refusal());
            None
        }
    }
}
