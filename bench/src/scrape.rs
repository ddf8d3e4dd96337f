//! A scraper: one kept-alive connection over which pages are fetched, and nothing is done with them.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
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
        let length = self.request(path)?;
        let dropped = io::copy(&mut (&mut self.reader).take(length), &mut io::sink())?;
        ensure!(dropped == length, "{path} ended after {dropped} of {length} bytes");
        Ok(length)
    }

    /// Fetches a page as text.
    ///
    /// # Errors
    ///
    /// As [`Scraper::get`], and when it is not text.
    pub fn text(&mut self, path: &str) -> anyhow::Result<String> {
        let length = self.request(path)?;
        let mut text = String::with_capacity(usize::try_from(length)?);
        (&mut self.reader).take(length).read_to_string(&mut text)?;
        Ok(text)
    }

    /// Sends a request and reads the answer's head; gives the length of what follows.
    fn request(&mut self, path: &str) -> anyhow::Result<u64> {
        let accept = if self.is_gzip { "accept-encoding: gzip\r\n" } else { "" };
        let request = format!("GET {path} HTTP/1.1\r\nhost: {}\r\n{accept}\r\n", self.host);
        self.reader.get_mut().write_all(request.as_bytes())?;
        let mut line = String::new();
        self.reader.read_line(&mut line)?;
        if line.split(' ').nth(1) != Some("200") {
            bail!("{path} is answered {:?}", line.trim_end());
        }
        let mut length = None;
        loop {
            line.clear();
            self.reader.read_line(&mut line)?;
            let header = line.trim_end();
            if header.is_empty() {
                return length.with_context(|| format!("the answer to {path} has no length"));
            }
            if let Some((name, value)) = header.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().ok();
            }
        }
    }
}

/// How many series a page has.
pub fn series(page: &str) -> usize {
    page.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).count()
}
