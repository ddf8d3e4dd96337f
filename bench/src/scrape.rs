//! A scraper: one kept-alive connection over which pages are fetched, and nothing is done with them.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail, ensure};

/// The longest wait for bytes.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is read at once.
const CHUNK: usize = 256 * 1024;

/// A connection to an HTTP server.
#[derive(Debug)]
pub struct Scraper {
    reader: BufReader<TcpStream>,
    host: SocketAddr,
    is_gzip: bool,
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
        Ok(Self { reader: BufReader::with_capacity(CHUNK, stream), host: address, is_gzip: false })
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
        self.fetch(path, &mut io::sink())
    }

    /// Fetches a page as text.
    ///
    /// # Errors
    ///
    /// As [`Scraper::get`], and when it is not text.
    pub fn text(&mut self, path: &str) -> anyhow::Result<String> {
        let mut page = Vec::new();
        self.page(path, &mut page)?;
        Ok(String::from_utf8(page)?)
    }

    /// Fetches a page into `page`, in place of what is there. Into memory that was used before a page is received in
    /// a fraction of the time that new memory takes, as in a scraper that runs for long.
    ///
    /// # Errors
    ///
    /// As [`Scraper::get`].
    pub fn page(&mut self, path: &str, page: &mut Vec<u8>) -> anyhow::Result<()> {
        page.clear();
        self.fetch(path, page)?;
        Ok(())
    }

    fn fetch(&mut self, path: &str, to: &mut impl Receive) -> anyhow::Result<u64> {
        match self.request(path)? {
            Body::Length(length) => self.copy(length, to),
            Body::Chunked => {
                let mut total = 0;
                loop {
                    let length = self.chunk_length()?;
                    total += self.copy(length, to)?;
                    // A line's end follows each chunk, the empty one at the end too.
                    self.reader.read_line(&mut String::new())?;
                    if length == 0 {
                        return Ok(total);
                    }
                }
            }
        }
    }

    fn copy(&mut self, length: u64, to: &mut impl Receive) -> anyhow::Result<u64> {
        let copied = to.receive((&mut self.reader).take(length))?;
        ensure!(copied == length, "the page ended after {copied} of {length} bytes");
        Ok(length)
    }

    fn chunk_length(&mut self) -> anyhow::Result<u64> {
        let mut line = String::new();
        self.reader.read_line(&mut line)?;
        u64::from_str_radix(line.trim_end(), 16).with_context(|| format!("a chunk is {line:?} long"))
    }

    /// Sends a request and reads the answer's head; gives what follows.
    fn request(&mut self, path: &str) -> anyhow::Result<Body> {
        let accept = if self.is_gzip { "accept-encoding: gzip\r\n" } else { "" };
        let request = format!("GET {path} HTTP/1.1\r\nhost: {}\r\n{accept}\r\n", self.host);
        self.reader.get_mut().write_all(request.as_bytes())?;
        let mut line = String::new();
        self.reader.read_line(&mut line)?;
        if line.split(' ').nth(1) != Some("200") {
            bail!("{path} is answered {:?}", line.trim_end());
        }
        let mut body = None;
        loop {
            line.clear();
            self.reader.read_line(&mut line)?;
            let header = line.trim_end();
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
}

/// Where a page goes.
trait Receive {
    /// Takes all that `body` gives; how much that was, in bytes.
    fn receive(&mut self, body: impl Read) -> io::Result<u64>;
}

impl Receive for Vec<u8> {
    fn receive(&mut self, mut body: impl Read) -> io::Result<u64> {
        Ok(body.read_to_end(self)? as u64)
    }
}

impl Receive for io::Sink {
    fn receive(&mut self, mut body: impl Read) -> io::Result<u64> {
        io::copy(&mut body, self)
    }
}

/// What follows an answer's head.
enum Body {
    /// So many bytes.
    Length(u64),
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
