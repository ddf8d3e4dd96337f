//! The body of an answer, without copies.

use std::convert::Infallible;
use std::io::IoSlice;
use std::iter;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
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
    type Data = Piece;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Piece>, B::Error>>> {
        let never = |frame: Result<Frame<Bytes>, Infallible>| frame.map_err(|never| match never {});
        let piece = |frame: Frame<Bytes>| frame.map_data(Piece::Bytes);
        match &mut self.content {
            Content::Route(body) => Pin::new(body).poll_frame(cx).map_ok(piece),
            Content::Text(body) => Pin::new(body).poll_frame(cx).map(|frame| frame.map(never)).map_ok(piece),
            Content::Shared(body) => {
                Poll::Ready(body.take().map(|text| Ok(Frame::data(Piece::Shared(text)))))
            }
            Content::Stream(parts) => {
                let part = ready!(parts.poll_next_unpin(cx));
                if part.is_some() {
                    self.progress.part_began(Instant::now());
                }
                Poll::Ready(part.map(|bytes| Ok(Frame::data(Piece::Bytes(bytes)))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Route(body) => body.is_end_stream(),
            Content::Text(body) => body.is_end_stream(),
            Content::Shared(body) => body.remaining() == 0,
            Content::Stream(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Route(body) => body.size_hint(),
            Content::Text(body) => body.size_hint(),
            Content::Shared(body) => SizeHint::with_exact(body.remaining()),
            Content::Stream(_) => SizeHint::default(),
        }
    }
}

/// How much of a rendering is written at once at most, in bytes: meanwhile the client reads what was written before. All
/// in one piece took a quarter longer until a client of the same machine had it.
const AT_ONCE: usize = 128 * 1024;

/// What hyper takes at once.
pub(super) enum Piece {
    /// Some bytes.
    Bytes(Bytes),
    /// A rendering.
    Shared(SharedText),
}

/// The whole of a rendering that others may be reading too, until hyper has taken it.
///
/// hyper gets all segments as one buffer: the streams, TLS too, take many slices at once, so that nothing is copied and
/// a call to the kernel takes [`AT_ONCE`] of them. Each segment by itself was a call, sixty of them for a page of 1,000
/// agents.
pub(super) struct SharedBody(Option<SharedText>);

impl SharedBody {
    /// Starts at the beginning.
    pub(super) fn new(rendering: Arc<Rendering>) -> Self {
        let remaining = rendering.length();
        Self((remaining > 0).then_some(SharedText { rendering, segment: 0, offset: 0, remaining }))
    }

    fn take(&mut self) -> Option<SharedText> {
        self.0.take()
    }

    fn remaining(&self) -> u64 {
        self.0.as_ref().map_or(0, |text| text.remaining)
    }
}

/// What is left of a rendering.
pub(super) struct SharedText {
    rendering: Arc<Rendering>,
    /// The segment that is being read.
    segment: usize,
    /// How much of it was read: never all of it.
    offset: usize,
    remaining: u64,
}

impl SharedText {
    /// The rest of each segment that has one.
    fn slices(&self) -> impl Iterator<Item = &[u8]> {
        let rest = self.rendering.segments().get(self.segment..).unwrap_or_default();
        let offsets = iter::once(self.offset).chain(iter::repeat(0));
        rest.iter().zip(offsets).filter_map(|(segment, offset)| segment.get(offset..))
    }
}

impl Buf for SharedText {
    fn remaining(&self) -> usize {
        usize::try_from(self.remaining).unwrap_or(usize::MAX)
    }

    fn chunk(&self) -> &[u8] {
        self.slices().next().unwrap_or_default()
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let (mut count, mut room) = (0, AT_ONCE);
        for (slice, bytes) in slices.iter_mut().zip(self.slices()) {
            let bytes = bytes.get(..room).unwrap_or(bytes);
            *slice = IoSlice::new(bytes);
            count += 1;
            room -= bytes.len();
            if room == 0 {
                break;
            }
        }
        count
    }

    /// Past the end is the end.
    fn advance(&mut self, count: usize) {
        self.remaining = self.remaining.saturating_sub(count as u64);
        self.offset += count;
        while let Some(segment) = self.rendering.segments().get(self.segment)
            && self.offset >= segment.len()
        {
            self.offset -= segment.len();
            self.segment += 1;
        }
    }
}

impl Buf for Piece {
    fn remaining(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.remaining(),
            Self::Shared(text) => text.remaining(),
        }
    }

    fn chunk(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes.chunk(),
            Self::Shared(text) => text.chunk(),
        }
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.chunks_vectored(slices),
            Self::Shared(text) => text.chunks_vectored(slices),
        }
    }

    fn advance(&mut self, count: usize) {
        match self {
            Self::Bytes(bytes) => bytes.advance(count),
            Self::Shared(text) => text.advance(count),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::super::leases::Leases;
    use super::*;

    /// Reads a rendering with segments of these lengths, `step` bytes at a time, from at most two slices.
    fn check(lengths: &[usize], step: usize) {
        let segments: Vec<_> =
            lengths.iter().zip(b'a'..).map(|(&length, byte)| Bytes::from(vec![byte; length])).collect();
        let expected = segments.concat();
        let lease = Leases::new(1, Duration::ZERO).grant(Instant::now());
        let rendering = Arc::new(Rendering::new(segments, lease));
        let mut body = SharedBody::new(Arc::clone(&rendering));
        assert_eq!(body.remaining(), expected.len() as u64);
        let Some(mut text) = body.take() else {
            return assert_eq!(expected, b"");
        };
        assert_eq!(body.remaining(), 0);
        let memory = rendering.segments().first().map(|segment| segment.as_ptr());
        assert_eq!(Some(text.chunk().as_ptr()), memory, "shared, not copied");

        let mut read = Vec::new();
        while text.has_remaining() {
            assert_eq!(text.remaining(), expected.len() - read.len());
            let mut slices = [IoSlice::new(b""); 2];
            let count = text.chunks_vectored(&mut slices);
            assert_eq!(text.chunk(), &*slices[0]);
            assert!(slices[..count].iter().all(|slice| !slice.is_empty()), "as hyper needs it");
            let seen: Vec<u8> = slices[..count].iter().flat_map(|slice| slice.to_vec()).collect();
            let taken = step.min(seen.len());
            read.extend_from_slice(&seen[..taken]);
            text.advance(taken);
        }
        assert_eq!(read, expected);
        assert_eq!(text.chunk(), b"");
    }

    #[test]
    fn a_rendering_is_read_whole_however_little_is_taken_at_once() {
        for lengths in [&[][..], &[0, 0], &[1], &[1, 0, 2], &[3, 1 << 10, 5, 5]] {
            for step in [1, 2, 3, 4, 1_000, usize::MAX] {
                check(lengths, step);
            }
        }
    }
}
