//! Connections by the thousand.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// From how many addresses of this machine strangers come: each has a range of ports of its own.
const ADDRESSES: u64 = 64;

/// How many of a swarm connect at the same time.
const CONNECTING: usize = 256;

/// The longest that one may try to connect: who is refused tries no more.
const CONNECT_MAX: Duration = Duration::from_secs(30);

/// How one connects.
#[derive(Clone, Copy, Debug, Default)]
pub struct Manner {
    /// The receive buffer, in bytes; the system's if none.
    pub receive_buffer: Option<u32>,
    /// Whether its end is a reset, which leaves no port behind that is in use for a minute.
    pub resets: bool,
}

/// The stranger of this number connects.
///
/// # Errors
///
/// Those of the system.
pub async fn connect(to: SocketAddr, number: u64, manner: Manner) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    let host = u8::try_from(1 + number % ADDRESSES).unwrap_or(1);
    socket.bind(SocketAddr::from(([127, 0, 1, host], 0)))?;
    if let Some(bytes) = manner.receive_buffer {
        socket.set_recv_buffer_size(bytes)?;
    }
    if manner.resets {
        socket.set_zero_linger()?;
    }
    let stream = timeout(CONNECT_MAX, socket.connect(to)).await??;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// The same over TLS, as a client that goes by `tls`.
///
/// # Errors
///
/// Those of the system, and of TLS.
pub async fn connect_tls(
    to: SocketAddr,
    number: u64,
    manner: Manner,
    tls: Arc<ClientConfig>,
) -> io::Result<TlsStream<TcpStream>> {
    let stream = connect(to, number, manner).await?;
    let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
    timeout(CONNECT_MAX, TlsConnector::from(tls).connect(name, stream)).await?
}

/// Runs `count` strangers at once, each with its number and connection; what each of them gives back, those left out
/// who could not connect.
pub async fn swarm<T, F>(
    to: SocketAddr,
    count: u64,
    manner: Manner,
    act: impl Fn(u64, TcpStream) -> F + Clone + Send + 'static,
) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    swarm_by(count, move |number| connect(to, number, manner), act).await
}

/// The same, each connecting as `connect` does.
pub async fn swarm_by<S, C, T, F>(
    count: u64,
    connect: impl Fn(u64) -> C + Clone + Send + 'static,
    act: impl Fn(u64, S) -> F + Clone + Send + 'static,
) -> Vec<T>
where
    S: Send + 'static,
    C: Future<Output = io::Result<S>> + Send + 'static,
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let connecting = Arc::new(Semaphore::new(CONNECTING));
    let mut all = JoinSet::new();
    for number in 0..count {
        let (connecting, connect, act) = (Arc::clone(&connecting), connect.clone(), act.clone());
        all.spawn(async move {
            let stream = {
                let _turn = connecting.acquire_owned().await.ok()?;
                connect(number).await.ok()?
            };
            Some(act(number, stream).await)
        });
    }
    all.join_all().await.into_iter().flatten().collect()
}

/// `workers` strangers do one thing after the other, `count` in all or until `limit`; gives how many were done.
pub async fn in_turn<F>(
    workers: u64,
    count: u64,
    limit: Duration,
    act: impl Fn(u64) -> F + Clone + Send + 'static,
) -> u64
where
    F: Future<Output = ()> + Send + 'static,
{
    let next = Arc::new(AtomicU64::new(0));
    let until = Instant::now() + limit;
    let mut all = JoinSet::new();
    for _ in 0..workers {
        let (next, act) = (Arc::clone(&next), act.clone());
        all.spawn(async move {
            let mut done = 0;
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count || Instant::now() >= until {
                    return done;
                }
                act(number).await;
                done += 1;
            }
        });
    }
    all.join_all().await.into_iter().sum()
}

/// Reads until the other end closes; how long that took, if it happens within `limit`, and what was read of the first
/// kilobytes.
pub async fn until_closed(
    stream: &mut (impl AsyncRead + Unpin),
    limit: Duration,
) -> (Option<Duration>, Vec<u8>) {
    let begun = Instant::now();
    let mut heard = Vec::new();
    let reading = async {
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = stream.read(&mut buffer).await {
            if heard.len() < 4096 {
                heard.extend_from_slice(buffer.get(..length).unwrap_or_default());
            }
        }
    };
    let is_closed = timeout(limit, reading).await.is_ok();
    (is_closed.then(|| begun.elapsed()), heard)
}

/// Sends `bytes` and reads until the other end closes or `limit` is over.
pub async fn say(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    bytes: &[u8],
    limit: Duration,
) -> (Option<Duration>, Vec<u8>) {
    // The other end may close before it has all.
    let sending = async {
        stream.write_all(bytes).await?;
        stream.flush().await
    };
    let _ = timeout(limit, sending).await;
    until_closed(stream, limit).await
}

/// Reads on until what was read contains `wanted`; false when the connection ends or `limit` is over before.
pub async fn hear(stream: &mut (impl AsyncRead + Unpin), wanted: &str, limit: Duration) -> bool {
    let mut heard = Vec::new();
    let reading = async {
        loop {
            if heard.windows(wanted.len()).any(|window| window == wanted.as_bytes()) {
                return true;
            }
            match stream.read_buf(&mut heard).await {
                Ok(1..) => {}
                _ => return false,
            }
        }
    };
    timeout(limit, reading).await.unwrap_or(false)
}

/// Somebody who is in the fleet: said hello and had one sample answered.
///
/// # Errors
///
/// When it is not let in.
pub async fn join(to: SocketAddr, number: u64, name: &str, run: &str) -> io::Result<TcpStream> {
    let mut stream = connect(to, number, Manner::default()).await?;
    enter(&mut stream, &crate::frames::hello(name, run)).await?;
    Ok(stream)
}

/// Says `hello` and has one sample answered.
///
/// # Errors
///
/// When it is not let in.
pub async fn enter(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), hello: &str) -> io::Result<()> {
    let limit = Duration::from_secs(10);
    for (said, heard) in [(hello, "\"welcome\""), (&*crate::frames::sample(1), "\"ack\"")] {
        stream.write_all(said.as_bytes()).await?;
        stream.flush().await?;
        if !hear(stream, heard, limit).await {
            return Err(io::Error::other("was not let in"));
        }
    }
    Ok(())
}
