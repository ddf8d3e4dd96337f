//! What a link wants of its driver.

use super::rendezvous::Place;

/// What the driver is to do now, after it has written what the call appended to `out`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Action {
    /// Nothing but that.
    None,
    /// Resolve the names of all exporters, then call [`Link::resolved`](super::Link::resolved).
    Resolve,
    /// Open a connection to it, then call [`Link::connected`](super::Link::connected) or
    /// [`Link::failed`](super::Link::failed).
    Open(Place),
    /// Close the connection, and the second one if there is one, and resolve no more. No call of
    /// [`Link::failed`](super::Link::failed) is due for it.
    Close,
    /// Open a second connection, beside the one that goes on, in place of any other second one; then call
    /// [`Link::second_connected`](super::Link::second_connected) or [`Link::second_failed`](super::Link::second_failed).
    OpenSecond(Place),
    /// Close the second connection, and resolve no more. No call of
    /// [`Link::second_failed`](super::Link::second_failed) is due for it.
    CloseSecond,
    /// Close the connection, put the second one in its place, and call [`Link::switched`](super::Link::switched).
    Switch,
}
