//! Asks a running exporter whether it is healthy: for images that have no shell and no curl.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cpumon_daemon::tls;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    AlertDescription, ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned,
};

/// When reading an answer ends, in bytes: its status line comes first, and is short.
const ANSWER_MAX: usize = 1024;

/// What a healthy exporter's answer begins with.
const HEALTHY: &str = "HTTP/1.1 200 ";

/// How an exporter is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// As it is.
    Http,
    /// Over TLS.
    Https,
    /// Over TLS, and the exporter wants a certificate, which a health check does not have.
    HttpsWithCertificate,
}

/// Gets `/-/healthy` from the exporter that listens on `listen`, within `limit` in all. A wildcard
/// address is reached over loopback.
///
/// # Errors
///
/// What was tried and what went wrong, in one line for a human.
pub fn check(listen: SocketAddr, scheme: Scheme, limit: Duration) -> Result<(), String> {
    let deadline = Instant::now() + limit;
    let mut failures = Vec::new();
    for address in reachable(listen) {
        match ask(address, scheme, deadline) {
            Ok(()) => return Ok(()),
            Err(reason) => {
                let name = if scheme == Scheme::Http { "http" } else { "https" };
                failures.push(format!("cannot get {name}://{address}/-/healthy: {reason}"));
            }
        }
    }
    Err(failures.join("; "))
}

/// The addresses at which a listener on `listen` may be reached from this machine.
fn reachable(listen: SocketAddr) -> Vec<SocketAddr> {
    const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);
    let hosts = match listen.ip() {
        IpAddr::V4(host) if host.is_unspecified() => vec![V4],
        // It takes IPv4 too, and in a container IPv6 may be switched off.
        IpAddr::V6(host) if host.is_unspecified() => vec![V6, V4],
        host => vec![host],
    };
    hosts.into_iter().map(|host| SocketAddr::new(host, listen.port())).collect()
}

fn ask(address: SocketAddr, scheme: Scheme, deadline: Instant) -> Result<(), String> {
    let line = first_line(address, scheme, deadline).map_err(|error| match error.kind() {
        // A socket's time limit shows as either, by system.
        ErrorKind::TimedOut | ErrorKind::WouldBlock => "no answer in time".to_owned(),
        _ => error.to_string(),
    })?;
    if line.starts_with(HEALTHY) { Ok(()) } else { Err(format!("it answered {line:?}")) }
}

/// The first line of the answer. The deadline holds for all of it, however slowly its bytes come.
fn first_line(address: SocketAddr, scheme: Scheme, deadline: Instant) -> io::Result<String> {
    let socket = TcpStream::connect_timeout(&address, left(deadline)?)?;
    let bound = |socket: &TcpStream| {
        socket.set_write_timeout(Some(left(deadline)?))?;
        socket.set_read_timeout(Some(left(deadline)?))
    };
    bound(&socket)?;
    if scheme == Scheme::Http {
        return exchange(socket, address, |socket| bound(socket));
    }
    let client = ClientConnection::new(Arc::new(tls_config()?), ServerName::from(address.ip()))
        .map_err(io::Error::other)?;
    let answer = exchange(StreamOwned::new(client, socket), address, |stream| bound(&stream.sock));
    match answer {
        // It has proved that it lives, as far as it does to whom it does not know.
        Err(error) if scheme == Scheme::HttpsWithCertificate && asks_for_certificate(&error) => {
            Ok(HEALTHY.to_owned())
        }
        answer => answer,
    }
}

fn asks_for_certificate(error: &io::Error) -> bool {
    let error = error.get_ref().and_then(|error| error.downcast_ref::<rustls::Error>());
    matches!(error, Some(rustls::Error::AlertReceived(AlertDescription::CertificateRequired)))
}

fn tls_config() -> io::Result<ClientConfig> {
    let config = ClientConfig::builder_with_provider(tls::provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(io::Error::other)?;
    Ok(config.dangerous().with_custom_certificate_verifier(Arc::new(Myself)).with_no_client_auth())
}

/// Takes any certificate. The exporter asks itself here, over this machine's loopback, and tells nothing; its
/// certificate has other names than that, and being healthy must not depend on what lies in its files.
#[derive(Debug)]
struct Myself;

impl ServerCertVerifier for Myself {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("TLS 1.2 is not spoken here".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &tls::provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        tls::provider().signature_verification_algorithms.supported_schemes()
    }
}

/// Asks over `stream`; `bound` is called before each read, to give it no more than the time that is left.
fn exchange<S: Read + Write>(
    mut stream: S,
    address: SocketAddr,
    bound: impl Fn(&S) -> io::Result<()>,
) -> io::Result<String> {
    let request = format!("GET /-/healthy HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut line = Vec::new();
    while !line.contains(&b'\n') && line.len() < ANSWER_MAX {
        bound(&stream)?;
        let mut part = [0; ANSWER_MAX];
        match stream.read(&mut part) {
            Ok(0) => break,
            Ok(read) => line.extend_from_slice(&part[..read]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(String::from_utf8_lossy(&line).lines().next().unwrap_or_default().to_owned())
}

/// The time until `deadline`; an error when there is none, which is no limit that a socket takes.
fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(ErrorKind::TimedOut.into()) } else { Ok(left) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_is_reached_over_loopback() {
        let table: &[(&str, &[&str])] = &[
            ("127.0.0.1:8000", &["127.0.0.1:8000"]),
            ("10.1.2.3:1", &["10.1.2.3:1"]),
            ("0.0.0.0:8000", &["127.0.0.1:8000"]),
            ("[::]:8000", &["[::1]:8000", "127.0.0.1:8000"]),
            ("[fe80::1]:8000", &["[fe80::1]:8000"]),
        ];
        for (listen, expected) in table {
            let got = reachable(listen.parse().expect("an address"));
            let got: Vec<_> = got.iter().map(SocketAddr::to_string).collect();
            assert_eq!(got, *expected);
        }
    }
}
