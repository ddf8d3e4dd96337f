//! The stream to an exporter, with or without TLS.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use cpumon_daemon::tls::{ClientTls, server_name};
use cpumon_daemon::variables::HostPort;
use rustls::ClientConfig;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tracing::{error, info};

/// An open stream.
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    /// The stream over `socket` to `exporter`: with `tls` the peer has shown by then, with a certificate for its
    /// host, that it is who it should be. Not a byte of ours was sent before but the handshake's own.
    pub(super) async fn over(
        socket: TcpStream,
        exporter: &HostPort,
        tls: Option<&Arc<ClientConfig>>,
    ) -> io::Result<Self> {
        let Some(config) = tls else { return Ok(Self::Plain(socket)) };
        let name = server_name(exporter.host())
            .ok_or_else(|| io::Error::other("no certificate can be good for this host"))?;
        let stream = TlsConnector::from(Arc::clone(config)).connect(name, socket).await?;
        Ok(Self::Tls(Box::new(stream)))
    }

    /// The other end's address.
    pub(super) fn peer_addr(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Plain(socket) => socket.peer_addr(),
            Self::Tls(stream) => stream.get_ref().0.peer_addr(),
        }
    }

    /// Writes as much of `unsent` as goes now, and removes that. Ready when the system has taken all of it.
    pub(super) fn poll_send(&mut self, unsent: &mut Vec<u8>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !unsent.is_empty() {
            let sent = std::task::ready!(Pin::new(&mut *self).poll_write(cx, unsent))?;
            unsent.drain(..sent);
        }
        Pin::new(self).poll_flush(cx)
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_read(cx, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

/// The configuration for a new connection, made of what the files hold now.
pub(super) async fn newest(tls: Arc<ClientTls>) -> Arc<ClientConfig> {
    let files = Arc::clone(&tls);
    // Files may be on a disk that does not answer, and samples are taken on this thread.
    match tokio::task::spawn_blocking(move || files.refresh()).await {
        Ok(None) => {}
        Ok(Some(Ok(()))) => info!("new certificates are in use"),
        Ok(Some(Err(error))) => {
            error!("the certificates in use stay, as the new ones are of no use: {error}");
        }
        Err(error) => error!(%error, "cannot look at the certificates"),
    }
    tls.config()
}
