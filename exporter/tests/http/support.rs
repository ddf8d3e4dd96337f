//! A server on a free port, a site to show, and a client that speaks raw bytes.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use bytes::Bytes;
use cpumon_exporter::http::{Document, Feed, HttpConfig, HttpStats, Site, Step, Stopped, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// How long anything that must happen may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A limit that is short enough for a test to wait for.
pub(crate) const SHORT: Duration = Duration::from_millis(300);

/// Waits until `condition` holds, for states that nothing announces.
pub(crate) async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let waited = timeout(PATIENCE, async {
        while !condition() {
            sleep(Duration::from_millis(2)).await;
        }
    });
    assert!(waited.await.is_ok(), "still waiting until {what}");
}

/// Renders `segments` as they are, counts those still in memory, and can be held back.
pub(crate) struct TestSite {
    pub(crate) segments: Vec<Arc<[u8]>>,
    pub(crate) ready: Result<(), String>,
    pub(crate) in_memory: Arc<AtomicUsize>,
    /// What its feeds did.
    pub(crate) told: Arc<Told>,
    /// How long each part of a feed is, about.
    pub(crate) part_length: usize,
    /// Whether documents fail at their end.
    is_broken: bool,
    gate: Arc<Gate>,
}

#[derive(Default)]
struct Gate {
    is_shut: AtomicBool,
    waiting: AtomicUsize,
}

/// The segments of a [`TestSite`], once its gate is open.
struct TestDocument {
    segments: std::vec::IntoIter<Arc<[u8]>>,
    in_memory: Arc<AtomicUsize>,
    is_broken: bool,
    gate: Option<Arc<Gate>>,
}

impl Document for TestDocument {
    fn next(&mut self) -> Step {
        if self.gate.as_ref().is_some_and(|gate| gate.is_shut.load(SeqCst)) {
            return Step::Nothing;
        }
        if let Some(gate) = self.gate.take() {
            gate.waiting.fetch_sub(1, SeqCst);
        }
        let Some(segment) = self.segments.next() else {
            assert!(!self.is_broken, "as is meant");
            return Step::End;
        };
        self.in_memory.fetch_add(1, SeqCst);
        Step::Part(Bytes::from_owner(Tracked(segment, Arc::clone(&self.in_memory))))
    }
}

/// A document of whatever steps.
struct Steps<F>(F);

impl<F: FnMut() -> Step + Send> Document for Steps<F> {
    fn next(&mut self) -> Step {
        (self.0)()
    }
}

/// Counts down when nobody refers to it any more.
struct Tracked(Arc<[u8]>, Arc<AtomicUsize>);

impl AsRef<[u8]> for Tracked {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        self.1.fetch_sub(1, SeqCst);
    }
}

impl TestSite {
    pub(crate) fn new(segments: &[&[u8]]) -> Self {
        Self::from_segments(segments.iter().map(|segment| Arc::from(*segment)).collect())
    }

    fn from_segments(segments: Vec<Arc<[u8]>>) -> Self {
        Self {
            segments,
            ready: Ok(()),
            in_memory: Arc::default(),
            told: Arc::default(),
            part_length: 0,
            is_broken: false,
            gate: Arc::default(),
        }
    }

    /// A document that no socket buffer holds.
    pub(crate) fn huge() -> Self {
        Self::from_segments(vec![Arc::from(vec![b'#'; 4 << 20]); 6])
    }

    /// A long document that nothing compresses, and that fails at its end.
    pub(crate) fn broken() -> Self {
        let noise = || std::iter::repeat_with(|| fastrand::u8(..)).take(4 << 20).collect();
        Self { is_broken: true, ..Self::from_segments(vec![noise(), noise()]) }
    }

    pub(crate) fn whole(&self) -> Vec<u8> {
        self.segments.concat()
    }

    /// Lets renderings begin, but not end.
    pub(crate) fn shut_gate(&self) {
        self.gate.is_shut.store(true, SeqCst);
    }

    pub(crate) fn open_gate(&self) {
        self.gate.is_shut.store(false, SeqCst);
    }

