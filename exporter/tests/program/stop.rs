//! Its end: in time whatever its clients do, and with nothing acknowledged that was not counted.

use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::io::ioctl_fionread;
use rustix::process::Signal;
use serde_json::json;

use crate::support::{Agent, Client, Exporter, LARGE_OBJECTS, Page, hello, sample, stuff};

/// A stop takes no longer, whatever happens.
const STOP_LIMIT: Duration = Duration::from_secs(5);

#[test]
fn both_signals_stop_it() {
    for (signal, name) in [(Signal::TERM, "SIGTERM"), (Signal::INT, "SIGINT")] {
        let mut exporter = Exporter::start(&[]);
        let mut agent = Agent::join(&exporter, "web-1");
        agent.sample();
        exporter.process.signal(signal);
        assert_eq!(exporter.process.event("stopping")["signal"], name);
        assert_eq!(exporter.process.event("stopped, every connection ended")["frames"], 2);
        assert_eq!(agent.client.until_closed(), b"");
        assert_eq!(exporter.process.wait().code(), Some(0));
        assert!(TcpStream::connect(exporter.ingest).is_err());
    }
}

#[test]
fn who_signals_again_does_not_wait() {
    for again in [Signal::TERM, Signal::INT] {
        // On a busy machine what looks stuck may have been slow: then there was nothing to wait for.
        let mut attempts = (0..5).map(|_| stopped_twice(again));
        let waited = attempts.find(|(status, _)| *status != Some(0));
        let (status, log) = waited.unwrap_or_else(|| panic!("it never had to wait"));
        assert_eq!(status, Some(1));
        assert!(log.contains("ending at once: this is the second signal"), "{log}");
    }
}

/// The status and the log of an exporter that waits for a client to read, and is signalled until it ends.
fn stopped_twice(again: Signal) -> (Option<i32>, String) {
    let hours = [("EXPORTER_STOP_TIMEOUT", "600s"), ("EXPORTER_HTTP_RESPONSE_TIMEOUT", "600s")];
    let mut exporter = Exporter::start(&hours);
    let _stuffed = stuffed_scraper(&exporter);
    exporter.process.signal(Signal::TERM);
    exporter.process.event("stopping");
    // Signals of the first second are taken for the same wish.
    while exporter.process.is_running() {
        exporter.process.signal(again);
        thread::sleep(Duration::from_millis(100));
    }
    (exporter.process.wait().code(), exporter.process.rest().collect())
}

/// A scraper that has asked again and again and read nothing, until the exporter waits for it.
fn stuffed_scraper(exporter: &Exporter) -> TcpStream {
    let mut stream = TcpStream::connect(exporter.http).unwrap();
    let request = format!("GET /metrics HTTP/1.1\r\nHost: test\r\nX-Long: {}\r\n\r\n", "x".repeat(4_000));
    let (answers, mut before) = (stream.try_clone().unwrap(), None);
    stuff(&mut stream, request.as_bytes(), || {
        // Not one more byte has come from an exporter that is awake.
        assert_eq!(Page::get(exporter.http, "/-/healthy", "").status, 200);
        let unread = Some(ioctl_fionread(&answers).unwrap());
        std::mem::replace(&mut before, unread) == unread
    });
    stream
}

/// More frames than the default, for a flood.
const FAST: (&str, &str) = ("EXPORTER_MAX_FRAME_RATE", "500");

/// How many frames one of the clients has sent at most, and how many answers it has read for sure.
#[derive(Clone, Copy, Debug)]
struct Score {
    sent: u64,
    acked: u64,
}

/// A variable for how many clients there are; ten of eleven that come on top of [`CLIENTS`] are idle agents, the
/// eleventh has stopped in the middle of a frame.
const CLIENTS_VARIABLE: &str = "CPUMON_TEST_CLIENTS";

/// How many there are without it.
const CLIENTS: usize = 210;

#[allow(clippy::disallowed_methods, reason = "a wish of who runs the tests, not of who runs the program")]
fn more_clients() -> usize {
    std::env::var(CLIENTS_VARIABLE)
        .map_or(0, |clients| clients.parse::<usize>().unwrap().saturating_sub(CLIENTS))
}

