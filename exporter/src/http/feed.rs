//! What `/events` tells, as a trait: the only thing that it knows of what happens.

/// Something that changes all the time, told in parts: each is one or more whole server-sent events.
///
/// Both methods run on a blocking thread, and never at the same time.
pub trait Feed: Send + 'static {
    /// Appends all that is known, for a reader who knows nothing: he goes on with what [`next`](Self::next) says next.
    fn whole(&self, out: &mut Vec<u8>);

    /// Looks at what has happened and appends what is new since the look before.
    fn next(&mut self, out: &mut Vec<u8>);
}
