//! Compression of a rendering while it is made.

use std::io::{self, Write};

use bytes::{Bytes, BytesMut};
use flate2::Compression;
use flate2::write::GzEncoder;

use super::rendering::RenderingFailed;

/// The fastest level: repeated label names shrink tenfold with any, and a scrape waits for this.
const LEVEL: Compression = Compression::fast();

/// The size of the segments that compressed text is handed on in, in bytes.
const SEGMENT: usize = 64 * 1024;

/// Compresses a document into one gzip stream, which `hand_on` gets piece by piece; how long the document was, in
/// bytes. Runs for a while; not for async threads.
///
/// # Errors
///
/// When the document failed; none that memory can cause.
pub(super) fn compress(
    parts: impl IntoIterator<Item = Result<Bytes, RenderingFailed>>,
    hand_on: impl FnMut(Bytes),
) -> anyhow::Result<u64> {
    let mut length = 0;
    let mut encoder = GzEncoder::new(Sink { hand_on, segment: BytesMut::new() }, LEVEL);
    for part in parts {
        let part = part?;
        encoder.write_all(&part)?;
        length += part.len() as u64;
    }
    encoder.finish()?.hand_on();
    Ok(length)
}

/// Compresses a short document.
///
/// # Errors
///
/// None that memory can cause; whatever the encoder says.
pub(super) fn compress_whole(document: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), LEVEL);
    encoder.write_all(document)?;
    encoder.finish()
}

/// Collects what is written in segments of a fixed size.
struct Sink<F> {
    hand_on: F,
    segment: BytesMut,
}

impl<F: FnMut(Bytes)> Sink<F> {
    fn hand_on(&mut self) {
        (self.hand_on)(std::mem::take(&mut self.segment).freeze());
    }
}

impl<F: FnMut(Bytes)> Write for Sink<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.segment.len() == SEGMENT {
            self.hand_on();
        }
        if self.segment.capacity() == 0 {
            self.segment.reserve(SEGMENT);
        }
        let taken = bytes.len().min(SEGMENT - self.segment.len());
        self.segment.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;
    use proptest::prelude::*;

    use super::*;

    fn round_trip(segments: &[Bytes]) -> Vec<u8> {
        let mut compressed = Vec::new();
        let done = compress(segments.iter().cloned().map(Ok), |segment| compressed.push(segment));
        assert_eq!(done.expect("memory takes all"), segments.concat().len() as u64);
        assert!(compressed.iter().all(|segment| !segment.is_empty() && segment.len() <= SEGMENT));
        let mut plain = Vec::new();
        GzDecoder::new(&compressed.concat()[..]).read_to_end(&mut plain).expect("gzip");
        plain
    }

    #[test]
    fn a_short_document_comes_back() {
        let mut plain = Vec::new();
        GzDecoder::new(&compress_whole(b"short").expect("memory")[..]).read_to_end(&mut plain).expect("gzip");
        assert_eq!(plain, b"short");
    }

    #[test]
    fn what_failed_is_not_ended_as_if_it_were_whole() {
        let mut handed_on = 0;
        let failed = compress([Ok(Bytes::from_static(b"half")), Err(RenderingFailed)], |_| handed_on += 1);
        assert!(failed.is_err());
        assert_eq!(handed_on, 0);
    }

    #[test]
    fn nothing_is_a_valid_stream() {
        assert_eq!(round_trip(&[]), b"");
    }

    #[test]
    fn more_than_one_segment_comes_back_whole() {
        // Incompressible, so that the output needs several segments too.
        let mut random = fastrand::Rng::with_seed(1);
        let segments: Vec<_> =
            (0..5).map(|_| Bytes::from_iter((0..100_000).map(|_| random.u8(..)))).collect();
        assert_eq!(round_trip(&segments), segments.concat());
    }

    proptest! {
        #[test]
        fn any_segments_come_back_as_one(segments: Vec<Vec<u8>>) {
            let whole = segments.concat();
            let segments: Vec<_> = segments.into_iter().map(Bytes::from).collect();
            prop_assert_eq!(round_trip(&segments), whole);
        }
    }
}
