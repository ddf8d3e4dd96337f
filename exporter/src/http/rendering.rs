//! A finished document in memory.

use std::sync::Arc;

use bytes::Bytes;

use super::leases::Lease;

/// One document as it was at one moment, in one coding. Shared by all answers that carry it, and freed
/// with the last of them.
#[derive(Debug)]
pub(super) struct Rendering {
    segments: Vec<Bytes>,
    length: u64,
    lease: Arc<Lease>,
}

impl Rendering {
    /// Takes the segments as they are; empty ones are left out.
    pub(super) fn new(mut segments: Vec<Bytes>, lease: Arc<Lease>) -> Self {
        segments.retain(|segment| !segment.is_empty());
        let length = segments.iter().map(|segment| segment.len() as u64).sum();
        Self { segments, length, lease }
    }

    /// The parts of the document, in order; none is empty.
    pub(super) fn segments(&self) -> &[Bytes] {
        &self.segments
    }

    /// The length of all segments, in bytes.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// The right to stay in memory, for as long as it is not revoked.
    pub(super) fn lease(&self) -> &Arc<Lease> {
        &self.lease
    }
}
