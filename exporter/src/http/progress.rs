//! How far one connection is, and by when it must be further.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::leases::Lease;
use super::lock;

/// Why a connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// No whole request head arrived in time.
    LateHead,
    /// A request was not answered, or its answer not read, in time.
    SlowResponse,
    /// The rendering that it reads lost its lease.
    Revoked,
}

/// Where one connection stands. The connection's own task alone uses it, from within hyper: the service
/// says when a request began, the body when it ended, the stream when all was flushed. After each turn
/// of hyper, [`poll_cut`](Self::poll_cut) tells whether a limit is passed.
///
/// At every moment at most one deadline holds, and none only while a stream has nothing to send. hyper's own limit on the time for a head is not used: it
/// does not run while hyper tries to send an error to a client that reads nothing.
pub(super) struct Progress {
    limits: Limits,
    state: Mutex<State>,
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.standing().fmt(f)
    }
}

/// See [`HttpConfig`](super::HttpConfig).
#[derive(Clone, Copy)]
pub(super) struct Limits {
    pub(super) first_request: Duration,
    pub(super) head: Duration,
    pub(super) response: Duration,
}

struct State {
    /// None while a stream has nothing to send.
    deadline: Option<Instant>,
    /// When it began to wait for the head that it waits for, or to be answered; of a stream, when its last part was
    /// handed out or read.
    since: Instant,
    phase: Phase,
    reading: Option<Reading>,
    /// Since when the peer has left no room for what is to be sent; none while there is some.
    blocked: Option<Instant>,
}

/// What a connection does, as far as others have to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It waits for its client's next request, the first included.
    Waiting {
        /// Since then.
        since: Instant,
    },
    /// A request is being answered, or its answer read.
    Answering {
        /// Since then.
        since: Instant,
    },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// For the head of a request.
    Waiting,
    /// A request is being answered.
    Answering,
    /// It is being answered part by part, without an end.
    Streaming,
    /// hyper has the whole answer, but has not flushed it.
    Flushing,
}

