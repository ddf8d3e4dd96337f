//! Where text is written to: a vector that grows, or room of a fixed size.
//!
//! A page has tens of thousands of lines, each put together from half a dozen pieces. A vector tells its length to memory
//! after each of them and asks memory for it again before the next, and that took longer than the copies. Room is a slice
//! whose length so far stays in a register.

/// What text is appended to.
pub(super) trait Sink {
    /// Appends `bytes`.
    fn append(&mut self, bytes: &[u8]);

    /// Appends the first `length` of `bytes`. A copy of a known size is a few instructions and any other is a call, so all
    /// are copied, and those behind are written over by what comes next.
    fn append_first<const WIDTH: usize>(&mut self, length: usize, bytes: &[u8; WIDTH]);
}

impl Sink for Vec<u8> {
    fn append(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }

    fn append_first<const WIDTH: usize>(&mut self, length: usize, bytes: &[u8; WIDTH]) {
        let length = self.len() + length;
        self.extend_from_slice(bytes);
        self.truncate(length);
    }
}

/// Memory, and how much of it is written.
pub(super) struct Room<'a> {
    bytes: &'a mut [u8],
    length: usize,
}

impl<'a> Room<'a> {
    /// `bytes`, of which none are written.
    pub(super) const fn new(bytes: &'a mut [u8]) -> Self {
        Self { bytes, length: 0 }
    }

    /// How much is written.
    pub(super) const fn length(&self) -> usize {
        self.length
    }

    /// How much more there is room for.
    pub(super) const fn left(&self) -> usize {
        self.bytes.len() - self.length
    }
}

/// There must be room: who writes knows how long it can become, and asks before.
impl Sink for Room<'_> {
    #[inline(always)]
    fn append(&mut self, bytes: &[u8]) {
        self.bytes[self.length..][..bytes.len()].copy_from_slice(bytes);
        self.length += bytes.len();
    }

    #[inline(always)]
    fn append_first<const WIDTH: usize>(&mut self, length: usize, bytes: &[u8; WIDTH]) {
        self.bytes[self.length..][..WIDTH].copy_from_slice(bytes);
        self.length += length;
    }
}
