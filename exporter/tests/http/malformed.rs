//! Bytes that are no request, or one that could be two: each gets a 4xx or is closed.

use cpumon_exporter::http::HttpConfig;

use crate::support::{Client, Server, TestSite};

/// What a client sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    /// One answer with this status, and the connection is closed.
    Refused(u16),
    /// Closed without an answer.
    Closed,
    /// One answer with this status; the connection is kept.
    Served(u16),
}
use Seen::{Closed, Refused, Served};

async fn start() -> Server {
    Server::start(TestSite::new(&[b"a_metric 1\n"]), HttpConfig::default()).await
}

/// Sends `bytes`, followed where the connection is kept by a request that closes it.
async fn observe(client: &mut Client, bytes: &[u8], expected: Seen) -> Seen {
    client.try_send(bytes).await;
    if let Served(_) = expected {
        client.request("GET", "/-/healthy", "Connection: close\r\n").await;
    }
    let answers = String::from_utf8(client.until_closed().await).expect("text");
    let statuses: Vec<u16> = answers
        .split("HTTP/1.1 ")
        .chain(answers.split("HTTP/1.0 "))
        .filter_map(|answer| answer.get(..3)?.parse().ok())
        .collect();
    match statuses[..] {
        [] => Closed,
        [status] => Refused(status),
        [status, 200] if answers.ends_with("healthy\n") => Served(status),
        _ => panic!("unexpected answers: {answers}"),
    }
}

fn get(headers: &str) -> Vec<u8> {
    format!("GET /metrics HTTP/1.1\r\nHost: x\r\n{headers}\r\n").into_bytes()
}

fn post(headers: &str, body: &str) -> Vec<u8> {
    format!("POST /metrics HTTP/1.1\r\nHost: x\r\n{headers}\r\n{body}").into_bytes()
}

/// A whole request, to be hidden in the body of another.
const HIDDEN: &str = "GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n";

