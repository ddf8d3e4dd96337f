//! The handshake of a connection that comes in over TLS.

use std::io;
use std::sync::Arc;

use cpumon_daemon::tls::ServerTls;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

/// Where connections become trustworthy, a bounded number at a time.
#[derive(Clone, Debug)]
pub(super) struct Handshakes {
    tls: Arc<ServerTls>,
    turns: Arc<Semaphore>,
}

impl Handshakes {
    /// At most `most` at once.
    pub(super) fn new(tls: Arc<ServerTls>, most: usize) -> Self {
        Self { tls, turns: Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS))) }
    }

    /// Shakes hands over `stream`. It takes as long as the client likes: the caller bounds it.
    pub(super) async fn shake(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        // Answers are small and waited for, those of the handshake too.
        let _ = stream.set_nodelay(true);
        let begun = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), stream).await?;
        // Only who has said something whole takes a turn, so that the silent do not keep others waiting. What is
        // costly, a signature and a key exchange, comes from here on.
        let _turn = self.turns.acquire().await.map_err(io::Error::other)?;
        begun.into_stream(self.tls.config()).await
    }
}
