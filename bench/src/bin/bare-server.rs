//! The least that serving a fleet can cost: one thread, one epoll, read, find the line's end, answer. Nothing is
//! parsed or kept. Prints the port that it listens on.
//!
//! It says as much of version 1 as the load needs to go on: welcome to a connection's first line, then acks that
//! count. With a file as argument it answers each line with that file instead, as a server of a static page would.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::io::Errno;

const WELCOME: &[u8] = b"{\"v\":1,\"t\":\"welcome\",\"stale_ms\":5000}\n";

/// The listener's key; connections have their place in the list.
const LISTENER: u64 = u64::MAX;

struct Connection {
    stream: TcpStream,
    lines: u64,
}

fn main() -> io::Result<()> {
    let body = std::env::args_os().nth(1).map(std::fs::read).transpose()?;
    let room = cpumon_load::descriptors::room();
    let listener = TcpListener::bind("127.0.0.1:0")?;
    // The standard library's queue of 128 is too short for a fleet that connects at once.
    rustix::net::listen(&listener, 4096)?;
    writeln!(io::stdout(), "{}", listener.local_addr()?.port())?;

    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    epoll::add(&epoll, &listener, EventData::new_u64(LISTENER), EventFlags::IN)?;
    let mut connections: Vec<Option<Connection>> = Vec::with_capacity(room);
    let mut events = Vec::with_capacity(1024);
    let mut input = vec![0; 16 * 1024];
    let mut output = Vec::new();
    loop {
        match epoll::wait(&epoll, spare_capacity(&mut events), None) {
            // Whoever begins to trace this process interrupts it.
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for event in events.drain(..) {
            let key = event.data.u64();
            if key == LISTENER {
                let (stream, _) = listener.accept()?;
                stream.set_nodelay(true)?;
                // With a page to send, each write is to be finished, however long it takes.
                stream.set_nonblocking(body.is_none())?;
                let key = EventData::new_u64(connections.len() as u64);
                epoll::add(&epoll, &stream, key, EventFlags::IN)?;
                connections.push(Some(Connection { stream, lines: 0 }));
            } else if let Some(slot) = connections.get_mut(key as usize) {
                let is_open = slot.as_mut().is_some_and(|connection| {
                    serve(connection, &mut input, &mut output, body.as_deref()).is_ok_and(|open| open)
                });
                if !is_open {
                    *slot = None;
                }
            }
        }
    }
}

/// Reads once and answers; false at the end of the stream.
fn serve(
    connection: &mut Connection,
    input: &mut [u8],
    output: &mut Vec<u8>,
    body: Option<&[u8]>,
) -> io::Result<bool> {
    let length = connection.stream.read(input)?;
    if length == 0 {
        return Ok(false);
    }
    let bytes = input.get(..length).unwrap_or_default();
    if let Some(body) = body {
        if bytes.ends_with(b"\r\n\r\n") {
            write!(connection.stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len())?;
            connection.stream.write_all(body)?;
        }
        return Ok(true);
    }
    output.clear();
    for _ in memchr::memchr_iter(b'\n', bytes) {
        if connection.lines == 0 {
            output.extend_from_slice(WELCOME);
        } else {
            output.extend_from_slice(b"{\"v\":1,\"t\":\"ack\",\"seq\":");
            output.extend_from_slice(itoa::Buffer::new().format(connection.lines).as_bytes());
            output.extend_from_slice(b"}\n");
        }
        connection.lines += 1;
    }
    connection.stream.write_all(output)?;
    Ok(true)
}
