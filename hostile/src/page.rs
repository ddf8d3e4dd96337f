//! What HTTP serves, as far as cases look at it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use crate::credentials::{Credentials, name_of};

/// The longest wait for a page.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where HTTP is, and what it asks for.
#[derive(Clone, Debug)]
pub struct Http {
    /// Where it is.
    pub address: SocketAddr,
    pass: Option<Pass>,
}

/// What a scraper goes by where HTTP is guarded.
#[derive(Clone, Debug)]
struct Pass {
    tls: Arc<ClientConfig>,
    token: String,
}

impl Http {
    /// HTTP at `address`; over TLS and with a token, if it asks for that.
    pub fn new(address: SocketAddr, credentials: Option<&Credentials>) -> Self {
        let pass = credentials.map(|credentials| Pass {
            tls: Arc::clone(&credentials.trusting),
            token: credentials.http_token.clone(),
        });
        Self { address, pass }
    }

    /// What is served at `path`, over a connection of its own.
    ///
    /// # Errors
    ///
    /// When there is no answer in time, or another one than success.
    pub fn get(&self, path: &str) -> anyhow::Result<String> {
        let stream = TcpStream::connect_timeout(&self.address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        match &self.pass {
            None => ask(stream, path, ""),
            Some(Pass { tls, token }) => {
                let connection = ClientConnection::new(Arc::clone(tls), name_of("localhost")?)?;
                let header = format!("Authorization: Bearer {token}\r\n");
                ask(StreamOwned::new(connection, stream), path, &header)
            }
        }
    }
}

/// Asks for `path` and reads the answer's body to its end.
fn ask(mut stream: impl Read + Write, path: &str, header: &str) -> anyhow::Result<String> {
    let begun = Instant::now();
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{header}Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    stream.flush()?;
    let mut answer = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        if let Some(body) = body(&answer)? {
            return Ok(String::from_utf8(body)?);
        }
        ensure!(begun.elapsed() < PATIENCE, "no whole answer within {PATIENCE:?}");
        match stream.read(&mut buffer)? {
            0 => bail!("the page breaks off"),
            length => answer.extend_from_slice(buffer.get(..length).unwrap_or_default()),
        }
    }
}

/// The body of a whole answer; none while some of it is still to come.
fn body(answer: &[u8]) -> anyhow::Result<Option<Vec<u8>>> {
    let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let (head, body) = answer.split_at(end + 4);
    let head = std::str::from_utf8(head)?;
    let mut lines = head.lines();
    let status = lines.next().unwrap_or_default();
    ensure!(status.starts_with("HTTP/1.1 200 "), "{status}");
    let headers: Vec<_> = lines.filter_map(|line| line.split_once(':')).collect();
    let header = |name: &str| headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    if header("transfer-encoding").is_some() {
        return chunks(body);
    }
    let (_, length) = header("content-length").context("the answer does not say how long it is")?;
    let length: usize = length.trim().parse()?;
    Ok((body.len() >= length).then(|| body.to_vec()))
}

/// A body that came in chunks, if all of them are there: each tells its length, and the last is empty.
fn chunks(body: &[u8]) -> anyhow::Result<Option<Vec<u8>>> {
    // The last bytes of a whole one, told at little cost.
    if !body.ends_with(b"0\r\n\r\n") {
        return Ok(None);
    }
    let (mut rest, mut whole) = (body, Vec::new());
    while let Some(end) = rest.windows(2).position(|two| two == b"\r\n") {
        let length = usize::from_str_radix(std::str::from_utf8(&rest[..end])?, 16)?;
        let Some(chunk) = rest.get(end + 2..end + 2 + length) else { return Ok(None) };
        if length == 0 {
            return Ok(Some(whole));
        }
        whole.extend_from_slice(chunk);
        rest = rest.get(end + 2 + length + 2..).unwrap_or_default();
    }
    Ok(None)
}

/// A page of metrics.
#[derive(Clone, Debug)]
pub struct Page(String);

impl Page {
    /// What is shown now.
    ///
    /// # Errors
    ///
    /// When there is no answer in time, or another one than success.
    pub fn now(http: &Http) -> anyhow::Result<Self> {
        http.get("/metrics").map(Self)
    }

    /// The series whose lines begin with `beginning`: the rest of the line, and its value.
    pub fn series<'a>(&'a self, beginning: &'a str) -> impl Iterator<Item = (&'a str, f64)> {
        self.0.lines().filter_map(move |line| {
            let (series, value) = line.strip_prefix(beginning)?.rsplit_once(' ')?;
            Some((series, value.parse().ok()?))
        })
    }

    /// How many series have lines that begin so.
    pub fn count(&self, beginning: &str) -> u64 {
        self.series(beginning).count() as u64
    }

    /// The sum of the series whose lines begin so.
    pub fn sum(&self, beginning: &str) -> f64 {
        self.series(beginning).map(|(_, value)| value).sum()
    }

    /// Frames and connections that were refused or cut so far.
    pub fn refused(&self) -> f64 {
        self.sum("cpumon_exporter_rejected_connections_total{")
            + self.sum("cpumon_exporter_rejected_frames_total{")
    }

    /// Frames that were refused for `reason` so far.
    pub fn rejected_frames(&self, reason: &str) -> f64 {
        self.sum(&format!("cpumon_exporter_rejected_frames_total{{reason=\"{reason}\"}}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_whole_when_its_length_says_so_or_its_last_chunk_is_there() {
        let text =
            |answer: &str| body(answer.as_bytes()).unwrap().map(|body| String::from_utf8(body).unwrap());
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
        assert_eq!(text(&format!("{head}hell")), None);
        assert_eq!(text(&format!("{head}hello")).as_deref(), Some("hello"));
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let chunks = "b\r\nhel\r\n0\r\n\r\nl\r\n1\r\no\r\n0\r\n\r\n";
        for length in 0..chunks.len() {
            assert_eq!(text(&format!("{head}{}", &chunks[..length])), None, "{length}");
        }
        assert_eq!(text(&format!("{head}{chunks}")).as_deref(), Some("hel\r\n0\r\n\r\nlo"));
    }

    #[test]
    fn series_are_found_by_their_beginning() {
        let page = Page("# HELP a b\na{x=\"1 2\"} 3\na{x=\"y\"} 4\nab 5\n".to_owned());
        assert_eq!(page.count("a{"), 2);
        assert!((page.sum("a{") - 7.0).abs() < 1e-9);
        assert!((page.sum("ab") - 5.0).abs() < 1e-9);
    }
}
