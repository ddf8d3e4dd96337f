//! Against real sockets.

use cpumon_daemon::variables::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

async fn listen() -> (TcpListener, Place) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, Place { address, exporter: 0 })
}

/// No connection yet, to this address without TLS.
fn closed(place: Place) -> Connection {
    Connection::to(vec![HostPort::from_text(&place.address.to_string()).unwrap()], None)
}

/// A connection and its other end.
async fn pair() -> (Connection, TcpStream) {
    let (listener, place) = listen().await;
    let mut connection = closed(place);
    connection.open(place);
    assert_eq!(connection.happened().await, Happened::Opened(place.address));
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
async fn a_failure_says_what_was_tried() {
    let (listener, nowhere) = listen().await;
    drop(listener);
    let mut connection = closed(nowhere);
    connection.open(nowhere);
    match connection.happened().await {
        Happened::Failed(Failure::Io(why)) => {
            assert!(why.starts_with(&format!("cannot connect to {}: ", nowhere.address)), "{why}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_closed_connection_opens_again_to_another_address() {
    let (mut connection, _peer) = pair().await;
    let (_listener, other) = listen().await;
    connection.close();
    connection.open(other);
    assert_eq!(connection.happened().await, Happened::Opened(other.address));
}
