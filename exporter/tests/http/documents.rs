//! What the endpoints answer.

use std::collections::BTreeSet;
use std::io::Read;
use std::sync::atomic::Ordering::SeqCst;

use cpumon_exporter::http::HttpConfig;
use flate2::read::GzDecoder;

use crate::support::{Server, TestSite, eventually};

const METRICS: &str = "# HELP a_metric One.\n# TYPE a_metric gauge\na_metric 1\n";

fn small() -> TestSite {
    TestSite::new(&METRICS.split_inclusive('\n').map(str::as_bytes).collect::<Vec<_>>())
}

async fn start() -> Server {
    Server::start(small(), HttpConfig::default()).await
}

fn gunzip(compressed: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    GzDecoder::new(compressed).read_to_end(&mut plain).unwrap();
    plain
}

#[tokio::test]
async fn metrics_are_text_with_their_version() {
    let server = start().await;
    let answer = server.get("/metrics", "").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.text(), METRICS);
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert_eq!(answer.header("vary"), Some("Accept-Encoding"));
    assert_eq!(answer.header("content-encoding"), None);
}

#[tokio::test]
async fn metrics_come_compressed_when_asked_for() {
    let server = start().await;
    let answer =
        server.get("/metrics?a=query", "Accept-Encoding: br\r\nAccept-Encoding: gzip;q=0.5\r\n").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-encoding"), Some("gzip"));
    assert_eq!(answer.header("vary"), Some("Accept-Encoding"));
    assert_eq!(gunzip(&answer.body), METRICS.as_bytes());
}

#[tokio::test]
async fn a_large_document_arrives_whole_in_both_codings() {
    let server = Server::start(TestSite::huge(), HttpConfig::default()).await;
    let plain = server.get("/metrics", "").await;
    assert!(plain.body == server.site.whole());
    let compressed = server.get("/metrics", "Accept-Encoding: gzip\r\n").await;
    assert!(gunzip(&compressed.body) == server.site.whole());
    eventually("both renderings are freed", || server.site.in_memory.load(SeqCst) == 0).await;
}

/// Who speaks HTTP/1.0 knows of no chunks: the end of the connection is that of the document.
#[tokio::test]
async fn a_large_document_arrives_whole_over_http_1_0() {
    let server = Server::start(TestSite::huge(), HttpConfig::default()).await;
    let mut client = server.connect().await;
    client.send("GET /metrics HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").await;
    let (status, headers) = client.head().await.expect("an answer");
    assert_eq!((status, headers.get("transfer-encoding"), headers.get("content-length")), (200, None, None));
    assert!(client.until_closed().await == server.site.whole());
}

/// A part that breaks off must not be taken for the whole.
#[tokio::test]
async fn a_document_that_fails_on_the_way_cuts_its_connection_and_no_other() {
    let server = Server::start(TestSite::broken(), HttpConfig::default()).await;
    let mut other = server.connect().await;
    for headers in ["", "Accept-Encoding: gzip\r\n"] {
        let mut client = server.connect().await;
        client.get("/metrics", headers).await;
        let (status, head) = client.head().await.expect("an answer");
        assert_eq!((status, head.get("content-length")), (200, None));
        let body = client.until_closed().await;
        assert!(!body.ends_with(b"0\r\n\r\n"), "of {} bytes", body.len());
    }
    other.get("/-/healthy", "").await;
    assert_eq!(other.answer("GET").await.status, 200);
}

#[tokio::test]
async fn a_document_without_content_is_an_empty_body() {
    let server = Server::start(TestSite::new(&[]), HttpConfig::default()).await;
    let answer = server.get("/metrics", "").await;
    assert_eq!((answer.status, answer.header("content-length")), (200, Some("0")));
}

#[tokio::test]
async fn each_path_has_its_answer() {
    let server = start().await;
    let table = [
        ("/", 200, "text/html; charset=utf-8", "<a href=\"metrics\">"),
        ("/page/page.css", 200, "text/css; charset=utf-8", "color-scheme: light dark"),
        ("/page/page.js", 200, "text/javascript; charset=utf-8", "import"),
        ("/page/icon.svg", 200, "image/svg+xml; charset=utf-8", "<svg"),
        ("/page/", 404, "text/plain; charset=utf-8", "there are /, /metrics"),
        ("/api/agents/10.0.0.1:7", 200, "application/json", "10.0.0.1:7"),
        ("/api/agents/10.0.0.1%3A7", 200, "application/json", "10.0.0.1:7"),
        ("/api/agents/nobody", 404, "text/plain; charset=utf-8", "/api/agents lists those who are"),
        ("/api/agents/%FF", 404, "text/plain; charset=utf-8", "/api/agents lists those who are"),
        ("/metrics", 200, "text/plain; version=0.0.4; charset=utf-8", "a_metric 1\n"),
        ("/sd", 200, "application/json", "[\"test\"]"),
        ("/agents/web-1/metrics", 404, "text/plain; charset=utf-8", "no agent of this name is known"),
        ("/api/agents", 200, "application/json", "{\"agents\":[]}"),
        ("/-/healthy", 200, "text/plain; charset=utf-8", "healthy\n"),
        ("/-/ready", 200, "text/plain; charset=utf-8", "ready\n"),
        (
            "/nowhere",
            404,
            "text/plain; charset=utf-8",
            "there are /, /metrics, /sd, /agents/<agent>/metrics, /api/agents",
        ),
        ("/metrics/more", 404, "text/plain; charset=utf-8", "there are /, /metrics"),
        ("/api", 404, "text/plain; charset=utf-8", "there are /, /metrics"),
        ("/../metrics", 404, "text/plain; charset=utf-8", "there are /, /metrics"),
    ];
    for (path, status, content_type, part) in table {
        let answer = server.get(path, "").await;
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.header("content-type"), Some(content_type), "{path}");
        assert!(answer.text().contains(part), "{path}: {}", answer.text());
    }
}

