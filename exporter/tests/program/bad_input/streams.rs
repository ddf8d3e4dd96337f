//! Objects that never end, on many connections at once.

use std::io::Write;
use std::sync::{Arc, Barrier};
use std::thread;

use rustix::net::sockopt::set_socket_send_buffer_size;

use super::table::At;
use super::{client_at, newly_rejected, objects, rejected};
use crate::support::{Exporter, HonestFleet};

/// How many clients do it at once.
const CLIENTS: usize = 200;

/// What a connection that is cut at `limit` may cost besides, in bytes of memory: its task and its socket.
const OVERHEAD: usize = 16 * 1024;

/// What the exporter may take beyond that, whatever it does: buffers of its threads, pages that are free again.
const SLACK: usize = 8 * 1024 * 1024;

/// The most that a client gets rid of before it is cut, in bytes: what the kernel buffers on both sides.
const SENT_MAX: usize = 8 * 1024 * 1024;

#[test]
fn a_never_ending_object_is_cut_at_the_limit_and_costs_nobody_else_a_sample() {
    let exporter = Exporter::start(&[("EXPORTER_FRAME_TIMEOUT", "60s"), ("EXPORTER_HELLO_TIMEOUT", "60s")]);
    let fleet = HonestFleet::start(&exporter);
    for (at, limit) in [(At::Start, 4 * 1024), (At::Live, 64 * 1024), (At::Original, 4 * 1024)] {
        let before = rejected(&exporter.metrics());
        let memory = exporter.peak_memory();
        let bounds = Arc::new(Barrier::new(CLIENTS));
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                let (client, bounds) = (client_at(&exporter, at), Arc::clone(&bounds));
                thread::spawn(move || stream_without_end(client, at, limit, &bounds))
            })
            .collect();
        for client in clients {
            client.join().unwrap();
        }
        let counted = newly_rejected(&exporter, &before);
        assert_eq!(counted, [("too_large".to_owned(), CLIENTS as u64)], "{at:?}");
        let grown = exporter.peak_memory() - memory;
        assert!(grown <= (CLIENTS * (limit + OVERHEAD) + SLACK) as u64, "{at:?}: {grown} bytes more");
    }
    fleet.finish(&exporter);
}

/// Begins an object, waits until everybody has filled the room that there is, and goes on until it is cut.
fn stream_without_end(client: crate::support::Client, at: At, limit: usize, everybody_is_there: &Barrier) {
    let mut stream = client.stream();
    // So that what is sent has to go somewhere else than into this client's own kernel.
    set_socket_send_buffer_size(&stream, 64 * 1024).unwrap();
    let mut chunk = vec![b'x'; limit - 2];
    chunk[..2].copy_from_slice(b"{\"");
    stream.write_all(&chunk).unwrap();
    everybody_is_there.wait();
    chunk.fill(b'x');
    let mut sent = chunk.len();
    while stream.write_all(&chunk).is_ok() {
        sent += chunk.len();
        assert!(sent < SENT_MAX, "{at:?}: not cut after {sent} bytes");
    }
    let answers = objects(&client.until_closed());
    match at {
        At::Original => assert_eq!(answers, [""; 0]),
        At::Start | At::Live => {
            assert!(answers.len() == 1 && answers[0].contains("send smaller ones"), "{answers:?}");
        }
    }
}
