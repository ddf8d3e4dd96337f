//! Bound sockets.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Context as _;
use tokio::net::{TcpListener, TcpSocket};

/// How many connections may wait to be accepted: a fleet that comes back all at once.
const BACKLOG: u32 = 4096;

/// What the kernel keeps of each connection, in bytes; the system's own bounds where none is given. Without them a
/// peer that does not read, or that is not read from, makes the kernel keep megabytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct KernelBuffers {
    /// What was received and not read.
    pub(crate) received: Option<u32>,
    /// What was written and not acknowledged by the peer's kernel.
    pub(crate) sent: Option<u32>,
}

/// Listens on `address`. `[::]` takes IPv4 too, and where a machine or container has no IPv6 it is `0.0.0.0`.
///
/// # Errors
///
/// Names `variable`, the address, and what would help.
pub(crate) fn listen(
    variable: &str,
    address: SocketAddr,
    buffers: KernelBuffers,
) -> anyhow::Result<TcpListener> {
    match bind(address, buffers) {
        Err(error) if is_any_v6(address) && has_no_ipv6(&error) => {
            let fallback = SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port()));
            tracing::info!(%address, %fallback, "there is no IPv6 here");
            bind(fallback, buffers)
        }
        outcome => outcome,
    }
    .with_context(|| {
        format!(
            "cannot listen on {variable}={address}; give an address and port of this machine that are free"
        )
    })
}

fn bind(address: SocketAddr, buffers: KernelBuffers) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A restart must not wait for the connections of the process before it to time out.
    socket.set_reuseaddr(true)?;
    // What is accepted has the listener's bounds.
    if let Some(bytes) = buffers.received {
        socket.set_recv_buffer_size(bytes)?;
    }
    if let Some(bytes) = buffers.sent {
        socket.set_send_buffer_size(bytes)?;
    }
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn is_any_v6(address: SocketAddr) -> bool {
    address.is_ipv6() && address.ip().is_unspecified()
}

fn has_no_ipv6(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let code = error.raw_os_error().map(Errno::from_raw_os_error);
    matches!(code, Some(Errno::AFNOSUPPORT | Errno::ADDRNOTAVAIL | Errno::PROTONOSUPPORT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_taken_port_is_named_with_its_variable() {
        let taken = listen("EXPORTER_X", "127.0.0.1:0".parse().unwrap(), KernelBuffers::default()).unwrap();
        let address = taken.local_addr().unwrap();
        let error =
            format!("{:#}", listen("EXPORTER_HTTP_LISTEN", address, KernelBuffers::default()).unwrap_err());
        assert!(error.contains(&format!("EXPORTER_HTTP_LISTEN={address}")), "{error}");
    }

    #[tokio::test]
    async fn any_address_takes_ipv4() {
        let any = listen("EXPORTER_X", "[::]:0".parse().unwrap(), KernelBuffers::default()).unwrap();
        let port = any.local_addr().unwrap().port();
        let (accepted, connected) =
            tokio::join!(any.accept(), tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)));
        assert!(accepted.is_ok() && connected.is_ok());
    }
}