#[tokio::test]
async fn every_answer_forbids_what_no_answer_needs() {
    let server = start().await;
    let refused = "Accept-Encoding: identity;q=0\r\n";
    for (path, headers, caching) in [
        ("/", "", "no-cache"),
        ("/page/page.js", "", "no-cache"),
        ("/api/agents/10.0.0.1:7", "", "no-store"),
        ("/metrics", "", "no-store"),
        ("/metrics", refused, "no-store"),
        ("/nowhere", "", "no-store"),
    ] {
        let answer = server.get(path, headers).await;
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("cache-control"), Some(caching), "{path}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{path}");
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none';"), "{path}: {policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
    }
}

#[tokio::test]
async fn a_coding_that_we_lack_is_406_and_says_what_there_is() {
    let server = start().await;
    for path in ["/metrics", "/api/agents"] {
        let answer = server.get(path, "Accept-Encoding: br, identity;q=0\r\n").await;
        assert_eq!(answer.status, 406, "{path}");
        assert_eq!(answer.header("vary"), Some("Accept-Encoding"));
        assert!(answer.text().contains("identity and gzip"), "{}", answer.text());
    }
}

#[tokio::test]
async fn not_ready_is_503_with_the_reason() {
    let mut site = small();
    site.ready = Err("the listener on 8080 is gone".to_owned());
    let server = Server::start(site, HttpConfig::default()).await;
    let answer = server.get("/-/ready", "").await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.text(), "not ready: the listener on 8080 is gone\n");
    assert_eq!(server.get("/-/healthy", "").await.status, 200);
}

#[tokio::test]
async fn head_has_the_headers_of_get_and_no_body() {
    let server = start().await;
    let mut client = server.connect().await;
    for path in ["/", "/metrics", "/api/agents", "/-/healthy", "/nowhere"] {
        let mut answers = Vec::new();
        for method in ["GET", "HEAD"] {
            client.request(method, path, "").await;
            let mut answer = client.answer(method).await;
            answer.headers.remove("date");
            answers.push(answer);
        }
        let (get, head) = (&answers[0], &answers[1]);
        assert_eq!((get.status, &get.headers), (head.status, &head.headers), "{path}");
        assert!(get.headers.contains_key("content-length"), "{path}");
    }
    // Had a HEAD been given a body, the answer after it would not have parsed. This one is the last.
    client.request("HEAD", "/metrics", "Connection: close\r\n").await;
    client.answer("HEAD").await;
    assert_eq!(client.until_closed().await, b"");
}

#[tokio::test]
async fn other_methods_are_405_with_what_is_allowed() {
    let server = start().await;
    let mut client = server.connect().await;
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW", "get"] {
        client.request(method, "/metrics", "").await;
        let answer = client.answer(method).await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")), "{method}");
        assert!(answer.text().contains("GET or HEAD"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    }
    assert_eq!(server.stats.accepted_connections.get(), 1, "the connection could be kept");
}

#[tokio::test]
async fn a_connection_is_kept_from_request_to_request() {
    let server = start().await;
    let mut client = server.connect().await;
    let mut sizes = BTreeSet::new();
    for _ in 0..50 {
        client.get("/metrics", "").await;
        sizes.insert(client.answer("GET").await.body.len());
    }
    assert_eq!(sizes, BTreeSet::from([METRICS.len()]));
    assert_eq!(server.stats.accepted_connections.get(), 1);
    assert_eq!(server.stats.open_connections.get(), 1);
    drop(client);
    server.all_closed().await;
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let server = start().await;
    let mut client = server.connect().await;
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n");
    client.send(get("/metrics") + &get("/-/healthy") + &get("/nowhere")).await;
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(client.answer("GET").await.status);
    }
    assert_eq!(statuses, [200, 200, 404]);
}

#[tokio::test]
async fn http_1_0_is_served_and_closed_unless_it_asks_to_stay() {
    let server = start().await;
    let mut client = server.connect().await;
    client.send("GET /-/healthy HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").await;
    assert_eq!(client.answer("GET").await.header("connection"), Some("keep-alive"));
    client.send("GET /-/healthy HTTP/1.0\r\n\r\n").await;
    assert_eq!(client.answer("GET").await.text(), "healthy\n");
    assert_eq!(client.until_closed().await, b"");
}

#[tokio::test]
async fn a_scrape_that_arrives_while_one_is_made_gets_a_later_one() {
    let server = start().await;
    server.site.shut_gate();
    let mut early = server.connect().await;
    early.get("/metrics", "").await;
    eventually("the first rendering has begun", || server.site.waiting_at_gate() == 1).await;

    let mut gone = server.connect().await;
    gone.get("/metrics", "").await;
    let mut late = server.connect().await;
    late.get("/metrics", "").await;
    drop(gone);
    server.site.open_gate();
    assert_eq!(early.answer("GET").await.text(), METRICS);
    assert_eq!(late.answer("GET").await.text(), METRICS);
    let renderings = server.stats.renderings.get();
    assert!((2..=3).contains(&renderings), "{renderings} renderings");
}
