//! One connection's socket: reads, writes, and waits for whatever comes first.
//!
//! A connection that waits holds no buffer: bytes are read into a buffer of the thread, taken at once, and
//! answered before anything else is waited for.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use cpumon_daemon::clock::Clock;
use cpumon_daemon::stop::Stop;
use cpumon_protocol::model::Micros;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{sleep, sleep_until, timeout};
use tokio_rustls::server::TlsStream;

use super::admission::{Eviction, Slot};
use super::connection::{Connection, Desk, Verdict};
use crate::exposition::own::Refusal;
use crate::fleet::End;

/// How much is read at once. What one read brings is taken whole, so this also bounds a burst.
const READ_SIZE: usize = 16 * 1024;

/// How long, and for how many bytes, a client that broke the protocol may go on sending before it is cut off:
/// closing with its bytes unread would take our answer away from it.
const FAREWELL: (Duration, usize) = (Duration::from_millis(500), 4 * READ_SIZE);

/// How long a client is still listened to when its time is over. A process that was paused, or kept from running,
/// learns that before it learns what has come in the meantime.
const LAST_LOOK: Micros = Micros::from_millis(20);

/// How long an answer may lie unread when the exporter stops: whoever does not read must not keep it from coming
/// back for the others.
const LAST_WORDS: Duration = Duration::from_millis(500);

thread_local! {
    static BUFFERS: RefCell<Buffers> = RefCell::new(Buffers { input: vec![0; READ_SIZE], output: Vec::new() });
}

/// The buffers of a thread, in use while one connection is being served.
struct Buffers {
    input: Vec<u8>,
    output: Vec<u8>,
}

/// A stream on which agents talk: TCP, or TLS over it.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin {
    /// What carries it.
    fn tcp(&self) -> &TcpStream;
}

impl Stream for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

/// Boxed: it is a kilobyte, and a future holds what it is given more than once.
impl Stream for Box<TlsStream<TcpStream>> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0
    }
}

/// A connection and its socket, with or without TLS.
pub(super) struct Socket<S> {
    stream: S,
    peer: SocketAddr,
    connection: Connection,
    desk: Arc<Desk>,
    clock: Clock,
    /// Answers that the stream did not take at once.
    unsent: Vec<u8>,
    /// Whether the stream has taken something that the kernel has not yet.
    is_unflushed: bool,
}

/// Why a connection is over.
enum Over {
    /// It ended, and the fleet is to know.
    Ended(End),
    /// It was turned away before anybody joined the fleet.
    Refused(Refusal),
    /// The exporter stops: its agents are not gone, it is.
    Stopped,
}

impl<S: Stream> Socket<S> {
    pub(super) fn new(
        stream: S,
        peer: SocketAddr,
        connection: Connection,
        desk: Arc<Desk>,
        clock: Clock,
    ) -> Self {
        Self { stream, peer, connection, desk, clock, unsent: Vec::new(), is_unflushed: false }
    }

