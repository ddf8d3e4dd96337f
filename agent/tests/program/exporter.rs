//! The other end: a listener that a test speaks through, byte for byte.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};

use rustix::net::sockopt::{Timeout, set_socket_timeout};
use serde_json::{Value, json};

use super::process::FINISH;

/// A listening socket.
pub(super) struct Exporter(TcpListener);

/// A connection from an agent.
pub(super) struct Connection(BufReader<TcpStream>);

impl Exporter {
    pub(super) fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        set_socket_timeout(&listener, Timeout::Recv, Some(FINISH)).unwrap();
        Self(listener)
    }

    pub(super) fn address(&self) -> String {
        self.0.local_addr().unwrap().to_string()
    }

    /// The address, on which now nobody listens.
    pub(super) fn closed(self) -> String {
        self.address()
    }

    /// The next connection.
    pub(super) fn accept(&self) -> Connection {
        let (stream, _) = self.0.accept().expect("an agent connects");
        stream.set_read_timeout(Some(FINISH)).unwrap();
        Connection(BufReader::new(stream))
    }

    /// The next connection, past hello and welcome.
    pub(super) fn accept_and_welcome(&self) -> Connection {
        let mut connection = self.accept();
        assert_eq!(connection.frame()["t"], "hello");
        connection.welcome();
        connection
    }
}

impl Connection {
    /// The next object.
    pub(super) fn frame(&mut self) -> Value {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line:?}: {error}"))
    }

    pub(super) fn say(&mut self, frame: &Value) {
        self.say_text(&format!("{frame}\n"));
    }

    pub(super) fn say_text(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).unwrap();
    }

    pub(super) fn welcome(&mut self) {
        self.say(&json!({"v": 1, "t": "welcome", "stale_ms": 5_000}));
    }

    /// Acknowledges `frame`.
    pub(super) fn ack(&mut self, frame: &Value) {
        self.say(&json!({"v": 1, "t": "ack", "seq": frame["seq"]}));
    }

    /// Reads one byte and answers this one; an error when the agent has closed.
    pub(super) fn drip(&mut self, answer: u8) -> io::Result<()> {
        let stream = self.0.get_mut();
        stream.read_exact(&mut [0])?;
        stream.write_all(&[answer])
    }

    /// Waits until the agent closes; false when it says something before that.
    pub(super) fn is_at_end(&mut self) -> bool {
        self.0.read(&mut [0]).unwrap() == 0
    }
}
