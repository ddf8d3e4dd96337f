//! The limits of one connection, to the second, over a pipe that holds as little as a test wants.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;
use hyper::service::service_fn;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::super::progress::Limits;
use super::*;

impl Transport for DuplexStream {
    fn discard_on_close(&self) {}
}

const LIMITS: Limits = Limits {
    first_request: Duration::from_secs(10),
    head: Duration::from_secs(30),
    response: Duration::from_secs(60),
};

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";

/// A connection whose every answer has a body of `length` bytes, over a pipe that holds `capacity`.
struct Peer {
    pipe: DuplexStream,
    stop: Stop,
    began: Instant,
    task: JoinHandle<(Ending, Instant)>,
}

fn connect(capacity: usize, length: usize) -> Peer {
    let (pipe, transport) = duplex(capacity);
    let body = Bytes::from(vec![b'x'; length]);
    let routes = service_fn(move |_request| {
        let body = Full::new(body.clone());
        async { Ok::<_, Infallible>(Response::new(body)) }
    });
    let stop = Stop { gently: CancellationToken::new(), at_once: CancellationToken::new() };
    let given = stop.clone();
    let task = tokio::spawn(async move {
        let progress = Arc::new(Progress::new(LIMITS, Instant::now()));
        let guard = Guard { token: None, stats: Arc::default() };
        let ending = serve(transport, routes, guard, progress, &given, &CancellationToken::new()).await;
        (ending, Instant::now())
    });
    Peer { pipe, stop, began: Instant::now(), task }
}

impl Peer {
    async fn send(&mut self, bytes: &[u8]) {
        self.pipe.write_all(bytes).await.expect("the connection is open");
    }

    /// Reads one answer with a body of `length` bytes.
    async fn read_answer(&mut self, length: usize) {
        let mut read = Vec::new();
        loop {
            let head_end = read.windows(4).position(|window| window == b"\r\n\r\n");
            if head_end.is_some_and(|at| read.len() == at + 4 + length) {
                return;
            }
            assert_ne!(self.pipe.read_buf(&mut read).await.expect("an answer"), 0, "ended early");
        }
    }

    /// How the connection ended, and how many seconds after it began. The pipe stays open until then.
    async fn ending(self) -> (Ending, u64) {
        let (ending, at) = self.task.await.expect("no panic");
        drop(self.pipe);
        (ending, (at - self.began).as_secs())
    }
}

fn is_cut((ending, seconds): &(Ending, u64), cut: Cut, after: u64) -> bool {
    matches!(ending, Ending::Cut(why) if *why == cut) && *seconds == after
}

#[tokio::test(start_paused = true)]
async fn without_a_request_it_is_cut_after_ten_seconds() {
    for sent in [&b""[..], b"G", b"GET / HTTP/1.1\r\nHost: x\r\n"] {
        let mut peer = connect(4096, 1);
        peer.send(sent).await;
        let ending = peer.ending().await;
        assert!(is_cut(&ending, Cut::LateHead, 10), "{sent:?}: {ending:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_scrape_every_fifteen_seconds_keeps_its_connection() {
    let mut peer = connect(4096, 100);
    for _ in 0..100 {
        peer.send(GET).await;
        peer.read_answer(100).await;
        sleep(Duration::from_secs(15)).await;
    }
    let ending = peer.ending().await;
    let last_scrape = 99 * 15;
    assert!(is_cut(&ending, Cut::LateHead, last_scrape + 30), "{ending:?}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_hyper_has_but_cannot_send_counts_as_not_read() {
    // The whole body is one frame: hyper has it at once, the pipe takes a tenth of it.
    let mut peer = connect(1000, 10_000);
    peer.send(GET).await;
    let ending = peer.ending().await;
    assert!(is_cut(&ending, Cut::SlowResponse, 60), "{ending:?}");
}

#[tokio::test(start_paused = true)]
async fn reading_a_byte_a_second_buys_no_time() {
    let mut peer = connect(1000, 10_000);
    peer.send(GET).await;
    while peer.pipe.read_u8().await.is_ok() {
        sleep(Duration::from_secs(1)).await;
        if peer.task.is_finished() {
            break;
        }
    }
    let ending = peer.ending().await;
    assert!(is_cut(&ending, Cut::SlowResponse, 60), "{ending:?}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_read_late_but_in_time_leaves_the_full_rest() {
    let mut peer = connect(1000, 10_000);
    peer.send(GET).await;
    sleep(Duration::from_secs(59)).await;
    peer.read_answer(10_000).await;
    let ending = peer.ending().await;
    assert!(is_cut(&ending, Cut::LateHead, 59 + 30), "{ending:?}");
}

#[tokio::test(start_paused = true)]
async fn an_error_that_cannot_be_sent_keeps_nothing_open() {
    let mut peer = connect(32, 1);
    peer.send(b"no http\r\n\r\n").await;
    let ending = peer.ending().await;
    assert!(is_cut(&ending, Cut::LateHead, 10), "{ending:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_for_an_answer_under_way_and_only_so_long() {
    let mut finishes = connect(1000, 10_000);
    let mut stalls = connect(1000, 10_000);
    let mut rests = connect(1000, 10);
    for peer in [&mut finishes, &mut stalls, &mut rests] {
        peer.send(GET).await;
    }
    rests.read_answer(10).await;
    sleep(Duration::from_secs(1)).await;
    for peer in [&finishes, &stalls, &rests] {
        peer.stop.gently.cancel();
    }
    let ending = rests.ending().await;
    assert!(matches!(ending, (Ending::Stopped, 1)), "{ending:?}");

    sleep(Duration::from_secs(1)).await;
    finishes.read_answer(10_000).await;
    let ending = finishes.ending().await;
    assert!(matches!(ending, (Ending::Closed, 2)), "{ending:?}");

    let ending = stalls.ending().await;
    assert!(matches!(ending, (Ending::Stalled, 3)), "{ending:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stop_bears_who_reads_slowly_until_its_end() {
    let mut reads = connect(1000, 100_000);
    reads.send(GET).await;
    sleep(Duration::from_millis(1)).await;
    reads.stop.gently.cancel();
    for _ in 0..5 {
        sleep(Duration::from_millis(1_500)).await;
        reads.pipe.read_exact(&mut [0; 1000]).await.expect("it goes on");
    }
    reads.stop.at_once.cancel();
    let ending = reads.ending().await;
    assert!(matches!(ending, (Ending::Stopped, 7)), "{ending:?}");
}
