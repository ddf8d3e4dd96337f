//! One connection, from its first byte to its end.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::answer::{Answer, Guard, Routes};
use super::progress::{Cut, Progress, Watched};

/// The most that is buffered of a request's head, and so the longest head, in bytes. (Of headers hyper
/// takes at most 100.)
const HEAD_MAX: usize = 16 * 1024;

/// How long a client may take nothing of its answer when the server stops: whoever does not read must not keep it from
/// coming back for the others.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// A stream that HTTP can be spoken over.
pub(super) trait Transport: AsyncRead + AsyncWrite + Unpin {
    /// Makes dropping it discard what the peer has not read. Otherwise the kernel keeps that, up to some
    /// megabytes, for as long as a peer that reads nothing likes.
    fn discard_on_close(&self);
}

impl Transport for TcpStream {
    fn discard_on_close(&self) {
        if let Err(error) = self.set_zero_linger() {
            debug!(%error, "cannot make the kernel discard what a client does not read");
        }
    }
}

impl Transport for TlsStream<TcpStream> {
    fn discard_on_close(&self) {
        self.get_ref().0.discard_on_close();
    }
}

/// How a connection ended.
#[derive(Debug)]
pub(super) enum Ending {
    /// As both sides agreed, or the peer went away.
    Closed,
    /// What came was no HTTP/1 request, or one with a head over its limits.
    Malformed,
    /// The TLS handshake failed.
    Handshake,
    /// A limit was passed.
    Cut(Cut),
    /// The server stops.
    Stopped,
    /// The server stops, and the client did not read the answer that was under way.
    Stalled,
    /// It made room for another connection.
    Evicted,
}

/// Two steps to the end of the server.
#[derive(Clone, Debug)]
pub(super) struct Stop {
    /// Finish the answer under way, if there is one, and close.
    pub(super) gently: CancellationToken,
    /// Close.
    pub(super) at_once: CancellationToken,
}

/// Serves one connection until it ends, which is soon once `evicted` is cancelled.
pub(super) async fn serve(
    transport: impl Transport,
    routes: impl Routes,
    guard: Guard,
    progress: Arc<Progress>,
    stop: &Stop,
    evicted: &CancellationToken,
) -> Ending {
    let io = TokioIo::new(Watched { stream: transport, progress: Arc::clone(&progress) });
    let mut connection = http1::Builder::new()
        .header_read_timeout(None)
        .max_buf_size(HEAD_MAX)
        .serve_connection(io, Answer::new(routes, guard, Arc::clone(&progress)));

    let mut alarm = pin!(sleep_until(Instant::now()));
    let mut evicted = pin!(evicted.cancelled());
    let mut gently = pin!(stop.gently.cancelled());
    let mut at_once = pin!(stop.at_once.cancelled());
    let mut last_words = pin!(sleep_until(Instant::now()));
    let mut stopping_since = None;
    let ending = poll_fn(|cx| {
        if stopping_since.is_none() && gently.as_mut().poll(cx).is_ready() {
            stopping_since = Some(Instant::now());
            if !progress.is_busy() {
                return Poll::Ready(Ending::Stopped);
            }
            Pin::new(&mut connection).graceful_shutdown();
        }
        if at_once.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Ending::Stopped);
        }
        if evicted.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Ending::Evicted);
        }
        match Pin::new(&mut connection).poll(cx) {
            Poll::Ready(result) => Poll::Ready(classify(result)),
            Poll::Pending => {
                if let Some(since) = stopping_since
                    && progress.poll_stalled(since, LAST_WORDS, last_words.as_mut(), cx).is_ready()
                {
                    return Poll::Ready(Ending::Stalled);
                }
                progress.poll_cut(alarm.as_mut(), cx).map(Ending::Cut)
            }
        }
    })
    .await;

    if matches!(ending, Ending::Cut(_) | Ending::Stopped | Ending::Stalled | Ending::Evicted) {
        connection.into_parts().io.into_inner().stream.discard_on_close();
    }
    ending
}

fn classify(result: hyper::Result<()>) -> Ending {
    match result {
        Err(error) if error.is_parse() => Ending::Malformed,
        Ok(()) | Err(_) => Ending::Closed,
    }
}

#[cfg(test)]
mod tests;
