//! What the variables about certificates and tokens come to, read once at the start.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use cpumon_daemon::tls::{IdentityFiles, Part, ServerFiles, ServerTls};
use cpumon_daemon::variables::{Refusal, Review, Secret};

use crate::http::HttpToken;

/// The shortest token that is hard to guess, in bytes.
const TOKEN_MIN: usize = 16;

/// The longest token, in bytes: a hello holds no longer one.
const TOKEN_MAX: usize = cpumon_protocol::limits::TEXT_MAX;

/// Tokens and certificates, ready to be used.
#[derive(Clone, Debug, Default)]
pub struct Security {
    /// The secret of which agents' tokens are made.
    pub token: Option<Secret>,
    /// What the listener for agents over TLS goes by.
    pub ingest_tls: Option<Arc<ServerTls>>,
    /// What HTTP goes by when it is over TLS.
    pub http_tls: Option<Arc<ServerTls>>,
    /// What HTTP asks for.
    pub http_token: Option<HttpToken>,
}

/// The three variables of one TLS listener and what they were given.
pub(crate) struct Listener<'a> {
    pub(crate) names: [&'static str; 3],
    pub(crate) certificate: Option<&'a Path>,
    pub(crate) key: Option<&'a Path>,
    pub(crate) client_authorities: Option<&'a Path>,
}

impl Listener<'_> {
    /// Whether any of its files was named.
    pub(crate) fn is_given(&self) -> bool {
        self.certificate.or(self.key).or(self.client_authorities).is_some()
    }

    /// Notes what is missing to make TLS of it.
    pub(crate) fn check(&self, review: &mut Review) {
        let [certificate, key, _] = self.names;
        for (name, other, is_given) in
            [(certificate, key, self.certificate.is_some()), (key, certificate, self.key.is_some())]
        {
            if !is_given {
                let wrong = format!("is needed for TLS, beside {other}");
                review.fault(&[name], &Refusal::new(wrong, "name a PEM file"));
            }
        }
    }

    /// Reads its files. What is wrong with them is noted, by the variable that names the file.
    pub(crate) fn open(
        &self,
        protocols: &'static [&'static [u8]],
        review: &mut Review,
    ) -> Option<Arc<ServerTls>> {
        let files = ServerFiles {
            identity: IdentityFiles { certificate: self.certificate?.into(), key: self.key?.into() },
            client_authorities: self.client_authorities.map(PathBuf::from),
            protocols,
        };
        match ServerTls::load(files) {
            Ok(tls) => Some(Arc::new(tls)),
            Err(error) => {
                let [certificate, key, client_authorities] = self.names;
                let name = match error.part() {
                    Part::Certificate => certificate,
                    Part::Key => key,
                    Part::Authorities => client_authorities,
                };
                review.fault(&[name], error.refusal());
                None
            }
        }
    }
}

/// Refuses a token that no agent could show.
pub(crate) fn check_token(token: Option<Secret>, variable: &str, review: &mut Review) -> Option<Secret> {
    let token = token?;
    let text = token.expose();
    if text.len() > TOKEN_MAX || text.chars().any(char::is_control) {
        let right =
            format!("write one line of at most {TOKEN_MAX} bytes, such as `openssl rand -hex 32` gives");
        review.fault(&[variable], &Refusal::new("is no token", right));
        return None;
    }
    Some(token)
}

impl Security {
    /// Says what is allowed and yet unwise.
    pub(crate) fn warn(&self) {
        let is_short = self.token.as_ref().is_some_and(|token| token.expose().len() < TOKEN_MIN);
        if is_short {
            tracing::warn!(
                "the token is shorter than {TOKEN_MIN} characters and may be guessed; `openssl rand -hex 32` makes a good one"
            );
        }
        if self.http_token.is_some() && self.http_tls.is_none() {
            tracing::warn!(
                "EXPORTER_HTTP_TOKEN_FILE is set without EXPORTER_HTTP_TLS_CERT_FILE: whoever can listen in can read the token"
            );
        }
    }
}