fn cases() -> Vec<(&'static str, Vec<u8>, Seen)> {
    let hidden = HIDDEN.len();
    let raw = |text: &str| text.as_bytes().to_vec();
    vec![
        // Two ideas of where the body ends.
        (
            "length and chunked",
            post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
            Refused(405),
        ),
        ("chunked and length", get("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), Refused(413)),
        ("two lengths", post("Content-Length: 5\r\nContent-Length: 6\r\n", "12345"), Refused(400)),
        ("one length twice", post("Content-Length: 5\r\nContent-Length: 5\r\n", "12345"), Refused(405)),
        ("lengths in a list", post("Content-Length: 5, 6\r\n", "12345"), Refused(400)),
        ("negative length", post("Content-Length: -1\r\n", ""), Refused(400)),
        ("signed length", post("Content-Length: +5\r\n", "12345"), Refused(400)),
        ("hexadecimal length", post("Content-Length: 0x5\r\n", "12345"), Refused(400)),
        ("length beyond 64 bits", post("Content-Length: 18446744073709551616\r\n", ""), Refused(400)),
        ("unknown coding", post("Transfer-Encoding: cow\r\n", ""), Refused(400)),
        ("chunked not last", post("Transfer-Encoding: chunked, gzip\r\n", ""), Refused(400)),
        (
            "chunked in 1.0",
            raw("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            Refused(400),
        ),
        ("hidden behind a length", post(&format!("Content-Length: {hidden}\r\n"), HIDDEN), Refused(405)),
        (
            "hidden behind a get's length",
            [get(&format!("Content-Length: {hidden}\r\n")), raw(HIDDEN)].concat(),
            Refused(413),
        ),
        (
            "hidden in a chunk",
            post("Transfer-Encoding: chunked\r\n", &format!("{hidden:x}\r\n{HIDDEN}\r\n0\r\n\r\n")),
            Refused(405),
        ),
        (
            "hidden behind a bad chunk",
            post("Transfer-Encoding: chunked\r\n", &format!("zz\r\n{HIDDEN}")),
            Refused(405),
        ),
        ("body to wait for", get("Content-Length: 5\r\nExpect: 100-continue\r\n"), Refused(413)),
        ("compressed body", get("Content-Length: 10737418240\r\nContent-Encoding: gzip\r\n"), Refused(413)),
        // Heads over their limits.
        ("101 headers", get(&(0..100).map(|n| format!("X-{n}: x\r\n")).collect::<String>()), Refused(431)),
        ("long header", get(&format!("X: {}\r\n", "x".repeat(17_000))), Refused(431)),
        ("long path", raw(&format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(17_000))), Refused(431)),
        // Heads that are none.
        ("space before the colon", get("Content-Length : 5\r\n"), Refused(400)),
        ("folded header", get("X: a\r\n b\r\n"), Refused(400)),
        ("header without a colon", get("nonsense\r\n"), Refused(400)),
        ("zero byte", get("X: a\0b\r\n"), Refused(400)),
        ("lone carriage return", get("X: a\rb\r\n"), Refused(400)),
        ("no host", raw("GET /metrics HTTP/1.1\r\n\r\n"), Refused(400)),
        ("two hosts", get("Host: y\r\n"), Refused(400)),
        ("http 0.9", raw("GET /metrics\r\n\r\n"), Refused(400)),
        ("http 1.2", raw("GET /metrics HTTP/1.2\r\nHost: x\r\n\r\n"), Refused(400)),
        ("http 3", raw("GET /metrics HTTP/3\r\nHost: x\r\n\r\n"), Refused(400)),
        ("no path", raw("GET  HTTP/1.1\r\nHost: x\r\n\r\n"), Refused(400)),
        ("space in the path", raw("GET /me trics HTTP/1.1\r\nHost: x\r\n\r\n"), Refused(400)),
        ("no http", raw("{\"The Percentage Of CPU USAGE\": 12.5}\r\n\r\n"), Refused(400)),
        ("tls", b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03".to_vec(), Refused(400)),
        ("http 2", raw("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"), Closed),
        // Unusual, and right.
        ("unknown method", raw("BREW /metrics HTTP/1.1\r\nHost: x\r\n\r\n"), Served(405)),
        ("asterisk", raw("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n"), Served(405)),
        ("tunnel", raw("CONNECT 10.0.0.1:22 HTTP/1.1\r\nHost: x\r\n\r\n"), Served(405)),
        ("absolute form", raw("GET http://elsewhere/metrics HTTP/1.1\r\nHost: x\r\n\r\n"), Served(200)),
        ("empty body", get("Content-Length: 0\r\n"), Served(200)),
        (
            "upgrade to http 2",
            get("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\n"),
            Served(200),
        ),
        ("empty lines ahead", [raw("\r\n\r\n"), get("")].concat(), Served(200)),
        ("bare line feeds", raw("GET /metrics HTTP/1.1\nHost: x\n\n"), Served(200)),
        ("99 headers", get(&(0..98).map(|n| format!("X-{n}: x\r\n")).collect::<String>()), Served(200)),
    ]
}

#[tokio::test]
async fn each_gets_its_one_answer() {
    let server = start().await;
    let mut wrong = Vec::new();
    for (name, bytes, expected) in cases() {
        let seen = observe(&mut server.connect().await, &bytes, expected).await;
        if seen != expected {
            wrong.push(format!("{name}: expected {expected:?}, saw {seen:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    server.all_closed().await;
    assert_eq!(server.stats.late_heads.get() + server.stats.slow_responses.get(), 0, "none had to time out");
    assert!(server.stats.malformed_requests.get() >= 20, "{}", server.stats.malformed_requests.get());
}

#[tokio::test]
async fn a_refused_body_is_not_read() {
    let server = start().await;
    let mut client = server.connect().await;
    client.send(post("Transfer-Encoding: chunked\r\n", "")).await;
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    let mut sent = 0;
    while sent < 1 << 30 && client.try_send(&chunk).await {
        sent += chunk.len();
    }
    assert!(sent < 1 << 30, "the server keeps reading");
    server.all_closed().await;
    assert_eq!(server.get("/metrics", "").await.status, 200);
}

#[tokio::test]
async fn a_head_without_end_is_not_read() {
    let server = start().await;
    let mut client = server.connect().await;
    client.send("GET /metrics HTTP/1.1\r\nHost: x\r\nX: ").await;
    let part = "x".repeat(1 << 20);
    let mut parts = 0;
    while parts < 1000 && client.try_send(&part).await {
        parts += 1;
    }
    assert!(parts < 1000, "the server keeps reading");
    server.all_closed().await;
    assert_eq!(server.stats.malformed_requests.get(), 1);
}

#[tokio::test]
async fn noise_ends_a_connection_and_nothing_else() {
    let server = start().await;
    let mut random = fastrand::Rng::with_seed(8000);
    for _ in 0..300 {
        let mut noise: Vec<u8> = (0..random.usize(1..600)).map(|_| random.u8(..)).collect();
        if random.bool() {
            // Close enough to a request to get further.
            noise.splice(..0, *b"GET /metrics HTTP/1.1\r\nHost: x\r\n");
        }
        noise.extend_from_slice(b"\r\n\r\n");
        let mut client = server.connect().await;
        client.try_send(&noise).await;
        client.try_send(b"\r\n\r\nGET / HTTP/1.0\r\n\r\n").await;
        let answer = client.until_closed().await;
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1."), "{answer:?}");
    }
    server.all_closed().await;
    assert_eq!(server.get("/metrics", "").await.status, 200);
}
