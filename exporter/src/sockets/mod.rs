//! What both listeners need of the operating system: bound sockets, descriptors, patience with `accept`.

mod accept_backoff;
mod descriptors;
mod listen;

pub(crate) use accept_backoff::AcceptBackoff;
pub(crate) use descriptors::{Room, room_for_connections};
pub(crate) use listen::{KernelBuffers, listen};
