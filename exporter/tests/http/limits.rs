//! Clients that take too long, or too much.

use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use cpumon_exporter::http::HttpConfig;
use tokio::time::sleep;

use crate::support::{Client, PATIENCE, SHORT, Server, TestSite, eventually};

async fn start(config: HttpConfig) -> Server {
    Server::start(TestSite::new(&[b"a_metric 1\n"]), config).await
}

/// What a client does on a new connection whose first request has to be there within [`SHORT`].
async fn check_first_request(sent: &[u8], pause: Duration) {
    let server = start(HttpConfig { first_request_limit: SHORT, ..HttpConfig::default() }).await;
    let began = Instant::now();
    let mut client = server.connect().await;
    for byte in sent {
        if !client.try_send([*byte]).await {
            break;
        }
        sleep(pause).await;
    }
    assert_eq!(client.until_closed().await, b"", "closed without an answer");
    let elapsed = began.elapsed();
    assert!(elapsed >= SHORT, "closed after only {elapsed:?}");
    assert!(elapsed < PATIENCE, "closed after {elapsed:?}");
    server.all_closed().await;
    assert_eq!(server.stats.late_heads.get(), 1);
}

#[tokio::test]
async fn a_silent_connection_is_closed() {
    check_first_request(b"", Duration::ZERO).await;
}

#[tokio::test]
async fn half_a_head_is_closed() {
    check_first_request(b"GET /metrics HTTP/1.1\r\nHost: te", Duration::ZERO).await;
}

#[tokio::test]
async fn a_head_in_single_bytes_buys_no_time() {
    let head = "GET /metrics HTTP/1.1\r\n".to_owned() + &"X-Padding: x\r\n".repeat(100);
    check_first_request(head.as_bytes(), Duration::from_millis(10)).await;
}

#[tokio::test]
async fn a_kept_connection_may_rest_for_the_head_limit_and_no_longer() {
    let server = start(HttpConfig { head_limit: SHORT, ..HttpConfig::default() }).await;
    for begun in ["", "GET /metrics HTTP/1.1\r\nHo"] {
        let began = Instant::now();
        let mut client = server.connect().await;
        client.get("/metrics", "").await;
        assert_eq!(client.answer("GET").await.status, 200);
        client.try_send(begun).await;
        assert_eq!(client.until_closed().await, b"");
        assert!(began.elapsed() >= SHORT, "{:?}", began.elapsed());
    }
    server.all_closed().await;
    assert_eq!(server.stats.late_heads.get(), 2);
}

#[tokio::test]
async fn a_client_that_reads_too_slowly_is_cut() {
    let config = HttpConfig { response_limit: SHORT, ..HttpConfig::default() };
    let server = Server::start(TestSite::huge(), config).await;
    let began = Instant::now();
    let mut client = server.connect().await;
    client.get("/metrics", "").await;
    eventually("it is cut", || server.stats.slow_responses.get() == 1).await;
    assert!(began.elapsed() >= SHORT);
    server.all_closed().await;
    eventually("its rendering is freed", || server.site.in_memory.load(SeqCst) == 0).await;
    assert!(client.until_closed().await.len() < server.site.whole().len());
    assert!(client.was_reset, "else the kernel would keep what is not read");
}

#[tokio::test]
async fn requests_sent_ahead_buy_no_time_for_answers_that_are_not_read() {
    let config = HttpConfig { response_limit: SHORT, ..HttpConfig::default() };
    let server = Server::start(TestSite::huge(), config).await;
    let mut client = server.connect().await;
    let get = "GET /metrics HTTP/1.1\r\nHost: test\r\n\r\n";
    while server.stats.slow_responses.get() == 0 && client.try_send(get).await {
        sleep(Duration::from_millis(5)).await;
    }
    eventually("it is cut", || server.stats.slow_responses.get() == 1).await;
    assert_eq!(server.stats.renderings.get(), 1);
    server.all_closed().await;
}

