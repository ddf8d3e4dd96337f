//! Certificates and keys as files in PEM.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use rustls::RootCertStore;
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::error::{Part, TlsError};
use crate::variables::Refusal;

/// The largest file that is read, in bytes: a bundle of all public authorities has a quarter of that.
const FILE_MAX: u64 = 1024 * 1024;

/// Where one's own certificate and its key are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityFiles {
    /// The certificate, followed by those between it and the authority, in PEM.
    pub certificate: PathBuf,
    /// Its private key in PEM.
    pub key: PathBuf,
}

/// A certificate and its key.
pub(super) struct Identity {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
}

/// A file's content. `Debug` is not derived: it may be a key.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Content {
    part: Part,
    path: PathBuf,
    bytes: Vec<u8>,
}

impl Content {
    pub(super) fn read(part: Part, path: &Path) -> Result<Self, TlsError> {
        let mut bytes = Vec::new();
        let read = File::open(path).and_then(|file| file.take(FILE_MAX + 1).read_to_end(&mut bytes));
        let refusal = match read {
            Ok(_) if bytes.len() as u64 > FILE_MAX => Refusal::new("is larger than 1 MiB", "name a PEM file"),
            Ok(_) => return Ok(Self { part, path: path.to_owned(), bytes }),
            Err(error) => {
                Refusal::new(format!("cannot be read ({error})"), "name a PEM file that this user may read")
            }
        };
        Err(TlsError::new(part, path, refusal))
    }

    pub(super) fn refused(&self, wrong: impl Into<String>, right: &'static str) -> TlsError {
        TlsError::new(self.part, &self.path, Refusal::new(wrong.into(), right))
    }

    /// The certificates in it: at least one.
    pub(super) fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let right = "write certificates in PEM";
        let certificates: Vec<_> = CertificateDer::pem_slice_iter(&self.bytes)
            .collect::<Result<_, _>>()
            .map_err(|error| self.refused(format!("is no PEM ({error})"), right))?;
        if certificates.is_empty() {
            Err(self.refused("holds no certificate", right))
        } else {
            Ok(certificates)
        }
    }

    /// The private key in it.
    pub(super) fn key(&self) -> Result<PrivateKeyDer<'static>, TlsError> {
        PrivateKeyDer::from_pem_slice(&self.bytes).map_err(|error| {
            let wrong = match error {
                PemError::NoItemsFound => "holds no private key".to_owned(),
                error => format!("is no PEM ({error})"),
            };
            self.refused(wrong, "write a private key in PEM, without a passphrase")
        })
    }

    /// The certificates in it, as those who vouch for others.
    pub(super) fn authorities(&self) -> Result<RootCertStore, TlsError> {
        let mut roots = RootCertStore::empty();
        for certificate in self.certificates()? {
            roots.add(certificate).map_err(|error| {
                self.refused(format!("holds a certificate of no use ({error})"), "write the CA's certificate")
            })?;
        }
        Ok(roots)
    }
}