/// The rendering that this connection sends.
struct Reading {
    /// Kept until flushed, since hyper's buffer refers to the memory that it stands for.
    _lease: Arc<Lease>,
    revoked: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl Progress {
    /// A connection that was accepted `now`.
    pub(super) fn new(limits: Limits, now: Instant) -> Self {
        let deadline = Some(now + limits.first_request);
        Self {
            limits,
            state: Mutex::new(State {
                deadline,
                since: now,
                phase: Phase::Waiting,
                reading: None,
                blocked: None,
            }),
        }
    }

    /// A request's head is there.
    pub(super) fn request_began(&self, now: Instant) {
        let mut state = lock(&self.state);
        // A pipelined request may begin before the answer ahead of it is flushed: the earlier deadline
        // holds for both, else requests could buy time for answers that are not read.
        if state.phase == Phase::Waiting {
            state.deadline = Some(now + self.limits.response);
            state.since = now;
        }
        state.phase = Phase::Answering;
    }

    /// The answer under way carries a rendering with this lease.
    pub(super) fn sends(&self, lease: &Arc<Lease>) {
        let revoked = Box::pin(lease.revoked().clone().cancelled_owned());
        lock(&self.state).reading = Some(Reading { _lease: Arc::clone(lease), revoked });
    }

    /// The answer under way comes in parts, whenever there is one: each of them has to be read in time.
    pub(super) fn streams(&self) {
        lock(&self.state).phase = Phase::Streaming;
    }

    /// hyper has taken a part of a stream. It may not have flushed the one before: the earlier deadline holds for both.
    pub(super) fn part_began(&self, now: Instant) {
        let mut state = lock(&self.state);
        if state.deadline.is_none() {
            state.deadline = Some(now + self.limits.response);
            state.since = now;
        }
    }

    /// hyper has taken the whole body of the answer, or dropped it.
    pub(super) fn body_ended(&self, now: Instant) {
        let mut state = lock(&self.state);
        state.phase = Phase::Flushing;
        state.deadline.get_or_insert(now + self.limits.response);
    }

    /// All that hyper had buffered is in the kernel's hands.
    fn flushed(&self, now: Instant) {
        let mut state = lock(&self.state);
        match state.phase {
            Phase::Flushing => {
                state.phase = Phase::Waiting;
                state.deadline = Some(now + self.limits.head);
                state.since = now;
                state.reading = None;
            }
            Phase::Streaming => {
                state.deadline = None;
                state.since = now;
            }
            Phase::Waiting | Phase::Answering => {}
        }
    }

    /// The stream was written to; it took something, or there was no room in it.
    fn wrote(&self, has_taken: bool, now: Instant) {
        let mut state = lock(&self.state);
        if has_taken {
            state.blocked = None;
        } else {
            state.blocked.get_or_insert(now);
        }
    }

    /// Ready when the peer has taken nothing for `patience`, counted from `from` at the earliest. To be polled after
    /// hyper was, each time; `alarm` is a timer for this alone.
    pub(super) fn poll_stalled(
        &self,
        from: Instant,
        patience: Duration,
        mut alarm: Pin<&mut Sleep>,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        let Some(blocked) = lock(&self.state).blocked else { return Poll::Pending };
        let due = blocked.max(from) + patience;
        if alarm.deadline() != due {
            alarm.as_mut().reset(due);
        }
        alarm.poll(cx)
    }

    /// Whether a request waits for its answer, or for a part of it.
    pub(super) fn is_busy(&self) -> bool {
        lock(&self.state).phase != Phase::Waiting
    }

    /// What it does, and since when.
    pub(super) fn standing(&self) -> Standing {
        let state = lock(&self.state);
        let since = state.since;
        if state.phase == Phase::Waiting {
            Standing::Waiting { since }
        } else {
            Standing::Answering { since }
        }
    }

    /// Ready when the connection has to be cut. To be polled after hyper was, each time; `alarm` is
    /// the connection's own timer, and set here.
    pub(super) fn poll_cut(&self, mut alarm: Pin<&mut Sleep>, cx: &mut Context<'_>) -> Poll<Cut> {
        let mut state = lock(&self.state);
        if let Some(reading) = &mut state.reading
            && reading.revoked.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(Cut::Revoked);
        }
        let Some(deadline) = state.deadline else { return Poll::Pending };
        if alarm.deadline() != deadline {
            alarm.as_mut().reset(deadline);
        }
        let cut = if state.phase == Phase::Waiting { Cut::LateHead } else { Cut::SlowResponse };
        alarm.poll(cx).map(|()| cut)
    }
}

/// A stream that tells [`Progress`] when hyper has flushed all of its buffer: hyper flushes the stream
/// under it only then.
pub(super) struct Watched<T> {
    /// The stream itself.
    pub(super) stream: T,
    /// Who is told.
    pub(super) progress: Arc<Progress>,
}

impl<T: AsyncRead + Unpin> AsyncRead for Watched<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Watched<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.progress.wrote(written.is_ready(), Instant::now());
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.progress.wrote(written.is_ready(), Instant::now());
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.progress.wrote(flushed.is_ready(), Instant::now());
        ready!(flushed)?;
        self.progress.flushed(Instant::now());
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;

    use tokio::time::{advance, sleep_until};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_request_sent_ahead_does_not_move_the_deadline_of_the_answer_before_it() {
        let second = Duration::from_secs(1);
        let limits = Limits { first_request: 10 * second, head: 30 * second, response: 60 * second };
        let start = Instant::now();
        let progress = Progress::new(limits, start);
        progress.request_began(start);
        progress.body_ended(start);
        advance(50 * second).await;
        progress.request_began(Instant::now());

        let mut alarm = pin!(sleep_until(start));
        let cut = poll_fn(|cx| progress.poll_cut(alarm.as_mut(), cx)).await;
        assert_eq!((cut, Instant::now() - start), (Cut::SlowResponse, 60 * second));
    }
}
