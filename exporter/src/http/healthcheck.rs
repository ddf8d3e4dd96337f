//! Asks a running exporter whether it is healthy: for images that have no shell and no curl.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// When reading an answer ends, in bytes: its status line comes first, and is short.
const ANSWER_MAX: usize = 1024;

/// Gets `/-/healthy` from the exporter that listens on `listen`, within `limit` in all. A wildcard
/// address is reached over loopback.
///
/// # Errors
///
/// What was tried and what went wrong, in one line for a human.
pub fn check(listen: SocketAddr, limit: Duration) -> Result<(), String> {
    let deadline = Instant::now() + limit;
    let mut failures = Vec::new();
    for address in reachable(listen) {
        match ask(address, deadline) {
            Ok(()) => return Ok(()),
            Err(reason) => failures.push(format!("cannot get http://{address}/-/healthy: {reason}")),
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

fn ask(address: SocketAddr, deadline: Instant) -> Result<(), String> {
    let line = first_line(address, deadline).map_err(|error| match error.kind() {
        // A socket's time limit shows as either, by system.
        ErrorKind::TimedOut | ErrorKind::WouldBlock => "no answer in time".to_owned(),
        _ => error.to_string(),
    })?;
    if line.starts_with("HTTP/1.1 200 ") { Ok(()) } else { Err(format!("it answered {line:?}")) }
}

/// The first line of the answer. The deadline holds for all of it, however slowly its bytes come.
fn first_line(address: SocketAddr, deadline: Instant) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, left(deadline)?)?;
    stream.set_write_timeout(Some(left(deadline)?))?;
    let request = format!("GET /-/healthy HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut line = Vec::new();
    while !line.contains(&b'\n') && line.len() < ANSWER_MAX {
        stream.set_read_timeout(Some(left(deadline)?))?;
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
