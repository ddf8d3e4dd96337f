//! The HTTP side over real sockets: bytes in, bytes out.

mod documents;
mod healthcheck;
mod limits;
mod malformed;
mod stop;
mod support;
