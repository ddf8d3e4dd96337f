//! The page's agent in a few lines of Python, run as it stands there.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use cpumon_protocol::reject::{RejectReason, Rejection};
use cpumon_protocol::session::exporter::{ExporterSession, FrameLimits, Received, acknowledge, refuse};

use crate::page::blocks;
use crate::support::conversation::STALE;

/// What the small agent said to an exporter that lets it in, acknowledges two samples and refuses the third.
fn converse(mut stream: TcpStream) -> Vec<String> {
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut session = ExporterSession::new(FrameLimits::default());
    let mut said = Vec::new();
    let mut bytes = [0; 4096];
    loop {
        let read = stream.read(&mut bytes).unwrap();
        let mut input = &bytes[..read];
        if read == 0 {
            return said;
        }
        while let Some(received) = session.receive(&mut input).unwrap() {
            let mut out = Vec::new();
            match received {
                Received::Hello(hello) => {
                    said.push(format!("hello {}", hello.agent));
                    session.welcome(STALE, &mut out);
                }
                Received::Sample { seq: 3, .. } => {
                    let full = Rejection::new(RejectReason::FleetFull, "the fleet is full");
                    refuse(&full, Some(STALE), &mut out);
                }
                Received::Sample { seq, .. } => {
                    said.push(format!("sample {seq}"));
                    acknowledge(seq, false, &mut out);
                }
                other => panic!("{other:?}"),
            }
            stream.write_all(&out).unwrap();
        }
    }
}

/// Runs the small agent until it ends, and then connects to `exporter` itself, so that nobody waits there for an
/// agent that never came.
fn run(script: &str, exporter: SocketAddr) -> Output {
    let (host, port) = (exporter.ip().to_string(), exporter.port().to_string());
    let output = Command::new("python3")
        .args(["-c", script, &host, &port, "small-agent"])
        .stdin(Stdio::null())
        .output()
        .expect("python3 is needed to run the page's agent");
    drop(TcpStream::connect(exporter));
    output
}

#[test]
fn the_small_agent_works_as_it_stands_there() {
    let script = blocks().into_iter().find(|block| block.info == ["python", "agent"]).unwrap().text;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let exporter = listener.local_addr().unwrap();
    let agent = thread::spawn(move || run(&script, exporter));
    let said = converse(listener.accept().unwrap().0);
    let output = agent.join().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!(said, ["hello small-agent", "sample 1", "sample 2"], "{complaint}");
    assert_eq!(complaint.trim(), "the fleet is full");
    assert_eq!(output.status.code(), Some(1));
}
