//! The connection to an exporter: absent, being opened, or open. All of the link's I/O, and none of its decisions.

mod stream;
#[cfg(test)]
mod tests;

use std::future::{Future, pending, poll_fn};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use cpumon_daemon::tls::ClientTls;
use cpumon_daemon::variables::HostPort;
use cpumon_protocol::limits::REPLY_MAX;
use rustls::ClientConfig;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::{TcpStream, lookup_host};

use crate::link::Failure;
use stream::Stream;

/// The most addresses of one name that an attempt tries.
const ADDRESSES_MAX: usize = 16;

/// A connection to one of several exporters.
pub struct Connection {
    exporters: Vec<HostPort>,
    /// With it, every connection is over TLS.
    tls: Option<Arc<ClientTls>>,
    state: State,
    /// What the stream would not take yet: at most a frame, as the link sends no other before its answer.
    unsent: Vec<u8>,
    /// Whether the system has not taken all that was sent.
    is_sending: bool,
    broken: Option<io::Error>,
    input: Box<[u8]>,
}

enum State {
    Closed,
    Opening(Pin<Box<dyn Future<Output = io::Result<Stream>>>>),
    Open(Stream),
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
    /// No connection yet, to any of `exporters`; with `tls` there will never be one without.
    pub fn to(exporters: Vec<HostPort>, tls: Option<Arc<ClientTls>>) -> Self {
        let input = vec![0; REPLY_MAX].into();
        Self {
            exporters,
            tls,
            state: State::Closed,
            unsent: Vec::new(),
            is_sending: false,
            broken: None,
            input,
        }
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
            self.state = State::Opening(Box::pin(open(exporter, self.tls.clone(), round)));
        }
    }

    /// Closes it, or gives up opening it.
    pub fn close(&mut self) {
        self.state = State::Closed;
        self.unsent.clear();
        self.is_sending = false;
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
            // Nobody waits here; whoever awaits what happens next will be woken.
            let sent = stream.poll_send(&mut self.unsent, &mut Context::from_waker(Waker::noop()));
            self.is_sending = sent.is_pending();
            if let Poll::Ready(Err(error)) = sent {
                self.broken = Some(error);
            }
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
                let (unsent, input, is_sending) = (&mut self.unsent, &mut self.input, &mut self.is_sending);
                let exchange = poll_fn(|cx| {
                    if *is_sending {
                        let sent = stream.poll_send(unsent, cx);
                        *is_sending = sent.is_pending();
                        if let Poll::Ready(Err(error)) = sent {
                            return Poll::Ready(Err(error));
                        }
                    }
                    let mut read = ReadBuf::new(input);
                    ready!(Pin::new(&mut *stream).poll_read(cx, &mut read))?;
                    Poll::Ready(Ok(read.filled().len()))
                });
                match exchange.await {
                    Ok(0) => Err(Failure::Closed),
                    Ok(length) => Ok(Happened::Received(length)),
                    // The end of a TLS stream whose other end did not announce it.
                    Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(Failure::Closed),
                    Err(error) => Err(failed(error)),
                }
            }
        }
    }
}

/// Resolves the name, as its addresses may have changed, and tries them one after the other; each round begins
/// with another one, so that an address that swallows everything does not hide the others.
async fn open(exporter: HostPort, tls: Option<Arc<ClientTls>>, round: usize) -> io::Result<Stream> {
    let tls = match tls {
        None => None,
        Some(tls) => Some(stream::newest(tls).await),
    };
    let mut addresses = resolve(&exporter).await?;
    let first = round.checked_rem(addresses.len()).unwrap_or_default();
    addresses.rotate_left(first);
    let mut last_error = io::Error::new(io::ErrorKind::NotFound, format!("{exporter} has no address"));
    for address in addresses {
        match connect(address, &exporter, tls.as_ref()).await {
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

async fn connect(
    address: SocketAddr,
    exporter: &HostPort,
    tls: Option<&Arc<ClientConfig>>,
) -> io::Result<Stream> {
    let told =
        |error: io::Error| io::Error::new(error.kind(), format!("cannot connect to {address}: {error}"));
    let stream = TcpStream::connect(address).await.map_err(told)?;
    // A port of this machine on which nobody listens can, by chance, be connected to itself.
    if stream.local_addr()? == stream.peer_addr()? {
        return Err(told(io::ErrorKind::ConnectionRefused.into()));
    }
    // One small frame a second: there is never a reason to wait for more to send.
    stream.set_nodelay(true)?;
    Stream::over(stream, exporter, tls).await.map_err(|error| {
        io::Error::new(error.kind(), format!("cannot begin TLS with {exporter} at {address}: {error}"))
    })
}
