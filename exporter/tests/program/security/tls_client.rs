//! A client that speaks TLS.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use cpumon_daemon::tls::{ClientFiles, ClientTls, IdentityFiles, provider, server_name};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;

use super::Stage;
use crate::support::PATIENCE;

/// A connection over TLS to `localhost`.
pub(super) struct TlsClient(BufReader<StreamOwned<ClientConnection, TcpStream>>);

impl TlsClient {
    /// Connects as one that trusts the stage's CA, with the certificate of this name if any.
    pub(super) fn connect(address: SocketAddr, stage: &Stage, identity: Option<&str>) -> Self {
        let tls = ClientTls::load(ClientFiles {
            authorities: Some(stage.path("ca.pem")),
            identity: identity.map(|name| IdentityFiles {
                certificate: stage.path(&format!("{name}.pem")),
                key: stage.path(&format!("{name}.key")),
            }),
        });
        Self::with(address, tls.unwrap().config())
    }

    /// Connects as one that knows no TLS newer than 1.2.
    pub(super) fn of_yesterday(address: SocketAddr, stage: &Stage) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(stage.ca.pem().as_bytes()).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS12])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self::with(address, Arc::new(config))
    }

    fn with(address: SocketAddr, config: Arc<ClientConfig>) -> Self {
        let socket = TcpStream::connect(address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_nodelay(true).unwrap();
        let connection = ClientConnection::new(config, server_name("localhost").unwrap()).unwrap();
        Self(BufReader::new(StreamOwned::new(connection, socket)))
    }

    /// Sends a frame; the answer, or why there is none.
    pub(super) fn ask(&mut self, frame: &Value) -> Result<Value, String> {
        let mut exchange = || -> io::Result<Value> {
            self.0.get_mut().write_all(format!("{frame}\n").as_bytes())?;
            self.0.get_mut().flush()?;
            let mut line = String::new();
            self.0.read_line(&mut line)?;
            Ok(serde_json::from_str(&line)?)
        };
        exchange().map_err(|error| error.to_string())
    }

    /// The status of the answer to a request for this path, with more lines in its head, and all of the answer.
    pub(super) fn get(&mut self, path: &str, more: &str) -> Result<(u16, String), String> {
        let mut exchange = || -> io::Result<String> {
            let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{more}\r\n");
            self.0.get_mut().write_all(request.as_bytes())?;
            self.0.get_mut().flush()?;
            let mut answer = Vec::new();
            match self.0.read_to_end(&mut answer) {
                Err(error) if error.kind() != io::ErrorKind::UnexpectedEof || answer.is_empty() => Err(error),
                _ => Ok(String::from_utf8(answer).unwrap()),
            }
        };
        let answer = exchange().map_err(|error| error.to_string())?;
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
        Ok((status.ok_or_else(|| answer.clone())?, answer))
    }
}
