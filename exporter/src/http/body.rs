//! The body of an answer, without copies.

use std::convert::Infallible;
use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::stream::{BoxStream, StreamExt};
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::Instant;

use super::progress::Progress;
use super::rendering::Reader;

/// What an answer's body is made of; `B` is the body type of the routes.
pub(super) enum Content<B> {
    /// As the route made it.
    Route(B),
    /// A short text of the server itself.
    Text(Full<Bytes>),
    /// A rendering that other answers may carry too, and that may still be in the making.
    Shared(Reader),
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

impl<B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Unpin> Body for AnswerBody<B> {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let never = |never: Infallible| match never {};
        match &mut self.content {
            Content::Route(body) => Pin::new(body).poll_frame(cx).map_err(Into::into),
            Content::Text(body) => Pin::new(body).poll_frame(cx).map_err(never),
            Content::Shared(reader) => reader.poll_next(cx).map_ok(Frame::data).map_err(Into::into),
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
            Content::Shared(reader) => reader.remaining() == Some(0),
            Content::Stream(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Route(body) => body.size_hint(),
            Content::Text(body) => body.size_hint(),
            Content::Shared(reader) => {
                reader.remaining().map_or_else(SizeHint::default, SizeHint::with_exact)
            }
            Content::Stream(_) => SizeHint::default(),
        }
    }
}
