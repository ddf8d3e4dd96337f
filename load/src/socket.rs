//! A client's end of a TCP connection that never makes its thread wait.

use std::io;
use std::net::{SocketAddr, TcpStream};

use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with, sockopt};

/// Begins to connect to `address`; `epoll` tells with `key` when that is done, and from then on when bytes come.
pub(crate) fn begin(address: SocketAddr, epoll: &OwnedFd, key: u64) -> io::Result<TcpStream> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = socket_with(family, SocketType::STREAM, flags, None)?;
    sockopt::set_tcp_nodelay(&socket, true)?;
    match connect(&socket, &address) {
        Ok(()) | Err(Errno::INPROGRESS) => {}
        Err(error) => return Err(error.into()),
    }
    // Edge-triggered: one registration for the life of the connection.
    let events = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
    epoll::add(epoll, &socket, EventData::new_u64(key), events)?;
    Ok(socket.into())
}

/// What became of the attempt to connect.
pub(crate) fn outcome(stream: &TcpStream) -> io::Result<()> {
    sockopt::socket_error(stream)?.map_err(io::Error::from)
}
