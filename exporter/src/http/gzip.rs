//! Compression of a whole rendering.

use std::io::{self, Write};

use bytes::{Bytes, BytesMut};
use flate2::Compression;
use flate2::write::GzEncoder;

/// The size of the segments that the compressed document is kept in, in bytes. Segments, because one
/// buffer of unknown size would be copied each time it grows.
const SEGMENT: usize = 64 * 1024;

/// Compresses `segments` into one gzip stream, at the fastest level: repeated label names shrink tenfold
/// with any, and a scrape waits for this. Runs for a while; not for async threads.
///
/// # Errors
///
/// None that memory can cause; whatever the encoder says.
pub(super) fn compress(segments: &[Bytes]) -> io::Result<Vec<Bytes>> {
    let mut encoder = GzEncoder::new(Sink::default(), Compression::fast());
    for segment in segments {
        encoder.write_all(segment)?;
    }
    Ok(encoder.finish()?.into_segments())
}

/// Collects what is written in segments of a fixed size.
#[derive(Default)]
struct Sink {
    full: Vec<Bytes>,
    current: BytesMut,
}

impl Sink {
    fn into_segments(mut self) -> Vec<Bytes> {
        if !self.current.is_empty() {
            self.full.push(self.current.freeze());
        }
        self.full
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.current.len() == SEGMENT {
            self.full.push(std::mem::take(&mut self.current).freeze());
        }
        if self.current.capacity() == 0 {
            self.current.reserve(SEGMENT);
        }
        let taken = bytes.len().min(SEGMENT - self.current.len());
        self.current.extend_from_slice(&bytes[..taken]);
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
        let compressed = compress(segments).expect("memory takes all");
        assert!(compressed.iter().all(|segment| !segment.is_empty() && segment.len() <= SEGMENT));
        let mut plain = Vec::new();
        GzDecoder::new(&compressed.concat()[..]).read_to_end(&mut plain).expect("gzip");
        plain
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
