//! A client's end of a TCP connection that never makes its thread wait.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};

use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, socket_with, sockopt};

/// How many connections one address makes. When half of a system's ports are taken, Linux looks through all of that half
/// before each new connection of the address, for a millisecond and longer; and connections that were closed before keep
/// their ports for a minute.
const CONNECTIONS_AN_ADDRESS: usize = 5_000;

/// Begins to connect to `address` as the client `number`; `epoll` tells with that number when it is done, and from then
/// on when bytes come.
pub(crate) fn begin(address: SocketAddr, epoll: &OwnedFd, number: usize) -> io::Result<TcpStream> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = socket_with(family, SocketType::STREAM, flags, None)?;
    sockopt::set_tcp_nodelay(&socket, true)?;
    if let Some(own) = own_address(address.ip(), number) {
        bind(&socket, &SocketAddr::from((own, 0)))?;
    }
    match connect(&socket, &address) {
        Ok(()) | Err(Errno::INPROGRESS) => {}
        Err(error) => return Err(error.into()),
    }
    // Edge-triggered: one registration for the life of the connection.
    let events = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
    epoll::add(epoll, &socket, EventData::new_u64(number as u64), events)?;
    Ok(socket.into())
}

/// Of 127.0.0.0/8, all of which is this machine, the address that a client connects from; elsewhere there is one address.
fn own_address(exporter: IpAddr, number: usize) -> Option<Ipv4Addr> {
    if !matches!(exporter, IpAddr::V4(address) if address.is_loopback()) {
        return None;
    }
    let nth = u8::try_from(number / CONNECTIONS_AN_ADDRESS).unwrap_or(u8::MAX);
    // What has room with the first address stays there.
    (nth > 0).then(|| Ipv4Addr::new(127, 0, 2, nth))
}

/// What became of the attempt to connect.
pub(crate) fn outcome(stream: &TcpStream) -> io::Result<()> {
    sockopt::socket_error(stream)?.map_err(io::Error::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_five_thousand_have_an_address_where_this_machine_has_many() {
        let own = |exporter: &str, number| own_address(exporter.parse().unwrap(), number);
        assert_eq!(own("127.0.0.1", 4_999), None);
        assert_eq!(own("127.0.0.1", 5_000), Some(Ipv4Addr::new(127, 0, 2, 1)));
        assert_eq!(own("127.0.0.1", 14_999), Some(Ipv4Addr::new(127, 0, 2, 2)));
        assert_eq!((own("10.1.2.3", 20_000), own("::1", 20_000)), (None, None));
    }
}
