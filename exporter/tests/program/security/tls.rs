//! Agents over TLS.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;

use serde_json::json;

use super::certificates::{Authority, Valid};
use super::tls_client::TlsClient;
use super::{Stage, TLS, start};
use crate::support::{Client, Exporter, PATIENCE, hello, sample};

fn address(exporter: &Exporter) -> std::net::SocketAddr {
    exporter.ingest_tls.unwrap()
}

fn is_welcome(client: &mut TlsClient, name: &str) -> bool {
    client.ask(&hello(name, "r")).is_ok_and(|answer| answer["t"] == "welcome")
}

#[test]
fn an_agent_over_tls_is_as_any_other() {
    let stage = Stage::new();
    let exporter = start(&stage.ingest());
    let mut client = TlsClient::connect(address(&exporter), &stage, None);
    assert!(is_welcome(&mut client, "web-1"));
    for seq in 1..=20 {
        assert_eq!(client.ask(&sample(seq)), Ok(json!({"v": 1, "t": "ack", "seq": seq})));
    }
    let mut plain = Client::connect(&exporter);
    plain.send_frame(&hello("web-2", "r"));
    assert_eq!(plain.frame()["t"], "welcome");

    let metrics = exporter.metrics();
    assert_eq!(metrics.value(r#"cpumon_agent_up{agent="web-1"}"#), Some(1.0));
    assert_eq!(metrics.value("cpumon_exporter_connections"), Some(2.0));
    assert_eq!(client.ask(&json!({"v": 1, "t": "bye", "reason": "stop"})).unwrap()["t"], "ack");
    exporter.when_value(r#"cpumon_agent_up{agent="web-1"}"#, None);
    exporter.stop();
}

#[test]
fn what_is_no_tls_1_3_is_refused_and_counted() {
    let stage = Stage::new();
    let mut exporter = start(&stage.ingest());
    let address = address(&exporter);

    let mut plain = Client::to(address);
    plain.send_frame(&hello("web-1", "r"));
    let answer = plain.until_closed();
    assert!(!String::from_utf8_lossy(&answer).contains('{'), "{answer:?}");
    exporter.when_value(TLS, Some(1.0));
    let error = TlsClient::of_yesterday(address, &stage).ask(&hello("web-1", "r")).unwrap_err();
    assert!(error.contains("alert"), "{error}");
    exporter.when_value(TLS, Some(2.0));
    // A client that knows the CA of another exporter hangs up.
    let stranger = Stage::new();
    assert!(TlsClient::connect(address, &stranger, None).ask(&hello("web-1", "r")).is_err());
    exporter.when_value(TLS, Some(3.0));
    assert_eq!(exporter.value(r#"cpumon_agent_up{agent="web-1"}"#), None);
    let fields = exporter.process.event("refused a connection");
    assert_eq!(fields["reason"], "tls");
    assert!(fields["detail"].as_str().unwrap().contains("corrupt message"), "{fields}");
}

#[test]
fn with_a_ca_of_clients_only_theirs_come_in() {
    let stage = Stage::new();
    stage.issue("agent", &["web-1"]);
    Authority::new().issue(&["web-1"], Valid::Now).write(stage.directory(), "stranger");
    let mut variables = stage.ingest();
    variables.push(("EXPORTER_INGEST_TLS_CLIENT_CA_FILE", stage.text("ca.pem")));
    let exporter = start(&variables);
    let welcome = |identity| {
        let mut client = TlsClient::connect(address(&exporter), &stage, identity);
        is_welcome(&mut client, "web-1")
    };
    assert!(welcome(Some("agent")));
    assert!(!welcome(None));
    assert!(!welcome(Some("stranger")));
    exporter.when_value(TLS, Some(2.0));
}

#[test]
fn those_who_stall_in_their_handshake_keep_nobody_out_and_are_cut() {
    let stage = Stage::new();
    let mut variables = stage.ingest();
    variables.push(("EXPORTER_MAX_TLS_HANDSHAKES", "1".into()));
    variables.push(("EXPORTER_HELLO_TIMEOUT", "2s".into()));
    let exporter = start(&variables);
    // The beginning of a ClientHello, as long as it says, which never comes to its end.
    let begun = [&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3][..], &[0; 100]].concat();
    let stalled: Vec<_> = (0..50)
        .map(|index| {
            let mut stream = TcpStream::connect(address(&exporter)).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream.write_all(&begun[..index * 2]).unwrap();
            stream
        })
        .collect();
    let mut client = TlsClient::connect(address(&exporter), &stage, None);
    assert!(is_welcome(&mut client, "web-1"));
    let closed: Vec<_> = stalled
        .into_iter()
        .map(|mut stream| thread::spawn(move || stream.read(&mut [0; 16]).map_or(0, |read| read)))
        .collect();
    assert!(closed.into_iter().all(|stream| stream.join().unwrap() == 0));
    exporter.when_value(r#"cpumon_exporter_rejected_connections_total{reason="silent"}"#, Some(50.0));
    assert_eq!(client.ask(&sample(1)).unwrap()["t"], "ack");
}

#[test]
fn a_new_certificate_counts_for_new_connections_and_a_broken_one_for_none() {
    let stage = Stage::new();
    let mut exporter = start(&stage.ingest());
    let address = address(&exporter);
    let mut old = TlsClient::connect(address, &stage, None);
    assert!(is_welcome(&mut old, "web-1"));

    stage.put("server.pem", "broken");
    let complaint = exporter.process.event_beginning("the certificates in use stay");
    assert!(complaint.contains("server.pem holds no certificate"), "{complaint}");
    assert!(is_welcome(&mut TlsClient::connect(address, &stage, None), "web-2"));

    let new = Stage::new();
    new.issue("server", &["localhost"]).write(stage.directory(), "server");
    exporter.process.event("new certificates are in use");
    assert!(is_welcome(&mut TlsClient::connect(address, &new, None), "web-3"));
    assert!(!is_welcome(&mut TlsClient::connect(address, &stage, None), "web-4"));
    assert_eq!(old.ask(&sample(1)).unwrap()["t"], "ack", "who was there stays");
}