    pub(crate) fn waiting_at_gate(&self) -> usize {
        self.gate.waiting.load(SeqCst)
    }
}

impl Site for TestSite {
    fn metrics(&self) -> Box<dyn Document> {
        self.gate.waiting.fetch_add(1, SeqCst);
        let segments = self.segments.clone();
        Box::new(TestDocument {
            segments: segments.into_iter(),
            in_memory: Arc::clone(&self.in_memory),
            is_broken: self.is_broken,
            gate: Some(Arc::clone(&self.gate)),
        })
    }

    fn agents(&self) -> Box<dyn Document> {
        let mut parts = [Step::Part(Bytes::from_static(b"{\"agents\":[]}"))].into_iter();
        Box::new(Steps(move || parts.next().unwrap_or(Step::End)))
    }

    fn targets(&self, host: &str) -> Option<Vec<u8>> {
        Some(format!("[{host:?}]").into())
    }

    fn agent_page<'a>(&'a self, _: &'a str, _: Duration) -> cpumon_exporter::http::PageOf<'a> {
        Box::pin(std::future::ready(cpumon_exporter::http::AgentPage::Unknown))
    }

    fn agent(&self, name: &str) -> Option<Vec<u8>> {
        (name == "10.0.0.1:7").then(|| b"{\"agent\":\"10.0.0.1:7\"}".to_vec())
    }

    fn feed(&self) -> Box<dyn Feed> {
        self.told.feeds.fetch_add(1, SeqCst);
        self.told.living.fetch_add(1, SeqCst);
        Box::new(TestFeed { told: Arc::clone(&self.told), padding: "x".repeat(self.part_length), count: 0 })
    }

    fn ready(&self) -> Result<(), String> {
        self.ready.clone()
    }
}

/// What the feeds of a site did.
#[derive(Default)]
pub(crate) struct Told {
    /// How many there were, ...
    pub(crate) feeds: AtomicUsize,
    /// ... and how many of them there are now.
    pub(crate) living: AtomicUsize,
    /// How often one told the whole, ...
    pub(crate) wholes: AtomicUsize,
    /// ... and what was new.
    pub(crate) parts: AtomicUsize,
}

/// Counts: the whole is how far it has come, a part is the next number.
struct TestFeed {
    told: Arc<Told>,
    padding: String,
    count: usize,
}

impl Feed for TestFeed {
    fn whole(&self, out: &mut Vec<u8>) {
        self.told.wholes.fetch_add(1, SeqCst);
        out.extend_from_slice(format!("event: whole\ndata: {}{}\n\n", self.count, self.padding).as_bytes());
    }

    fn next(&mut self, out: &mut Vec<u8>) {
        self.told.parts.fetch_add(1, SeqCst);
        self.count += 1;
        out.extend_from_slice(format!("event: part\ndata: {}{}\n\n", self.count, self.padding).as_bytes());
    }
}

impl Drop for TestFeed {
    fn drop(&mut self) {
        self.told.living.fetch_sub(1, SeqCst);
    }
}

/// A running server.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) site: Arc<TestSite>,
    pub(crate) stats: Arc<HttpStats>,
    pub(crate) stop: CancellationToken,
    pub(crate) task: JoinHandle<Stopped>,
}

impl Server {
    pub(crate) async fn start(site: TestSite, config: HttpConfig) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (site, stats, stop) = (Arc::new(site), Arc::new(HttpStats::default()), CancellationToken::new());
        let shown: Arc<dyn Site> = Arc::clone(&site) as _;
        let task = tokio::spawn(serve(listener, shown, config, Arc::clone(&stats), stop.clone()));
        Self { address, site, stats, stop, task }
    }

    pub(crate) async fn connect(&self) -> Client {
        Client {
            stream: TcpStream::connect(self.address).await.unwrap(),
            unread: Vec::new(),
            was_reset: false,
        }
    }

    /// One request on a connection of its own.
    pub(crate) async fn get(&self, path: &str, headers: &str) -> Answer {
        let mut client = self.connect().await;
        client.get(path, headers).await;
        client.answer("GET").await
    }

    /// Waits until no connection is open.
    pub(crate) async fn all_closed(&self) {
        eventually("all connections are closed", || self.stats.open_connections.get() == 0).await;
    }
}

