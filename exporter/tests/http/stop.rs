//! The stop: what is under way ends well, what never ends is cut.

use std::time::{Duration, Instant};

use cpumon_exporter::http::{HttpConfig, Stopped};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::{PATIENCE, SHORT, Server, TestSite, eventually};

async fn stopped(server: Server) -> Stopped {
    server.stop.cancel();
    timeout(PATIENCE, server.task).await.expect("the server stops").expect("it does not panic")
}

#[tokio::test]
async fn clients_that_wait_for_nothing_are_closed_at_once() {
    let config = HttpConfig { stop_limit: PATIENCE, ..HttpConfig::default() };
    let server = Server::start(TestSite::new(&[]), config).await;
    let _silent = server.connect().await;
    let mut half = server.connect().await;
    half.send("GET /metrics HTT").await;
    let mut resting = server.connect().await;
    resting.get("/-/healthy", "").await;
    resting.answer("GET").await;
    eventually("all are in", || server.stats.open_connections.get() == 3).await;

    let began = Instant::now();
    let address = server.address;
    assert_eq!(stopped(server).await, Stopped { cut_connections: 0 });
    assert!(began.elapsed() < PATIENCE / 2, "{:?}", began.elapsed());
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn an_answer_under_way_is_finished() {
    let server = Server::start(TestSite::new(&[b"whole\n"]), HttpConfig::default()).await;
    server.site.shut_gate();
    let mut client = server.connect().await;
    client.get("/metrics", "").await;
    eventually("the rendering has begun", || server.site.waiting_at_gate() == 1).await;
    server.stop.cancel();
    let refused = timeout(PATIENCE, async { while TcpStream::connect(server.address).await.is_ok() {} });
    refused.await.expect("the stop has begun");

    server.site.open_gate();
    let answer = client.answer("GET").await;
    assert_eq!((answer.text(), answer.header("connection")), ("whole\n", Some("close")));
    assert_eq!(stopped(server).await, Stopped { cut_connections: 0 });
}

#[tokio::test]
async fn clients_that_stall_are_cut_at_the_deadline() {
    let config = HttpConfig { stop_limit: SHORT, max_renderings: 100, ..HttpConfig::default() };
    let server = Server::start(TestSite::huge(), config).await;
    let mut stalled = Vec::new();
    for _ in 0..20 {
        let mut client = server.connect().await;
        client.get("/metrics", "").await;
        stalled.push(client);
    }
    for client in &mut stalled {
        client.head().await.expect("an answer");
    }
    let began = Instant::now();
    let whole = server.site.whole().len();
    assert_eq!(stopped(server).await, Stopped { cut_connections: 20 });
    let elapsed = began.elapsed();
    assert!(elapsed >= SHORT && elapsed < SHORT + Duration::from_secs(5), "{elapsed:?}");
    for client in &mut stalled {
        assert!(client.until_closed().await.len() < whole);
    }
}
