//! The side that is connected to.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};

use super::error::{Part, TlsError};
use super::files::{Content, Identity, IdentityFiles};
use super::reloaded::{Material, Reloaded};
use super::{VERSIONS, provider};

/// What a TLS listener goes by.
pub type ServerTls = Reloaded<ServerFiles>;

/// Where a listener's certificates are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerFiles {
    /// Its own.
    pub identity: IdentityFiles,
    /// Of those who vouch for clients: with it, a client without a certificate of theirs is refused.
    pub client_authorities: Option<PathBuf>,
    /// The application protocols that are spoken over it, if clients are to name one.
    pub protocols: &'static [&'static [u8]],
}

/// What the files hold.
#[derive(Hash)]
#[allow(missing_debug_implementations, reason = "it holds a private key")]
pub struct ServerContents {
    certificate: Content,
    key: Content,
    client_authorities: Option<Content>,
}

impl Material for ServerFiles {
    type Contents = ServerContents;
    type Config = ServerConfig;

    fn read(&self) -> Result<ServerContents, TlsError> {
        Ok(ServerContents {
            certificate: Content::read(Part::Certificate, &self.identity.certificate)?,
            key: Content::read(Part::Key, &self.identity.key)?,
            client_authorities: self
                .client_authorities
                .as_deref()
                .map(|path| Content::read(Part::Authorities, path))
                .transpose()?,
        })
    }

    fn build(&self, contents: ServerContents) -> Result<ServerConfig, TlsError> {
        let ServerContents { certificate, key, client_authorities } = contents;
        let identity = Identity { chain: certificate.certificates()?, key: key.key()? };
        let unfit = |error: rustls::Error| {
            key.refused(
                format!("does not go with the certificate ({error})"),
                "write the key of that certificate",
            )
        };

        let builder = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(VERSIONS)
            .map_err(unfit)?;
        let builder = match client_authorities {
            None => builder.with_no_client_auth(),
            Some(content) => {
                let roots = Arc::new(content.authorities()?);
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider()).build();
                builder.with_client_cert_verifier(verifier.map_err(|error| {
                    content.refused(format!("is of no use ({error})"), "write the CA's certificate")
                })?)
            }
        };
        let mut config = builder.with_single_cert(identity.chain, identity.key).map_err(unfit)?;
        config.alpn_protocols = self.protocols.iter().map(|protocol| protocol.to_vec()).collect();
        config.send_tls13_tickets = 0;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        Ok(config)
    }
}