/// An answer, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// A raw connection.
pub(crate) struct Client {
    stream: TcpStream,
    unread: Vec<u8>,
    /// Whether the server ended the connection by a reset.
    pub(crate) was_reset: bool,
}

impl Client {
    /// Its end of the connection.
    pub(crate) fn address(&self) -> SocketAddr {
        self.stream.local_addr().unwrap()
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Sends while the peer takes it; false when it no longer does.
    pub(crate) async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).await.is_ok()
    }

    pub(crate) async fn get(&mut self, path: &str, headers: &str) {
        self.request("GET", path, headers).await;
    }

    pub(crate) async fn request(&mut self, method: &str, path: &str, headers: &str) {
        self.send(format!("{method} {path} HTTP/1.1\r\nHost: test\r\n{headers}\r\n")).await;
    }

    /// Reads the head of an answer and nothing of the socket beyond what came with it.
    pub(crate) async fn head(&mut self) -> Option<(u16, BTreeMap<String, String>)> {
        let end = loop {
            if let Some(at) = self.unread.windows(4).position(|window| window == b"\r\n\r\n") {
                break at;
            }
            if self.read().await == 0 {
                return None;
            }
        };
        let head = String::from_utf8(self.unread.drain(..end + 4).collect()).unwrap();
        let mut lines = head.trim_end().lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines.map(|line| line.split_once(": ").unwrap());
        Some((status, headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect()))
    }

    /// Reads one answer to a request of `method`.
    pub(crate) async fn answer(&mut self, method: &str) -> Answer {
        let (status, headers) = self.head().await.expect("an answer");
        let length = match (method, headers.get("content-length")) {
            ("HEAD", _) => 0,
            (_, Some(length)) => length.parse().unwrap(),
            (_, None) => {
                assert_eq!(headers.get("transfer-encoding").map(String::as_str), Some("chunked"));
                let body = self.chunks().await;
                return Answer { status, headers, body };
            }
        };
        while self.unread.len() < length {
            assert_ne!(self.read().await, 0, "the body ends early, at {}", self.unread.len());
        }
        let body = self.unread.drain(..length).collect();
        Answer { status, headers, body }
    }

    /// Reads the next chunk of a chunked body as text; nothing at its end.
    pub(crate) async fn chunk(&mut self) -> String {
        String::from_utf8(self.part().await).unwrap()
    }

    /// Reads a chunked body to its end.
    pub(crate) async fn chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let part = self.part().await;
            if part.is_empty() {
                return body;
            }
            body.extend(part);
        }
    }

    async fn part(&mut self) -> Vec<u8> {
        let line_end = self.unread_until(b"\r\n").await;
        let size = std::str::from_utf8(&self.unread[..line_end]).unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        self.unread.drain(..line_end + 2);
        while self.unread.len() < size + 2 {
            assert_ne!(self.read().await, 0, "the chunk ends early");
        }
        self.unread.drain(..size + 2).take(size).collect()
    }

    /// Where `mark` stands in what was read, having read on until it does.
    async fn unread_until(&mut self, mark: &[u8]) -> usize {
        loop {
            if let Some(at) = self.unread.windows(mark.len()).position(|window| window == mark) {
                return at;
            }
            assert_ne!(self.read().await, 0, "the connection ends early");
        }
    }

    /// Reads until the server closes, or resets; what came until then.
    pub(crate) async fn until_closed(&mut self) -> Vec<u8> {
        while self.read().await > 0 {}
        std::mem::take(&mut self.unread)
    }

    /// 0 at the end of the connection, in whatever way it ends.
    async fn read(&mut self) -> usize {
        let mut part = vec![0; 1 << 16];
        let read = timeout(PATIENCE, self.stream.read(&mut part))
            .await
            .expect("the server neither sends nor closes");
        self.was_reset = matches!(&read, Err(error) if error.kind() == ErrorKind::ConnectionReset);
        let read = read.unwrap_or(0);
        self.unread.extend_from_slice(&part[..read]);
        read
    }
}