#[test]
fn clients_of_every_kind_do_not_hold_it_up() {
    // None of them is cut before, however long it takes until all are there.
    let patient =
        ["HELLO", "FRAME", "IDLE", "ORIGINAL_IDLE", "WRITE"].map(|what| format!("EXPORTER_{what}_TIMEOUT"));
    let mut variables = vec![FAST, LARGE_OBJECTS];
    variables.extend(patient.iter().map(|name| (name.as_str(), "600s")));
    variables.extend([("EXPORTER_MAX_AGENTS", "100000"), ("EXPORTER_MAX_CONNECTIONS", "100000")]);
    let mut exporter = Exporter::start(&variables);
    // These first: until they are stuck they look at pages, which are small yet.
    let stuffed = stuffed(&exporter, 20);
    let more = more_clients();
    let idle: Vec<_> =
        (0..80 + more * 10 / 11).map(|n| Agent::join(&exporter, &format!("idle-{n}"))).collect();
    let strangers: Vec<_> = (0..20).map(|_| Client::connect(&exporter)).collect();
    let half: Vec<_> = (0..60 + more / 11).map(|n| half_a_frame(&exporter, &format!("half-{n}"))).collect();
    let http: Vec<_> = (0..10).map(|_| half_a_request(&exporter)).collect();
    let flooding: Vec<_> = (0..20).map(|n| flood(&exporter, &format!("flood-{n}"))).collect();
    exporter.when("the flood is there", |metrics| {
        metrics.value(r#"cpumon_exporter_frames_total{format="v1"}"#) > Some(5_000.0)
    });

    exporter.process.signal(Signal::TERM);
    let signalled = Instant::now();
    let status = exporter.process.wait();
    let took = signalled.elapsed();
    assert_eq!(status.code(), Some(0));
    assert!(took <= STOP_LIMIT, "{took:?}");

    let frames = frames_counted(&mut exporter);
    let joined = (idle.len() + half.len()) as u64;
    let sent_by_stuffed: u64 = stuffed.iter().map(|(_, sent)| sent).sum();
    let total = Score { sent: joined + sent_by_stuffed, acked: joined };
    let total = flooding.into_iter().map(|client| client.join().unwrap()).fold(total, |total, score| Score {
        sent: total.sent + score.sent,
        acked: total.acked + score.acked,
    });
    assert!(total.acked <= frames && frames <= total.sent, "{total:?}, and {frames} were counted");
    drop((idle, strangers, half, http, stuffed));
}

/// What the log says at the end was counted.
fn frames_counted(exporter: &mut Exporter) -> u64 {
    let log: Vec<String> = exporter.process.rest().collect();
    let stopped = log.iter().find(|line| line.contains(r#""message":"stopped"#));
    let line = stopped.unwrap_or_else(|| panic!("{log:#?}"));
    serde_json::from_str::<serde_json::Value>(line).unwrap()["fields"]["frames"].as_u64().unwrap()
}

/// An agent that has stopped in the middle of a sample.
fn half_a_frame(exporter: &Exporter, name: &str) -> Agent {
    let mut agent = Agent::join(exporter, name);
    agent.client.send(r#"{"v":1,"t":"sample","seq":2,"The Perc"#);
    agent
}

/// A request that has stopped in the middle of its head.
fn half_a_request(exporter: &Exporter) -> TcpStream {
    let mut stream = TcpStream::connect(exporter.http).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: ").unwrap();
    stream
}

/// Clients that do not read their answers, so that the exporter waits for them, and how many objects each has sent.
fn stuffed(exporter: &Exporter, count: usize) -> Vec<(Client, u64)> {
    let start = |_| {
        let (mut client, is_stuck) = (Client::connect(exporter), exporter.takes_nothing());
        thread::spawn(move || {
            let sent = client.stuff(is_stuck);
            (client, sent)
        })
    };
    let clients: Vec<_> = (0..count).map(start).collect();
    clients.into_iter().map(|client| client.join().unwrap()).collect()
}

/// An agent that sends without waiting for its answers, which it reads.
fn flood(exporter: &Exporter, name: &str) -> JoinHandle<Score> {
    let agent = Agent::greet(exporter, &hello(name, "r1"));
    let mut stream = agent.client.stream();
    let sent = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&sent);
    thread::spawn(move || {
        let sender = thread::spawn(move || {
            for seq in 1.. {
                count.store(seq, SeqCst);
                if stream.write_all(sample(seq).to_string().as_bytes()).is_err() {
                    return;
                }
            }
        });
        let answers = String::from_utf8(agent.client.until_closed()).unwrap();
        sender.join().unwrap();
        let ack = |seq: u64| json!({"v": 1, "t": "ack", "seq": seq});
        let acks = answers.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        let mut acked = 0;
        for answer in acks {
            acked += 1;
            assert_eq!(serde_json::from_str::<serde_json::Value>(answer).unwrap(), ack(acked));
        }
        Score { sent: sent.load(SeqCst), acked }
    })
}
