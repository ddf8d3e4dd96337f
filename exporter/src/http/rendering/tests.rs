use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::task::Wake;

use super::*;

#[derive(Default)]
struct Woken(AtomicU32);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

fn next(reader: &mut Reader, woken: &Arc<Woken>) -> Poll<Option<Result<Bytes, RenderingFailed>>> {
    reader.poll_next(&mut Context::from_waker(&Arc::clone(woken).into()))
}

fn segment(text: &'static str) -> Poll<Option<Result<Bytes, RenderingFailed>>> {
    Poll::Ready(Some(Ok(Bytes::from_static(text.as_bytes()))))
}

/// How many segments are in memory.
fn kept(rendering: &Rendering) -> usize {
    lock(&rendering.state).segments.len()
}

#[test]
fn what_is_there_is_read_while_the_rest_is_made() {
    let (rendering, woken) = (Arc::new(Rendering::default()), Arc::<Woken>::default());
    let mut reader = rendering.reader();
    assert!(reader.poll_begun(&mut Context::from_waker(&Arc::clone(&woken).into())).is_pending());
    rendering.push(Bytes::from_static(b"a"));
    assert_eq!(woken.0.load(SeqCst), 1);
    assert_eq!(next(&mut reader, &woken), segment("a"));
    assert!(next(&mut reader, &woken).is_pending());
    assert!(next(&mut reader, &woken).is_pending());
    assert_eq!(reader.remaining(), None);
    rendering.push(Bytes::new());
    rendering.push(Bytes::from_static(b"bc"));
    assert_eq!(woken.0.load(SeqCst), 2, "once for all that it waited");
    assert_eq!(rendering.end(Ok(())), 3);
    assert_eq!(reader.remaining(), Some(2));
    assert_eq!(next(&mut reader, &woken), segment("bc"));
    assert_eq!(next(&mut reader, &woken), Poll::Ready(None));
    assert_eq!(reader.remaining(), Some(0));
}

#[test]
fn a_segment_is_freed_when_the_last_reader_has_taken_it() {
    let (rendering, woken) = (Arc::new(Rendering::default()), Arc::<Woken>::default());
    let (mut first, mut second) = (rendering.reader(), rendering.reader());
    for text in ["a", "b", "c"] {
        rendering.push(Bytes::from_static(text.as_bytes()));
    }
    for text in ["a", "b"] {
        assert_eq!(next(&mut first, &woken), segment(text));
    }
    assert_eq!(kept(&rendering), 3);
    assert_eq!(next(&mut second, &woken), segment("a"));
    assert_eq!(kept(&rendering), 2);
    let mut third = second.clone();
    drop(second);
    assert_eq!(kept(&rendering), 2);
    assert_eq!(next(&mut third, &woken), segment("b"));
    assert_eq!(kept(&rendering), 1);
    drop(first);
    assert_eq!(next(&mut third, &woken), segment("c"));
    assert_eq!(kept(&rendering), 0);
    drop(third);
    assert!(rendering.is_unread());
    rendering.push(Bytes::from_static(b"d"));
    assert_eq!(kept(&rendering), 0);
}

#[test]
fn who_leaves_keeps_nothing_in_memory() {
    let (rendering, woken) = (Arc::new(Rendering::default()), Arc::<Woken>::default());
    let (slow, mut other) = (rendering.reader(), rendering.reader());
    for text in ["a", "b", "c"] {
        rendering.push(Bytes::from_static(text.as_bytes()));
    }
    assert_eq!(next(&mut other, &woken), segment("a"));
    drop(slow);
    assert_eq!(kept(&rendering), 2);
    drop(other);
    assert_eq!(kept(&rendering), 0);
}

#[test]
fn readers_are_told_of_a_failure_behind_what_there_is() {
    let (rendering, woken) = (Arc::new(Rendering::default()), Arc::<Woken>::default());
    let mut reader = rendering.reader();
    rendering.push(Bytes::from_static(b"half"));
    rendering.end(Err(RenderingFailed));
    rendering.end(Ok(()));
    assert_eq!(reader.remaining(), None);
    assert_eq!(next(&mut reader, &woken), segment("half"));
    assert_eq!(next(&mut reader, &woken), Poll::Ready(Some(Err(RenderingFailed))));
    let begun = reader.poll_begun(&mut Context::from_waker(&woken.into()));
    assert_eq!(begun, Poll::Ready(Err(RenderingFailed)));
}
