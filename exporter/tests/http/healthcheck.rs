//! The client behind the `healthcheck` subcommand, against real and broken servers.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use cpumon_exporter::http::HttpConfig;
use cpumon_exporter::http::healthcheck::{self, Scheme};
use tokio::task::spawn_blocking;

use crate::support::{PATIENCE, SHORT, Server, TestSite};

async fn check(address: SocketAddr, limit: Duration) -> Result<(), String> {
    spawn_blocking(move || healthcheck::check(address, Scheme::Http, limit)).await.unwrap()
}

/// A server that answers its one client with `parts`, pausing before each.
fn broken_server(parts: Vec<&'static str>, pause: Duration) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 1024];
        let _ = stream.read(&mut request);
        for part in parts {
            std::thread::sleep(pause);
            if stream.write_all(part.as_bytes()).is_err() {
                return;
            }
        }
    });
    address
}

#[tokio::test]
async fn a_running_exporter_is_healthy_also_by_its_wildcard_address() {
    let server = Server::start(TestSite::new(&[]), HttpConfig::default()).await;
    assert_eq!(check(server.address, PATIENCE).await, Ok(()));
    for wildcard in ["0.0.0.0", "[::]"] {
        let listen = format!("{wildcard}:{}", server.address.port()).parse().unwrap();
        assert_eq!(check(listen, PATIENCE).await, Ok(()), "{wildcard}");
    }
}

#[tokio::test]
async fn nobody_listening_is_said_with_the_address() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let message = check(free, PATIENCE).await.unwrap_err();
    assert!(message.starts_with(&format!("cannot get http://{free}/-/healthy: ")), "{message}");
}

#[tokio::test]
async fn another_answer_is_not_healthy() {
    for answer in ["HTTP/1.1 503 Service Unavailable\r\n\r\n", "SSH-2.0-x\r\n", "HTTP/1.1 2000 \r\n", ""] {
        let address = broken_server(vec![answer], Duration::ZERO);
        let message = check(address, PATIENCE).await.unwrap_err();
        assert!(message.contains("it answered") && message.contains(answer.trim_end()), "{message}");
    }
}

#[tokio::test]
async fn an_endless_line_is_given_up() {
    let address = broken_server(vec!["x"; 4096], Duration::ZERO);
    assert!(check(address, PATIENCE).await.is_err());
}

#[tokio::test]
async fn the_limit_holds_for_the_whole_of_it() {
    for parts in [vec!["never"; 1], vec!["H"; 10_000]] {
        let pause = if parts.len() == 1 { PATIENCE } else { Duration::from_millis(5) };
        let address = broken_server(parts, pause);
        let began = Instant::now();
        let message = check(address, SHORT).await.unwrap_err();
        assert!(message.ends_with("no answer in time"), "{message}");
        let elapsed = began.elapsed();
        assert!(elapsed >= SHORT - Duration::from_millis(5) && elapsed < PATIENCE / 2, "{elapsed:?}");
    }
}
