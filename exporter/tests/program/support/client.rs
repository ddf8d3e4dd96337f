//! Clients of an exporter: one that speaks bytes, and one that speaks v1.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::thread;
use std::time::Duration;

use rustix::net::{AddressFamily, SocketType, bind, connect, socket, sockopt};
use serde_json::{Value, json};

use super::{Exporter, PATIENCE, frames};

/// When nothing was taken for so long, it is asked whether anything will be.
const STUFFED: Duration = Duration::from_millis(500);

/// The variable that lets [`Client::stuff`] send large objects, with which it is done soon.
pub(crate) const LARGE_OBJECTS: (&str, &str) = ("EXPORTER_MAX_FRAME_UNGREETED", "64KiB");

/// A connection to an exporter, as bytes.
#[derive(Debug)]
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    /// Connects.
    pub(crate) fn connect(exporter: &Exporter) -> Self {
        Self::to(exporter.ingest)
    }

    /// Connects to this address.
    pub(crate) fn to(ingest: SocketAddr) -> Self {
        Self::of(TcpStream::connect(ingest).unwrap())
    }

    /// Connects from another address of this machine.
    pub(crate) fn connect_from(exporter: &Exporter, address: IpAddr) -> Self {
        let socket = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        bind(&socket, &SocketAddr::from((address, 0))).unwrap();
        connect(&socket, &exporter.ingest).unwrap();
        Self::of(socket.into())
    }

    fn of(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream: BufReader::new(stream) }
    }

    /// Its own address, as the exporter sees it.
    pub(crate) fn endpoint(&self) -> SocketAddr {
        self.stream.get_ref().local_addr().unwrap()
    }

    /// Another handle of the same connection, to write while this one reads.
    pub(crate) fn stream(&self) -> TcpStream {
        self.stream.get_ref().try_clone().unwrap()
    }

    /// Sends bytes.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.get_mut().write_all(bytes.as_ref()).unwrap();
    }

    /// Sends a frame and its line end.
    pub(crate) fn send_frame(&mut self, frame: &Value) {
        self.send(format!("{frame}\n"));
    }

    /// Says that nothing more will be sent.
    pub(crate) fn end(&mut self) {
        // The exporter may have closed already.
        let _ = self.stream.get_ref().shutdown(Shutdown::Write);
    }

    /// The next answer, which is a line with a frame.
    pub(crate) fn frame(&mut self) -> Value {
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        assert!(line.ends_with('\n'), "the connection ended after {line:?}");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    /// The next answer, which is this long.
    pub(crate) fn bytes(&mut self, count: usize) -> String {
        let mut bytes = vec![0; count];
        self.stream.read_exact(&mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    /// Sends bytes, says that they were the last, and returns all answers.
    pub(crate) fn finish_with(self, bytes: Vec<u8>) -> Vec<u8> {
        self.send_beside(bytes, true)
    }

    /// Sends bytes, does not leave, and returns what came until the exporter closed the connection.
    pub(crate) fn insist_on(self, bytes: Vec<u8>) -> Vec<u8> {
        self.send_beside(bytes, false)
    }

    /// Reads while it sends: an exporter that has to wait for its reader reads nothing more itself.
    fn send_beside(self, bytes: Vec<u8>, is_all: bool) -> Vec<u8> {
        let mut stream = self.stream();
        let sender = thread::spawn(move || {
            // The exporter may close before it has read all of it.
            if stream.write_all(&bytes).is_ok() && is_all {
                let _ = stream.shutdown(Shutdown::Write);
            }
        });
        let answers = self.until_closed();
        sender.join().unwrap();
        answers
    }

    /// What else the exporter sends until it closes the connection.
    pub(crate) fn until_closed(mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        match self.stream.read_to_end(&mut bytes) {
            Ok(_) => bytes,
            // Closed while bytes of ours were still under way.
            Err(error) if error.kind() == ErrorKind::ConnectionReset => bytes,
            Err(error) => panic!("the connection is still open: {error}"),
        }
    }

    /// Sends objects of the original and reads no answer, until the exporter waits for this client and `is_stuck`.
    /// Returns how many that were at most. The exporter must take [`LARGE_OBJECTS`].
    pub(crate) fn stuff(&mut self, is_stuck: impl FnMut() -> bool) -> u64 {
        let object = format!("{{\"x\":\"{}\",\"{}\":1}}", "x".repeat(60_000), frames::PERCENT);
        stuff(self.stream.get_mut(), object.as_bytes(), is_stuck)
    }

    /// Ends like a machine that crashes and comes back: a reset, and no end of the stream.
    pub(crate) fn reset(self) {
        sockopt::set_socket_linger(self.stream.get_ref().as_fd(), Some(Duration::ZERO)).unwrap();
    }
}

/// Sends `unit` again and again, until nothing more is taken and `is_stuck`: both kernels are full of answers then
/// that nobody reads. Also returns when the connection is cut. Returns how many that were at most.
pub(crate) fn stuff(stream: &mut TcpStream, unit: &[u8], mut is_stuck: impl FnMut() -> bool) -> u64 {
    stream.set_write_timeout(Some(STUFFED)).unwrap();
    let (mut sent, mut rest) = (1, unit);
    loop {
        match stream.write(rest) {
            Ok(count) => rest = &rest[count..],
            Err(error) if error.kind() == ErrorKind::WouldBlock && !is_stuck() => {}
            Err(_) => return sent,
        }
        if rest.is_empty() {
            (sent, rest) = (sent + 1, unit);
        }
    }
}

/// A v1 agent that the exporter has welcomed.
#[derive(Debug)]
pub(crate) struct Agent {
    pub(crate) client: Client,
    /// The last sample's place in the run.
    pub(crate) seq: u64,
}

impl Agent {
    /// An agent of this name, with a run of its own, that has sent its first sample.
    pub(crate) fn join(exporter: &Exporter, name: &str) -> Self {
        let mut agent = Self::greet(exporter, &frames::hello(name, &format!("run-of-{name}")));
        agent.sample();
        agent
    }

    /// An agent with this hello that has sent no sample yet.
    pub(crate) fn greet(exporter: &Exporter, hello: &Value) -> Self {
        let mut client = Client::connect(exporter);
        client.send_frame(hello);
        let answer = client.frame();
        assert_eq!(answer["t"], "welcome", "{answer}");
        Self { client, seq: 0 }
    }

    /// Sends the next sample and reads its ack.
    pub(crate) fn sample(&mut self) {
        let frame = frames::sample(self.seq + 1);
        self.send(frame);
    }

    /// Sends this sample in place of the next one and reads its ack.
    pub(crate) fn send(&mut self, sample: Value) {
        self.seq = sample["seq"].as_u64().unwrap();
        self.client.send_frame(&sample);
        assert_eq!(self.client.frame(), json!({"v": 1, "t": "ack", "seq": self.seq}));
    }

    /// Says bye, reads the ack, and sees the connection closed.
    pub(crate) fn bye(mut self) {
        self.client.send_frame(&json!({"v": 1, "t": "bye", "reason": "stop"}));
        assert_eq!(self.client.frame()["t"], "ack");
        assert_eq!(self.client.until_closed(), b"");
    }
}
