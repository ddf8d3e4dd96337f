//! The connection to an exporter: absent, being opened, or open. All of the link's I/O, and none of its decisions.

mod resolver;
mod stream;
#[cfg(test)]
mod tests;

use std::future::{Future, pending, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use cpumon_daemon::tls::ClientTls;
use cpumon_daemon::variables::HostPort;
use cpumon_protocol::limits::REPLY_MAX;
use rustls::ClientConfig;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;

use crate::link::Failure;
use crate::link::rendezvous::Place;
pub use resolver::Resolver;
use stream::Stream;

/// A connection to one of several exporters.
pub struct Connection {
    /// Their names: TLS wants to know with whom it speaks.
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

    /// Begins to open it, to an address of one of its exporters.
    pub fn open(&mut self, place: Place) {
        self.close();
        if let Some(exporter) = self.exporters.get(place.exporter).cloned() {
            self.state = State::Opening(Box::pin(open(place.address, exporter, self.tls.clone())));
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

async fn open(address: SocketAddr, exporter: HostPort, tls: Option<Arc<ClientTls>>) -> io::Result<Stream> {
    let tls = match tls {
        None => None,
        Some(tls) => Some(stream::newest(tls).await),
    };
    connect(address, &exporter, tls.as_ref()).await
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