    /// Serves the connection to its end.
    #[allow(
        clippy::manual_async_fn,
        reason = "an async fn would hold the socket twice: as it came, and as its own"
    )]
    pub(super) fn serve(
        mut self,
        mut slot: Slot,
        eviction: Eviction,
        stop: Stop,
    ) -> impl Future<Output = ()> {
        async move {
            self.desk.metrics.connections.inc();
            let over = self.serve_until_over(&mut slot, eviction, stop).await;
            self.desk.metrics.connections.dec();
            let now = self.clock.now().mono;
            match over {
                Over::Ended(end) => {
                    self.connection.close(end, &self.desk, now);
                    if end == End::Protocol {
                        // Boxed: few come to need it, and all would have room for it.
                        Box::pin(say_farewell(self.stream)).await;
                    }
                }
                Over::Refused(refusal) => {
                    self.desk.metrics.refuse_connection(refusal);
                    self.desk.journal.refused(refusal, Some(self.peer), now);
                }
                Over::Stopped => {}
            }
        }
    }

    async fn serve_until_over(&mut self, slot: &mut Slot, eviction: Eviction, stop: Stop) -> Over {
        let mut stopped = pin!(stop.requested());
        let mut deadline =
            pin!(sleep_until(self.clock.instant(self.connection.deadline(&self.desk.settings))));
        // Only a stranger's. It remembers the task that waited for it last, and with it that of the handshake.
        let mut eviction = Some(eviction);
        let mut is_last_look = false;
        loop {
            let due = self.connection.deadline(&self.desk.settings);
            is_last_look = is_last_look && due <= self.clock.now().mono;
            // A frame that is begun is due before the silence that was waited for. What is due later is looked
            // at when the time has come, so that a timer is not moved with every frame.
            let due = self.clock.instant(due);
            if due < deadline.deadline() && !is_last_look {
                deadline.as_mut().reset(due);
            }
            let verdict = tokio::select! {
                // The deadline first: who sends blanks without a pause is always ready to be read.
                biased;
                () = &mut deadline => {
                    let due = self.connection.deadline(&self.desk.settings);
                    let now = self.clock.now().mono;
                    if due > now || !is_last_look {
                        is_last_look = due <= now;
                        deadline.as_mut().reset(self.clock.instant(due.max(now.plus(LAST_LOOK))));
                        continue;
                    }
                    return self.cut(Refusal::Silent);
                }
                verdict = std::future::poll_fn(|cx| self.poll_exchange(cx)) => verdict,
                () = &mut stopped => return Over::Stopped,
                () = evicted(&mut eviction) => return Over::Refused(Refusal::Ungreeted),
            };
            if eviction.is_some() && self.connection.is_greeted() {
                eviction = None;
                slot.greeted();
                if self.connection.is_v1() {
                    bound_unread(self.stream.tcp(), self.desk.settings.write_timeout);
                }
            }
            let given_up = async {
                (&mut stopped).await;
                sleep(LAST_WORDS).await;
            };
            tokio::select! {
                biased;
                flushed = self.flush() => match flushed {
                    Ok(()) => {}
                    Err(End::Timeout) => return self.cut(Refusal::Unread),
                    Err(end) => return Over::Ended(end),
                },
                () = given_up => return Over::Stopped,
            }
            match verdict {
                Verdict::Open => {}
                Verdict::Close(End::Timeout) => return self.cut(Refusal::Unread),
                Verdict::Close(end) => return Over::Ended(end),
            }
            if let Some(until) = self.connection.pause_until(self.clock.now().mono) {
                self.desk.metrics.throttled.inc();
                tokio::select! {
                    () = sleep_until(self.clock.instant(until)) => {}
                    () = &mut stopped => return Over::Stopped,
                }
            }
        }
    }

    /// What it is that a client's time is over: the end of an agent, or `refusal` of one that was none yet.
    fn cut(&self, refusal: Refusal) -> Over {
        if self.connection.has_joined() { Over::Ended(End::Timeout) } else { Over::Refused(refusal) }
    }

    /// Reads once, takes what came, and hands the answers to the kernel.
    fn poll_exchange(&mut self, cx: &mut Context<'_>) -> Poll<Verdict> {
        BUFFERS.with_borrow_mut(|Buffers { input, output }| {
            let mut read = ReadBuf::new(input);
            let end = match ready!(Pin::new(&mut self.stream).poll_read(cx, &mut read)) {
                Ok(()) if read.filled().is_empty() => {
                    Some(self.connection.end_of_stream(&self.desk, self.clock.now().mono))
                }
                Ok(()) => None,
                Err(error) => Some(end_of(&error)),
            };
            if let Some(end) = end {
                return Poll::Ready(Verdict::Close(end));
            }
            output.clear();
            let verdict = self.connection.receive(read.filled(), &self.desk, self.clock.now(), output);
            if !output.is_empty() {
                let mut stream = Pin::new(&mut self.stream);
                let sent = match stream.as_mut().poll_write(cx, output) {
                    Poll::Ready(Ok(sent)) => sent,
                    // This is told once.
                    Poll::Ready(Err(error)) if end_of(&error) == End::Timeout => {
                        return Poll::Ready(Verdict::Close(End::Timeout));
                    }
                    // What failed otherwise fails again when it is flushed.
                    Poll::Ready(Err(_)) | Poll::Pending => 0,
                };
                self.unsent.extend_from_slice(&output[sent..]);
                self.is_unflushed = !matches!(stream.poll_flush(cx), Poll::Ready(Ok(())));
            }
            Poll::Ready(verdict)
        })
    }

    /// Waits until the kernel has taken all answers: as long as a client does not read, it is not read from.
    async fn flush(&mut self) -> Result<(), End> {
        if self.unsent.is_empty() && !self.is_unflushed {
            return Ok(());
        }
        let unsent = std::mem::take(&mut self.unsent);
        self.is_unflushed = false;
        let flushed = async {
            self.stream.write_all(&unsent).await?;
            self.stream.flush().await
        };
        match timeout(self.desk.settings.write_timeout.into(), flushed).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(end_of(&error)),
            Err(_) => Err(End::Timeout),
        }
    }
}

/// Ends when a stranger has to go; never for others.
async fn evicted(eviction: &mut Option<Eviction>) {
    match eviction {
        Some(eviction) => eviction.wait().await,
        None => std::future::pending().await,
    }
}

/// What it is that the stream failed. Time is over only where the kernel has waited for the peer: see [`bound_unread`].
fn end_of(error: &io::Error) -> End {
    if error.kind() == io::ErrorKind::TimedOut { End::Timeout } else { End::Eof }
}

/// Makes the kernel give up once answers have lain unread for `longest`, as ours are too small to fill what it keeps:
/// an agent that never reads would be answered for a long time. An agent whose answer is on its way for so long has
/// gone for another connection. A client of the original has not: it is left alone.
fn bound_unread(stream: &TcpStream, longest: Micros) {
    #[cfg(target_os = "linux")]
    {
        let millis = u32::try_from(longest.0 / 1_000).unwrap_or(u32::MAX);
        if let Err(error) = rustix::net::sockopt::set_tcp_user_timeout(stream, millis) {
            tracing::debug!(%error, "cannot bound the time that answers lie unread");
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (stream, longest);
}

/// Lets the client read its last answer.
async fn say_farewell(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let (patience, most) = FAREWELL;
    let read_on = async {
        stream.shutdown().await?;
        let mut left = most;
        let mut ignored = [0; 512];
        while left > 0 {
            match stream.read(&mut ignored).await? {
                0 => break,
                count => left = left.saturating_sub(count),
            }
        }
        io::Result::Ok(())
    };
    let _ = timeout(patience, read_on).await;
}
