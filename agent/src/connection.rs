//! The connection to an exporter: absent, being opened, or open. All of the link's I/O, and none of its decisions.

#[cfg(test)]
mod tests;

use std::future::{Future, pending};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;

use cpumon_daemon::variables::HostPort;
use cpumon_protocol::limits::REPLY_MAX;
use tokio::io::AsyncReadExt;
use tokio::net::tcp::WriteHalf;
use tokio::net::{TcpStream, lookup_host};

use crate::link::Failure;

/// The most addresses of one name that an attempt tries.
const ADDRESSES_MAX: usize = 16;

/// A connection to one of several exporters.
pub struct Connection {
    exporters: Vec<HostPort>,
    state: State,
    /// What the system would not take yet: at most a frame, as the link sends no other before its answer.
    unsent: Vec<u8>,
    broken: Option<io::Error>,
    input: Box<[u8]>,
}

enum State {
    Closed,
    Opening(Pin<Box<dyn Future<Output = io::Result<TcpStream>>>>),
    Open(TcpStream),
}

/// What happened to the connection.
#[derive(Debug, PartialEq, Eq)]
pub enum Happened {
    /// It is open, to this address.
    Opened(SocketAddr),
    /// So many bytes came; see [`Connection::received`].
    Received(usize),
    /// It, or the attempt to open it, failed; it is closed now.
    Failed(Failure),
}

impl Connection {
    /// No connection yet, to any of `exporters`.
    pub fn to(exporters: Vec<HostPort>) -> Self {
        let input = vec![0; REPLY_MAX].into();
        Self { exporters, state: State::Closed, unsent: Vec::new(), broken: None, input }
    }

    /// Which exporter the attempt of this number is about: each failure moves on to the next.
    pub fn exporter(&self, attempt: u32) -> Option<&HostPort> {
        self.exporters.get((attempt as usize).checked_rem(self.exporters.len())?)
    }

    /// Begins to open it. `attempt` counts the failures before this attempt.
    pub fn open(&mut self, attempt: u32) {
        self.close();
        if let Some(exporter) = self.exporter(attempt).cloned() {
            let round = attempt as usize / self.exporters.len().max(1);
            self.state = State::Opening(Box::pin(open(exporter, round)));
        }
    }

    /// Closes it, or gives up opening it.
    pub fn close(&mut self) {
        self.state = State::Closed;
        self.unsent.clear();
        self.broken = None;
    }

    /// Sends `bytes`, as much of it as goes at once; the rest goes while [`Connection::happened`] is awaited,
    /// which also tells of a failure.
    pub fn send(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        if let State::Open(stream) = &mut self.state {
            self.unsent.extend_from_slice(bytes);
            self.broken = flush(&stream.split().1, &mut self.unsent).err();
        }
    }

    /// Waits for the next thing to happen. Dropped before, it has lost nothing.
    pub async fn happened(&mut self) -> Happened {
        match self.progress().await {
            Ok(happened) => happened,
            Err(failure) => {
                self.close();
                Happened::Failed(failure)
            }
        }
    }

    /// The bytes that the last [`Happened::Received`] told of.
    pub fn received(&self, length: usize) -> &[u8] {
        self.input.get(..length).unwrap_or_default()
    }

    async fn progress(&mut self) -> Result<Happened, Failure> {
        let failed = |error: io::Error| Failure::Io(error.to_string().into());
        if let Some(error) = self.broken.take() {
            return Err(failed(error));
        }
        match &mut self.state {
            State::Closed => pending().await,
            State::Opening(attempt) => {
                let stream = attempt.await.map_err(failed)?;
                let peer = stream.peer_addr().map_err(failed)?;
                self.state = State::Open(stream);
                Ok(Happened::Opened(peer))
            }
            State::Open(stream) => {
                let (mut reader, writer) = stream.split();
                loop {
                    tokio::select! {
                        got = reader.read(&mut self.input) => match got.map_err(failed)? {
                            0 => return Err(Failure::Closed),
                            length => return Ok(Happened::Received(length)),
                        },
                        ready = writer.writable(), if !self.unsent.is_empty() => {
                            ready.and_then(|()| flush(&writer, &mut self.unsent)).map_err(failed)?;
                        }
                    }
                }
            }
        }
    }
}

/// Writes as much of `unsent` as the system takes now, and removes that.
fn flush(writer: &WriteHalf<'_>, unsent: &mut Vec<u8>) -> io::Result<()> {
    while !unsent.is_empty() {
        match writer.try_write(unsent) {
            Ok(written) => drop(unsent.drain(..written)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Resolves the name, as its addresses may have changed, and tries them one after the other; each round begins
/// with another one, so that an address that swallows everything does not hide the others.
async fn open(exporter: HostPort, round: usize) -> io::Result<TcpStream> {
    let mut addresses = resolve(&exporter).await?;
    let first = round.checked_rem(addresses.len()).unwrap_or_default();
    addresses.rotate_left(first);
    let mut last_error = io::Error::new(io::ErrorKind::NotFound, format!("{exporter} has no address"));
    for address in addresses {
        match connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last_error = error,
        }
    }
    Err(last_error)
}

async fn resolve(exporter: &HostPort) -> io::Result<Vec<SocketAddr>> {
    // Without a name there is nothing to ask, and no thread to start for it.
    if let Ok(address) = exporter.host().parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, exporter.port())]);
    }
    match lookup_host((exporter.host(), exporter.port())).await {
        Ok(addresses) => Ok(addresses.take(ADDRESSES_MAX).collect()),
        Err(error) => {
            Err(io::Error::new(error.kind(), format!("cannot resolve {}: {error}", exporter.host())))
        }
    }
}

async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let told =
        |error: io::Error| io::Error::new(error.kind(), format!("cannot connect to {address}: {error}"));
    let stream = TcpStream::connect(address).await.map_err(told)?;
    // A port of this machine on which nobody listens can, by chance, be connected to itself.
    if stream.local_addr()? == stream.peer_addr()? {
        return Err(told(io::ErrorKind::ConnectionRefused.into()));
    }
    // One small frame a second: there is never a reason to wait for more to send.
    stream.set_nodelay(true)?;
    Ok(stream)
}
