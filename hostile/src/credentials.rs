//! Certificates and tokens: what a guarded exporter is given, and what those show who may come in.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use cpumon_daemon::tls::{provider, server_name};
use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tempfile::TempDir;

use crate::case::Guard;

/// An authority that issues certificates.
#[derive(Debug)]
pub struct Authority {
    certificate: CertificateDer<'static>,
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key.
#[derive(Debug)]
pub struct Issued {
    certificate: CertificateDer<'static>,
    pem: String,
    key: KeyPair,
}

/// In which years a certificate counts.
#[derive(Clone, Copy, Debug)]
pub enum Valid {
    /// Now.
    Now,
    /// It did once.
    Before,
    /// It will.
    Later,
}

/// The parameters of a certificate for these names.
fn params(names: &[&str], valid: Valid, usage: ExtendedKeyUsagePurpose) -> anyhow::Result<CertificateParams> {
    let mut params = CertificateParams::new(names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>())?;
    let (from, to) = match valid {
        Valid::Now => (2020, 2200),
        Valid::Before => (2020, 2021),
        Valid::Later => (2199, 2200),
    };
    params.not_before = date_time_ymd(from, 1, 1);
    params.not_after = date_time_ymd(to, 1, 1);
    params.extended_key_usages = vec![usage];
    Ok(params)
}

impl Authority {
    /// A new one.
    ///
    /// # Errors
    ///
    /// When there is no randomness.
    pub fn new() -> anyhow::Result<Self> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate()?;
        let own = params.self_signed(&key)?;
        let (certificate, pem) = (own.der().clone(), own.pem());
        Ok(Self { certificate, pem, issuer: Issuer::new(params, key) })
    }

    /// A certificate of a server at these names.
    ///
    /// # Errors
    ///
    /// When a name is none.
    pub fn server(&self, names: &[&str], valid: Valid) -> anyhow::Result<Issued> {
        self.issue(params(names, valid, ExtendedKeyUsagePurpose::ServerAuth)?)
    }

    /// A certificate of a client.
    ///
    /// # Errors
    ///
    /// When the name is none.
    pub fn client(&self, name: &str, valid: Valid) -> anyhow::Result<Issued> {
        self.issue(params(&[name], valid, ExtendedKeyUsagePurpose::ClientAuth)?)
    }

    fn issue(&self, params: CertificateParams) -> anyhow::Result<Issued> {
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Issued { certificate: certificate.der().clone(), pem: certificate.pem(), key })
    }

    /// A client that trusts this authority, and shows `identity` where it is asked for one.
    ///
    /// # Errors
    ///
    /// When rustls refuses it.
    pub fn trusting(&self, identity: Option<&Issued>) -> anyhow::Result<Arc<ClientConfig>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone())?;
        let builder = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_root_certificates(roots);
        Ok(Arc::new(match identity {
            None => builder.with_no_client_auth(),
            Some(issued) => builder.with_client_auth_cert(vec![issued.certificate.clone()], issued.key()?)?,
        }))
    }
}

impl Issued {
    /// A certificate for which nobody vouches but itself.
    ///
    /// # Errors
    ///
    /// When a name is none.
    pub fn by_itself(names: &[&str], usage: ExtendedKeyUsagePurpose) -> anyhow::Result<Self> {
        let key = KeyPair::generate()?;
        let certificate = params(names, Valid::Now, usage)?.self_signed(&key)?;
        Ok(Self { certificate: certificate.der().clone(), pem: certificate.pem(), key })
    }

    /// A server that shows it.
    ///
    /// # Errors
    ///
    /// When rustls refuses it.
    pub fn server(&self) -> anyhow::Result<Arc<ServerConfig>> {
        let builder = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_no_client_auth();
        Ok(Arc::new(builder.with_single_cert(vec![self.certificate.clone()], self.key()?)?))
    }

    fn key(&self) -> anyhow::Result<PrivateKeyDer<'static>> {
        PrivateKeyDer::try_from(self.key.serialize_der()).map_err(anyhow::Error::msg)
    }
}

/// The name that a server has to have.
///
/// # Errors
///
/// When no certificate can have it.
pub fn name_of(host: &str) -> anyhow::Result<ServerName<'static>> {
    server_name(host).with_context(|| format!("no certificate can be for {host}"))
}

/// What a guarded exporter is given, and what those show who may come in.
#[derive(Debug)]
pub struct Credentials {
    directory: TempDir,
    guard: Guard,
    /// Who vouches for the exporter, and for clients where they need it.
    pub authority: Authority,
    /// A client that trusts the exporter and has no certificate.
    pub trusting: Arc<ClientConfig>,
    /// What agents show.
    pub token: String,
    /// What a scraper shows.
    pub http_token: String,
}

impl Credentials {
    /// Makes them where `guard` asks for any.
    ///
    /// # Errors
    ///
    /// When they cannot be written.
    pub fn make(guard: Guard) -> anyhow::Result<Option<Self>> {
        if guard == Guard::Open {
            return Ok(None);
        }
        let authority = Authority::new()?;
        let server = authority.server(&["localhost", "127.0.0.1"], Valid::Now)?;
        let trusting = authority.trusting(None)?;
        let token = || format!("{:032x}", fastrand::u128(..));
        let made = Self {
            directory: tempfile::tempdir()?,
            guard,
            authority,
            trusting,
            token: token(),
            http_token: token(),
        };
        for (name, text) in [
            ("ca.pem", &made.authority.pem),
            ("server.pem", &server.pem),
            ("server.key", &server.key.serialize_pem()),
            ("token", &made.token),
            ("http-token", &made.http_token),
        ] {
            fs::write(made.file(name), text)?;
        }
        Ok(Some(made))
    }

    /// Where one of its files is: `ca.pem`, `token`.
    pub fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The exporter's variables.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let path = |name| self.file(name).display().to_string();
        let mut variables = vec![
            ("EXPORTER_INGEST_TLS_LISTEN", "127.0.0.1:0".to_owned()),
            ("EXPORTER_INGEST_TLS_CERT_FILE", path("server.pem")),
            ("EXPORTER_INGEST_TLS_KEY_FILE", path("server.key")),
            ("EXPORTER_HTTP_TLS_CERT_FILE", path("server.pem")),
            ("EXPORTER_HTTP_TLS_KEY_FILE", path("server.key")),
            ("EXPORTER_TOKEN_FILE", path("token")),
            ("EXPORTER_HTTP_TOKEN_FILE", path("http-token")),
        ];
        if self.guard == Guard::Certificates {
            variables.push(("EXPORTER_INGEST_TLS_CLIENT_CA_FILE", path("ca.pem")));
        }
        variables
    }
}
