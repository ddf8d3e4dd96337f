//! A scraper: one kept-alive connection over which pages are fetched, and nothing is done with them.

use std::ffi::OsStr;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail, ensure};

/// The longest wait for bytes.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is read at once of a page that nobody looks at.
const CHUNK: usize = 256 * 1024;

/// A connection to an HTTP server.
#[derive(Debug)]
pub struct Scraper {
    stream: TcpStream,
    host: SocketAddr,
    is_gzip: bool,
    /// What was received, up to `filled`. Its memory is used again for the next page, as in a scraper that runs for long.
    received: Vec<u8>,
    filled: usize,
    /// Up to where that was understood.
    seen: usize,
    /// Where in it the page is.
    parts: Vec<Range<usize>>,
}

/// A page that was received.
#[derive(Clone, Copy, Debug)]
pub struct Page<'a> {
    received: &'a [u8],
    parts: &'a [Range<usize>],
}

impl Page<'_> {
    /// The page in one piece.
    ///
    /// # Errors
    ///
    /// When it is not text.
    pub fn text(&self) -> anyhow::Result<String> {
        let parts = self.parts.iter().filter_map(|part| self.received.get(part.clone()));
        Ok(String::from_utf8(parts.collect::<Vec<_>>().concat())?)
    }
}

impl Scraper {
    /// Connects.
    ///
    /// # Errors
    ///
    /// When nobody listens there.
    pub fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self {
            stream,
            host: address,
            is_gzip: false,
            received: vec![0; CHUNK],
            filled: 0,
            seen: 0,
            parts: Vec::new(),
        })
    }

    /// From here on asks for compressed pages.
    #[must_use]
    pub fn compressed(mut self) -> Self {
        self.is_gzip = true;
        self
    }

    /// Fetches a page and drops it; gives its length in bytes, as it was sent.
    ///
    /// # Errors
    ///
    /// When the answer is not 200 or does not come whole.
    pub fn get(&mut self, path: &str) -> anyhow::Result<u64> {
        self.fetch(path, Self::drop)
    }

    /// Fetches a page as text.
    ///
    /// # Errors
    ///
    /// As [`Scraper::get`], and when it is not text.
    pub fn text(&mut self, path: &str) -> anyhow::Result<String> {
        self.page(path)?.text()
    }

    /// Fetches a page.
    ///
    /// # Errors
    ///
    /// As [`Scraper::get`].
    pub fn page(&mut self, path: &str) -> anyhow::Result<Page<'_>> {
        self.parts.clear();
        self.fetch(path, Self::keep)?;
        Ok(Page { received: &self.received, parts: &self.parts })
    }

    /// Sends a request and has the body taken, part by part; how long that is, in bytes.
    fn fetch(
        &mut self,
        path: &str,
        mut take: impl FnMut(&mut Self, usize) -> anyhow::Result<()>,
    ) -> anyhow::Result<u64> {
        match self.request(path)? {
            Body::Length(length) => {
                take(self, length)?;
                Ok(length as u64)
            }
            Body::Chunked => {
                let mut total = 0;
                loop {
                    let line = self.line()?;
                    let length = usize::from_str_radix(&line, 16)
                        .with_context(|| format!("a chunk is {line:?} long"))?;
                    take(self, length)?;
                    total += length as u64;
                    // A line's end follows each chunk, the empty one at the end too.
                    self.line()?;
                    if length == 0 {
                        return Ok(total);
                    }
                }
            }
        }
    }

    /// Sends a request and reads the answer's head; gives what follows.
    fn request(&mut self, path: &str) -> anyhow::Result<Body> {
        let accept = if self.is_gzip { "accept-encoding: gzip\r\n" } else { "" };
        let request = format!("GET {path} HTTP/1.1\r\nhost: {}\r\n{accept}\r\n", self.host);
        (self.filled, self.seen) = (0, 0);
        self.stream.write_all(request.as_bytes())?;
        let status = self.line()?;
        if status.split(' ').nth(1) != Some("200") {
            bail!("{path} is answered {status:?}");
        }
        let mut body = None;
        loop {
            let header = self.line()?;
            if header.is_empty() {
                return body.with_context(|| format!("the answer to {path} has no length"));
            }
            match header.split_once(':') {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    body = value.trim().parse().ok().map(Body::Length);
                }
                Some((name, value)) if name.eq_ignore_ascii_case("transfer-encoding") => {
                    body = value.trim().eq_ignore_ascii_case("chunked").then_some(Body::Chunked);
                }
                _ => {}
            }
        }
    }

    /// The next line, without its end.
    fn line(&mut self) -> anyhow::Result<String> {
        loop {
            let rest = self.received.get(self.seen..self.filled).unwrap_or_default();
            if let Some(length) = rest.windows(2).position(|two| two == b"\r\n") {
                let line = String::from_utf8(rest.iter().take(length).copied().collect())?;
                self.seen += length + 2;
                return Ok(line);
            }
            self.fill()?;
        }
    }

    /// Takes what comes next as a part of the page.
    fn keep(&mut self, length: usize) -> anyhow::Result<()> {
        let end = self.seen + length;
        while self.filled < end {
            self.fill()?;
        }
        self.parts.push(self.seen..end);
        self.seen = end;
        Ok(())
    }

    /// Drops what comes next.
    fn drop(&mut self, length: usize) -> anyhow::Result<()> {
        let mut left = length;
        loop {
            let dropped = left.min(self.filled - self.seen);
            self.seen += dropped;
            left -= dropped;
            if left == 0 {
                return Ok(());
            }
            (self.filled, self.seen) = (0, 0);
            self.fill()?;
        }
    }

    /// Receives what there is, behind what was received.
    fn fill(&mut self) -> anyhow::Result<()> {
        if self.filled == self.received.len() {
            self.received.resize(2 * self.filled, 0);
        }
        let room = self.received.get_mut(self.filled..).unwrap_or_default();
        let length = self.stream.read(room)?;
        ensure!(length > 0, "the answer ended after {} bytes", self.filled);
        self.filled += length;
        Ok(())
    }
}

/// What follows an answer's head.
enum Body {
    /// So many bytes.
    Length(usize),
    /// Chunks, each of which tells its length.
    Chunked,
}

/// A page in a file that goes with this value: what the bare server is to serve.
#[derive(Debug)]
pub struct PageFile(PathBuf);

impl PageFile {
    /// Writes it.
    ///
    /// # Errors
    ///
    /// When there is no room for it.
    pub fn new(page: &[u8]) -> anyhow::Result<Self> {
        let path = std::env::temp_dir().join(format!("cpumon-bench-{}.page", std::process::id()));
        fs::write(&path, page)?;
        Ok(Self(path))
    }

    /// Where it is.
    pub fn path(&self) -> &OsStr {
        self.0.as_os_str()
    }
}

impl Drop for PageFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// How many series a page has.
pub fn series(page: &str) -> usize {
    page.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).count()
}
