//! Addresses: where to listen, and whom to call.

use std::{
    fmt,
    net::{Ipv6Addr, SocketAddr},
};

use super::{Refusal, Value};

impl Value for SocketAddr {
    /// An address of this machine and a port, to listen on.
    fn from_text(text: &str) -> Result<Self, Refusal> {
        let wrong = match text.parse() {
            Ok(address) => return Ok(address),
            Err(_) if text.parse::<std::net::IpAddr>().is_ok() => "has no port",
            Err(_) => "is not an IP address with a port",
        };
        Err(Refusal::new(wrong, "write one such as 127.0.0.1:8080 or [::]:8080"))
    }
}

/// A host, by name or address, and a port. What it resolves to is asked at each use.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostPort {
    host: Box<str>,
    port: u16,
}

impl HostPort {
    /// The name or the address, an IPv6 address without its brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, never 0.
    pub const fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl Value for HostPort {
    fn from_text(text: &str) -> Result<Self, Refusal> {
        let refusal =
            |wrong: &'static str| Refusal::new(wrong, "write host:port such as exporter:8080 or [::1]:8080");
        if text.contains("://") {
            return Err(refusal("is a URL"));
        }
        let (host, port) = text.rsplit_once(':').ok_or_else(|| refusal("has no port"))?;
        let port = match port.parse() {
            Ok(port) if port > 0 && !port_has_sign(text) => port,
            _ => return Err(refusal("has no port from 1 to 65535")),
        };
        let host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(address) if address.parse::<Ipv6Addr>().is_ok() => address,
            Some(_) => return Err(refusal("has no IPv6 address in its brackets")),
            None if host.parse::<Ipv6Addr>().is_ok() || text.parse::<Ipv6Addr>().is_ok() => {
                return Err(refusal("is an IPv6 address without brackets"));
            }
            None if is_host_name(host) => host,
            None => return Err(refusal("has no valid host")),
        };
        Ok(Self { host: host.into(), port })
    }
}

/// `u16::from_str` takes `+80`.
fn port_has_sign(text: &str) -> bool {
    text.rsplit(':').next().is_some_and(|port| port.starts_with('+'))
}

/// Letters, digits, `-`, `_` and dots, at most 253: what DNS, `/etc/hosts` and compose give.
fn is_host_name(host: &str) -> bool {
    (1..=253).contains(&host.len())
        && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        && !host.starts_with(['-', '.'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::variables::value::check;

    #[test]
    fn listening_addresses() {
        for text in ["127.0.0.1:8080", "[::]:8080", "[::1]:0"] {
            check(text, Ok(text.parse::<SocketAddr>().unwrap()));
        }
        for (text, wrong) in [
            ("127.0.0.1", "has no port"),
            ("::", "has no port"),
            ("", "is not an IP address with a port"),
            (":8080", "is not an IP address with a port"),
            ("8080", "is not an IP address with a port"),
            ("localhost:8080", "is not an IP address with a port"),
            ("127.0.0.1:65536", "is not an IP address with a port"),
            ("tcp://10.0.0.1:80", "is not an IP address with a port"),
        ] {
            check::<SocketAddr>(
                text,
                Err(&format!("{wrong}; write one such as 127.0.0.1:8080 or [::]:8080")),
            );
        }
    }

    #[test]
    fn hosts_with_ports() {
        for (text, host, port) in [
            ("exporter:8080", "exporter", 8080),
            ("a_b.example.org.:1", "a_b.example.org.", 1),
            ("10.0.0.1:65535", "10.0.0.1", 65535),
            ("[2001:db8::1]:8080", "2001:db8::1", 8080),
        ] {
            check(text, Ok(HostPort { host: host.into(), port }));
            assert_eq!(HostPort::from_text(text).map(|h| h.to_string()), Ok(text.to_owned()));
        }
        for (text, wrong) in [
            ("", "has no port"),
            ("exporter", "has no port"),
            ("exporter:", "has no port from 1 to 65535"),
            ("exporter:0", "has no port from 1 to 65535"),
            ("exporter:+80", "has no port from 1 to 65535"),
            ("exporter:65536", "has no port from 1 to 65535"),
            ("exporter:http", "has no port from 1 to 65535"),
            ("http://exporter:80", "is a URL"),
            ("[::1:8080", "has no valid host"),
            ("[exporter]:8080", "has no IPv6 address in its brackets"),
            ("::1:8080", "is an IPv6 address without brackets"),
            ("2001:db8::1:8080", "is an IPv6 address without brackets"),
            (":8080", "has no valid host"),
            ("a b:8080", "has no valid host"),
            ("-a:8080", "has no valid host"),
        ] {
            check::<HostPort>(
                text,
                Err(&format!("{wrong}; write host:port such as exporter:8080 or [::1]:8080")),
            );
        }
    }
}
