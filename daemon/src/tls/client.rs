//! The side that connects.

use std::path::PathBuf;

use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};

use super::error::{Part, TlsError};
use super::files::{Content, Identity, IdentityFiles};
use super::reloaded::{Material, Reloaded};
use super::{VERSIONS, provider};
use crate::variables::Refusal;

/// What connections to servers go by.
pub type ClientTls = Reloaded<ClientFiles>;

/// Where a client's certificates are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientFiles {
    /// Of those who vouch for servers; none means those whom the operating system trusts.
    pub authorities: Option<PathBuf>,
    /// Its own, for servers that ask for one.
    pub identity: Option<IdentityFiles>,
}

/// What the files hold.
#[derive(Hash)]
#[allow(missing_debug_implementations, reason = "it holds a private key")]
pub struct ClientContents {
    authorities: Option<Content>,
    identity: Option<(Content, Content)>,
}

impl Material for ClientFiles {
    type Contents = ClientContents;
    type Config = ClientConfig;

    fn read(&self) -> Result<ClientContents, TlsError> {
        let authorities = self.authorities.as_deref();
        let identity = self.identity.as_ref();
        Ok(ClientContents {
            authorities: authorities.map(|path| Content::read(Part::Authorities, path)).transpose()?,
            identity: identity
                .map(|files| {
                    let certificate = Content::read(Part::Certificate, &files.certificate)?;
                    Ok((certificate, Content::read(Part::Key, &files.key)?))
                })
                .transpose()?,
        })
    }

    fn build(&self, contents: ClientContents) -> Result<ClientConfig, TlsError> {
        let roots = match contents.authorities {
            Some(content) => content.authorities()?,
            None => system_authorities()?,
        };
        let builder = ClientConfig::builder_with_provider(provider()).with_protocol_versions(VERSIONS);
        let builder = builder
            .map_err(|error| {
                let refusal = Refusal::new(error.to_string(), "report this: it is a defect of the program");
                TlsError::new(Part::Authorities, &PathBuf::new(), refusal)
            })?
            .with_root_certificates(roots);
        let mut config = match contents.identity {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let identity = Identity { chain: certificate.certificates()?, key: key.key()? };
                builder.with_client_auth_cert(identity.chain, identity.key).map_err(|error| {
                    let wrong = format!("does not go with the certificate ({error})");
                    key.refused(wrong, "write the key of that certificate")
                })?
            }
        };
        config.resumption = Resumption::disabled();
        Ok(config)
    }
}

/// Those whom this machine trusts: the distribution's bundle on Linux, the system's store elsewhere.
fn system_authorities() -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    let (usable, _) = roots.add_parsable_certificates(found.certs);
    if usable > 0 {
        return Ok(roots);
    }
    let refusal = Refusal::new("holds no certificate authority", "name the CA's certificate");
    Err(TlsError::new(Part::Authorities, "the system's store".as_ref(), refusal))
}

/// The name that a server at `host` must have in its certificate; nothing when no certificate can have that name.
pub fn server_name(host: &str) -> Option<ServerName<'static>> {
    ServerName::try_from(host.strip_suffix('.').unwrap_or(host).to_owned()).ok()
}
