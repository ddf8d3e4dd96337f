//! Against real sockets.

use cpumon_daemon::variables::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

async fn listen() -> (TcpListener, HostPort) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let exporter = HostPort::from_text(&listener.local_addr().unwrap().to_string()).unwrap();
    (listener, exporter)
}

/// An address on which nobody listens.
async fn nowhere() -> HostPort {
    let (listener, exporter) = listen().await;
    drop(listener);
    exporter
}

/// A connection and its other end.
async fn pair() -> (Connection, TcpStream) {
    let (listener, exporter) = listen().await;
    let mut connection = Connection::to(vec![exporter], None);
    connection.open(0);
    let opened = connection.happened().await;
    assert_eq!(opened, Happened::Opened(listener.local_addr().unwrap()));
    (connection, listener.accept().await.unwrap().0)
}

#[tokio::test]
async fn bytes_go_both_ways() {
    let (mut connection, mut peer) = pair().await;
    connection.send(b"question");
    let mut question = [0; 8];
    peer.read_exact(&mut question).await.unwrap();
    assert_eq!(&question, b"question");
    peer.write_all(b"answer").await.unwrap();
    assert_eq!(connection.happened().await, Happened::Received(6));
    assert_eq!(connection.received(6), b"answer");
}

#[tokio::test]
async fn what_the_system_does_not_take_at_once_goes_later_and_in_order() {
    let (mut connection, mut peer) = pair().await;
    let frame: Vec<u8> = (0..8 * 1024 * 1024u32).map(|n| (n % 251) as u8).collect();
    connection.send(&frame);
    assert!(!connection.unsent.is_empty(), "more than a socket's buffer holds");
    let expected = frame.clone();
    let reader = tokio::spawn(async move {
        let mut got = vec![0; expected.len()];
        peer.read_exact(&mut got).await.unwrap();
        assert!(got == expected);
        peer.write_all(b"all").await.unwrap();
        peer
    });
    assert_eq!(connection.happened().await, Happened::Received(3));
    assert!(connection.unsent.is_empty());
    reader.await.unwrap();
}

#[tokio::test]
async fn ends_are_told_once_and_then_nothing_happens() {
    let (mut connection, peer) = pair().await;
    drop(peer);
    assert_eq!(connection.happened().await, Happened::Failed(Failure::Closed));
    connection.send(b"to nobody");
    let silence = tokio::time::timeout(std::time::Duration::from_millis(50), connection.happened()).await;
    assert!(silence.is_err());
}

#[tokio::test]
async fn failures_say_what_was_tried() {
    let nowhere = nowhere().await;
    let invalid = HostPort::from_text("host.invalid:80").unwrap();
    for (exporter, start) in [
        (nowhere.clone(), format!("cannot connect to {nowhere}: ")),
        (invalid, "cannot resolve host.invalid: ".to_owned()),
    ] {
        let mut connection = Connection::to(vec![exporter], None);
        connection.open(0);
        match connection.happened().await {
            Happened::Failed(Failure::Io(why)) => assert!(why.starts_with(&start), "{why}"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn each_failure_moves_on_to_the_next_exporter() {
    let (listener, good) = listen().await;
    let mut connection = Connection::to(vec![nowhere().await, good.clone(), nowhere().await], None);
    for (attempt, opens) in [(0, false), (1, true), (2, false), (3, false), (4, true)] {
        connection.open(attempt);
        let opened = connection.happened().await == Happened::Opened(listener.local_addr().unwrap());
        assert_eq!(opened, opens, "attempt {attempt}");
        connection.close();
    }
    assert_eq!(connection.exporter(4), Some(&good));
}

#[tokio::test]
async fn a_name_is_resolved() {
    let (listener, exporter) = listen().await;
    let by_name = HostPort::from_text(&format!("localhost:{}", exporter.port())).unwrap();
    let mut connection = Connection::to(vec![by_name], None);
    connection.open(0);
    assert_eq!(connection.happened().await, Happened::Opened(listener.local_addr().unwrap()));
}
