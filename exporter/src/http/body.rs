//! The body of an answer, without copies.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::stream::{BoxStream, StreamExt};
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::Instant;

use super::progress::Progress;
use super::rendering::Rendering;

/// What an answer's body is made of; `B` is the body type of the routes.
pub(super) enum Content<B> {
    /// As the route made it.
    Route(B),
    /// A short text of the server itself.
    Text(Full<Bytes>),
    /// A rendering that other answers may carry too.
    Shared(SharedBody),
    /// Parts that come one by one, for as long as they do.
    Stream(BoxStream<'static, Bytes>),
}

/// The body of an answer; tells the connection's [`Progress`] when hyper is done with it.
pub(super) struct AnswerBody<B> {
    content: Content<B>,
    progress: Arc<Progress>,
}

impl<B> AnswerBody<B> {
    /// A body whose end is told to `progress`.
    pub(super) fn new(content: Content<B>, progress: Arc<Progress>) -> Self {
        Self { content, progress }
    }
}

impl<B> Drop for AnswerBody<B> {
    fn drop(&mut self) {
        self.progress.body_ended(Instant::now());
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for AnswerBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let never = |frame: Result<Frame<Bytes>, Infallible>| frame.map_err(|never| match never {});
        match &mut self.content {
            Content::Route(body) => Pin::new(body).poll_frame(cx),
            Content::Text(body) => Pin::new(body).poll_frame(cx).map(|frame| frame.map(never)),
            Content::Shared(body) => Poll::Ready(body.next_frame().map(|bytes| Ok(Frame::data(bytes)))),
            Content::Stream(parts) => {
                let part = ready!(parts.poll_next_unpin(cx));
                if part.is_some() {
                    self.progress.part_began(Instant::now());
                }
                Poll::Ready(part.map(|bytes| Ok(Frame::data(bytes))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Route(body) => body.is_end_stream(),
            Content::Text(body) => body.is_end_stream(),
            Content::Shared(body) => body.remaining == 0,
            Content::Stream(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Route(body) => body.size_hint(),
            Content::Text(body) => body.size_hint(),
            Content::Shared(body) => SizeHint::with_exact(body.remaining),
            Content::Stream(_) => SizeHint::default(),
        }
    }
}

/// Reads a rendering that others may be reading too.
///
/// Each segment is handed to hyper whole: the streams, TLS too, take several buffers at once, so that hyper copies
/// none, and take of them what they have room for. Smaller parts cost a tenth more of a scrape.
pub(super) struct SharedBody {
    rendering: Arc<Rendering>,
    segment: usize,
    remaining: u64,
}

impl SharedBody {
    /// Starts at the beginning.
    pub(super) fn new(rendering: Arc<Rendering>) -> Self {
        let remaining = rendering.length();
        Self { rendering, segment: 0, remaining }
    }

    /// The next segment.
    fn next_frame(&mut self) -> Option<Bytes> {
        let segment = self.rendering.segments().get(self.segment)?.clone();
        self.segment += 1;
        self.remaining = self.remaining.saturating_sub(segment.len() as u64);
        Some(segment)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::super::leases::Leases;
    use super::*;

    fn check(lengths: &[usize], expected_frames: &[usize]) {
        let segments: Vec<_> = lengths.iter().map(|length| Bytes::from(vec![b'x'; *length])).collect();
        let lease = Leases::new(1, Duration::ZERO).grant(Instant::now());
        let rendering = Arc::new(Rendering::new(segments, lease));
        let total: usize = lengths.iter().sum();
        assert_eq!(rendering.length(), total as u64);

        let mut body = SharedBody::new(Arc::clone(&rendering));
        assert_eq!(body.remaining, total as u64);
        let frames: Vec<_> = std::iter::from_fn(|| body.next_frame()).collect();
        assert_eq!(frames.iter().map(Bytes::len).collect::<Vec<_>>(), expected_frames, "{lengths:?}");
        assert_eq!(body.remaining, 0);

        let memory = rendering.segments().first().map(|segment| segment.as_ptr());
        assert_eq!(frames.first().map(|frame| frame.as_ptr()), memory, "shared, not copied");
    }

    #[test]
    fn segments_are_sent_whole_and_hold_no_copy() {
        check(&[], &[]);
        check(&[0, 0], &[]);
        check(&[1], &[1]);
        check(&[1, 0, 2], &[1, 2]);
        check(&[3, 1 << 20, 5], &[3, 1 << 20, 5]);
    }
}