#[tokio::test]
async fn a_rendering_that_hangs_does_not_keep_its_client_for_ever() {
    let server = start(HttpConfig { response_limit: SHORT, ..HttpConfig::default() }).await;
    server.site.shut_gate();
    let mut client = server.connect().await;
    client.get("/metrics", "").await;
    assert_eq!(client.until_closed().await, b"");
    assert_eq!(server.stats.slow_responses.get(), 1);
    assert_eq!(server.get("/-/healthy", "").await.status, 200, "the rest still answers");
    server.site.open_gate();
}

#[tokio::test]
async fn slow_readers_cannot_keep_more_renderings_than_allowed() {
    let config = HttpConfig { max_renderings: 2, crowded_spacing: Duration::ZERO, ..HttpConfig::default() };
    let server = Server::start(TestSite::huge(), config).await;
    let mut readers = Vec::new();
    for _ in 0..3 {
        let mut client = server.connect().await;
        client.get("/metrics", "").await;
        client.head().await.expect("an answer");
        readers.push(client);
    }
    let per_rendering = server.site.segments.len();
    eventually("the oldest is cut", || server.stats.revoked_responses.get() == 1).await;
    eventually("its memory is free", || server.site.in_memory.load(SeqCst) <= 2 * per_rendering).await;

    let mut lengths = Vec::new();
    for reader in &mut readers[1..] {
        reader.send("GET /-/healthy HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
        lengths.push(reader.until_closed().await.len());
    }
    let whole = server.site.whole().len();
    assert!(lengths.iter().all(|length| *length > whole), "the younger two are served: {lengths:?}");
    assert!(readers[0].until_closed().await.len() < whole);
}

/// How much of what was written from one port to another the kernel keeps until it is received, in bytes.
#[cfg(target_os = "linux")]
fn unreceived(from: u16, to: u16) -> u64 {
    let ports = [from, to].map(|port| format!(":{port:04X}"));
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let mut rows = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let row = rows.find(|row| row[1].ends_with(&ports[0]) && row[2].ends_with(&ports[1])).expect("its row");
    u64::from_str_radix(row[4].split(':').next().unwrap(), 16).unwrap()
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn of_many_who_do_not_read_the_kernel_keeps_little() {
    let server = Server::start(TestSite::huge(), HttpConfig::default()).await;
    let mut clients = Vec::new();
    for _ in 0..65 {
        clients.push(server.connect().await);
    }
    // Accepted in the order in which they came.
    let last = clients.last_mut().unwrap();
    last.get("/metrics", "").await;
    last.head().await.expect("an answer");
    let mut most = 0;
    for _ in 0..20 {
        sleep(Duration::from_millis(10)).await;
        most = most.max(unreceived(server.address.port(), last.address().port()));
    }
    // The buffer, and the packet with which it was full; it would be megabytes.
    assert!((1..=384 << 10).contains(&most), "{most} bytes");
}

#[tokio::test]
async fn who_has_read_it_all_keeps_no_rendering() {
    let config = HttpConfig { max_renderings: 1, crowded_spacing: PATIENCE, ..HttpConfig::default() };
    let server = start(config).await;
    let (mut one, mut other) = (server.connect().await, server.connect().await);
    for _ in 0..10 {
        for client in [&mut one, &mut other] {
            client.get("/metrics", "").await;
            assert_eq!(client.answer("GET").await.status, 200);
        }
    }
    assert_eq!(server.stats.revoked_responses.get(), 0);
    assert_eq!(server.stats.accepted_connections.get(), 2);
}

#[tokio::test]
async fn crowded_renderings_are_spaced_out() {
    let config = HttpConfig { max_renderings: 2, crowded_spacing: SHORT, ..HttpConfig::default() };
    let server = Server::start(TestSite::huge(), config).await;
    let mut slow = server.connect().await;
    let began = Instant::now();
    slow.get("/metrics", "").await;
    slow.head().await.expect("an answer");

    assert_eq!(server.get("/metrics", "").await.status, 200);
    assert!(began.elapsed() >= SHORT, "{:?}", began.elapsed());
    assert_eq!(server.stats.revoked_responses.get(), 0, "there was room for two");

    // As soon as the slow one is gone, nothing has to wait.
    drop(slow);
    server.all_closed().await;
    assert_eq!(server.get("/metrics", "").await.status, 200);
}

/// Clients that are being answered until they read on.
async fn readers(server: &Server, count: usize) -> Vec<Client> {
    let mut readers = Vec::new();
    for _ in 0..count {
        let mut client = server.connect().await;
        client.get("/metrics", "Connection: close\r\n").await;
        client.head().await.expect("an answer");
        readers.push(client);
    }
    readers
}

#[tokio::test]
async fn one_connection_too_many_is_told_so() {
    let config = HttpConfig { max_connections: 2, crowded_limit: PATIENCE, ..HttpConfig::default() };
    let server = Server::start(TestSite::huge(), config).await;
    let mut inside = readers(&server, 2).await;
    let mut surplus = server.connect().await;
    surplus.get("/metrics", "").await;
    let answer = surplus.answer("GET").await;
    assert_eq!((answer.status, answer.header("connection")), (503, Some("close")));
    assert!(answer.text().contains("too many connections"));
    assert_eq!(surplus.until_closed().await, b"");
    assert_eq!(server.stats.refused_connections.get(), 1);
    assert_eq!(server.stats.open_connections.get(), 2);

    assert!(inside.remove(0).chunks().await == server.site.whole(), "who is inside is served");
    eventually("a slot is free", || server.stats.open_connections.get() == 1).await;
    assert_eq!(server.get("/-/healthy", "").await.status, 200);
}

#[tokio::test]
async fn with_all_slots_taken_by_silence_a_probe_and_a_scraper_still_get_in() {
    let server = start(HttpConfig { max_connections: 8, ..HttpConfig::default() }).await;
    let mut strangers = Vec::new();
    for count in 1..=8 {
        let mut client = server.connect().await;
        match count % 3 {
            0 => client.send("GET /metrics HTTP/1.1\r\nHost: te").await,
            1 => {
                client.get("/-/healthy", "").await;
                assert_eq!(client.answer("GET").await.status, 200);
            }
            _ => {}
        }
        eventually("it is in", || server.stats.accepted_connections.get() == count).await;
        strangers.push(client);
    }
    for path in ["/-/healthy", "/metrics", "/-/ready", "/metrics"] {
        assert_eq!(server.get(path, "").await.status, 200, "{path}");
    }
    assert!(server.stats.evicted_connections.get() >= 1);
    assert_eq!(server.stats.refused_connections.get(), 0);
    assert_eq!(strangers[0].until_closed().await, b"", "the one that waited the longest");
    eventually("no more are open than allowed", || server.stats.open_connections.get() <= 8).await;
}

#[tokio::test]
async fn slow_readers_on_all_slots_make_room_after_the_crowded_limit() {
    let config = HttpConfig { max_connections: 2, crowded_limit: SHORT, ..HttpConfig::default() };
    let server = Server::start(TestSite::huge(), config).await;
    let mut readers = readers(&server, 2).await;
    sleep(SHORT).await;
    assert_eq!(server.get("/-/healthy", "").await.status, 200);
    assert!(readers[0].until_closed().await.len() < server.site.whole().len());
    assert_eq!(server.stats.evicted_connections.get(), 1);
}

#[tokio::test]
async fn a_flood_over_the_limit_leaves_who_is_being_answered_alone() {
    let config = HttpConfig { max_connections: 2, crowded_limit: PATIENCE, ..HttpConfig::default() };
    let server = Server::start(TestSite::huge(), config).await;
    let mut inside = readers(&server, 1).await.remove(0);
    let mut flood = Vec::new();
    for _ in 0..200 {
        flood.push(server.connect().await);
    }
    eventually("all but one make room or are refused", || {
        server.stats.evicted_connections.get() + server.stats.refused_connections.get() == 199
    })
    .await;
    assert!(inside.chunks().await == server.site.whole());
}
