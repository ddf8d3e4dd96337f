//! What may stand where an exporter should: it notes every byte that comes, as it came and as it could be read.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned, SupportedProtocolVersion};

use super::certificates::Issued;
use super::program::PATIENCE;

/// How it answers.
pub(super) enum Speaks {
    /// TLS.
    Tls { issued: Issued, version: &'static SupportedProtocolVersion, client_ca: Option<String> },
    /// No TLS: it reads, and welcomes.
    Plain,
    /// No TLS: it repeats in upper case.
    UpperCase,
    /// It reads and says nothing.
    Nothing,
    /// It closes at once.
    HangsUp,
}

impl Speaks {
    pub(super) fn tls(issued: &Issued) -> Self {
        Self::Tls { issued: issued.clone(), version: &rustls::version::TLS13, client_ca: None }
    }

    pub(super) fn tls_1_2(issued: &Issued) -> Self {
        Self::Tls { issued: issued.clone(), version: &rustls::version::TLS12, client_ca: None }
    }

    /// The same, and clients must have a certificate of this CA.
    pub(super) fn that_wants_one_of(mut self, pem: &str) -> Self {
        if let Self::Tls { client_ca, .. } = &mut self {
            *client_ca = Some(pem.to_owned());
        }
        self
    }

    fn config(&self) -> Option<Arc<ServerConfig>> {
        let Self::Tls { issued, version, client_ca } = self else { return None };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[version])
            .unwrap();
        let builder = match client_ca {
            None => builder.with_no_client_auth(),
            Some(pem) => {
                let mut roots = RootCertStore::empty();
                roots.add(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()).unwrap();
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                builder.with_client_cert_verifier(verifier.build().unwrap())
            }
        };
        let chain = vec![CertificateDer::from_pem_slice(issued.certificate.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).unwrap();
        Some(Arc::new(builder.with_single_cert(chain, key).unwrap()))
    }
}

/// What came, over all connections.
#[derive(Clone, Default)]
pub(super) struct Heard {
    connections: usize,
    /// Off the wire.
    pub(super) raw: Vec<u8>,
    /// What the impostor could make of it.
    pub(super) clear: Vec<u8>,
}

type Notes = Arc<(Mutex<Heard>, Condvar)>;

/// A listener at the place of an exporter. Its thread ends with the tests.
pub(super) struct Impostor {
    port: u16,
    notes: Notes,
}

impl Impostor {
    pub(super) fn start(speaks: Speaks) -> Self {
        let listener = TcpListener::bind("[::]:0").or_else(|_| TcpListener::bind("0.0.0.0:0")).unwrap();
        let port = listener.local_addr().unwrap().port();
        let notes = Notes::default();
        let impostor = Self { port, notes: Arc::clone(&notes) };
        let config = speaks.config();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                note(&notes, |heard| heard.connections += 1);
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                // However it ends: what was heard is what counts.
                let _ = serve(&speaks, config.clone(), stream, &notes);
            }
        });
        impostor
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn heard(&self) -> Heard {
        self.notes.0.lock().unwrap().clone()
    }

    /// Waits until so many connections have come.
    pub(super) fn wait_for_connections(&self, count: usize) {
        self.wait_until(|heard| heard.connections >= count);
    }

    /// Waits until it could read this.
    pub(super) fn wait_for(&self, text: &str) {
        self.wait_until(|heard| String::from_utf8_lossy(&heard.clear).contains(text));
    }

    fn wait_until(&self, condition: impl Fn(&Heard) -> bool) {
        let heard = self.notes.0.lock().unwrap();
        let (heard, timeout) =
            self.notes.1.wait_timeout_while(heard, PATIENCE, |heard| !condition(heard)).unwrap();
        assert!(!timeout.timed_out(), "heard only {:?}", String::from_utf8_lossy(&heard.clear));
    }
}

fn note(notes: &Notes, change: impl FnOnce(&mut Heard)) {
    change(&mut notes.0.lock().unwrap());
    notes.1.notify_all();
}

/// A socket that notes what is read off it.
struct Tapped<'a>(TcpStream, &'a Notes);

impl Read for Tapped<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.0.read(buffer)?;
        note(self.1, |heard| heard.raw.extend_from_slice(&buffer[..length]));
        Ok(length)
    }
}

impl Write for Tapped<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn serve(
    speaks: &Speaks,
    config: Option<Arc<ServerConfig>>,
    socket: TcpStream,
    notes: &Notes,
) -> io::Result<()> {
    let socket = Tapped(socket, notes);
    match (speaks, config) {
        (_, Some(config)) => {
            let connection = ServerConnection::new(config).map_err(io::Error::other)?;
            read_on(StreamOwned::new(connection, socket), notes, |_| None)
        }
        (Speaks::Plain, _) => {
            // A client that expects TLS is answered before it says more.
            let welcome = b"{\"v\":1,\"t\":\"welcome\",\"stale_ms\":5000}\n".to_vec();
            read_on(socket, notes, move |_| Some(welcome.clone()))
        }
        (Speaks::UpperCase, _) => read_on(socket, notes, |bytes| Some(bytes.to_ascii_uppercase())),
        (Speaks::HangsUp, _) => Ok(()),
        _ => {
            let mut socket = socket;
            socket.0.set_read_timeout(Some(Duration::from_secs(4)))?;
            while socket.read(&mut [0; 4096])? > 0 {}
            Ok(())
        }
    }
}

/// Reads to the end and notes what can be read; of a plain stream that is only what is no beginning of TLS.
fn read_on(
    mut stream: impl Read + Write,
    notes: &Notes,
    answer: impl Fn(&[u8]) -> Option<Vec<u8>>,
) -> io::Result<()> {
    let mut buffer = [0; 4096];
    loop {
        let length = match stream.read(&mut buffer)? {
            0 => return Ok(()),
            length => length,
        };
        let bytes = &buffer[..length];
        let is_tls = matches!(bytes, [0x14..=0x17, 3, ..]);
        if !is_tls {
            note(notes, |heard| heard.clear.extend_from_slice(bytes));
        }
        if let Some(answer) = answer(bytes) {
            stream.write_all(&answer)?;
        }
    }
}
