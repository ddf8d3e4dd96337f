//! Secrets on every way to fail: none of them may show.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use super::tls_client::TlsClient;
use super::{Stage, start};
use crate::support::{Exporter, Output, PATIENCE, PERCENT, hello, program, run};

/// What agents must show, what they show in its place, and what HTTP asks for.
const SECRETS: [&str; 3] = ["canary-of-agents-83f1", "canary-of-nobody-20b7", "canary-of-http-5ce9"];

/// Frames with a token in them; none is let in.
fn frames() -> Vec<Vec<u8>> {
    let [right, wrong, _] = SECRETS;
    let frame = |edit: &dyn Fn(&mut serde_json::Value)| {
        let mut frame = hello("web-1", "r1");
        frame["token"] = right.into();
        edit(&mut frame);
        format!("{frame}\n").into_bytes()
    };
    let with = |field: &str, value: serde_json::Value| frame(&|frame| frame[field] = value.clone());
    let good = String::from_utf8(frame(&|_| {})).unwrap();
    let mut frames = vec![
        // The token itself.
        with("token", wrong.into()),
        with("token", format!("{right}{right}").into()),
        with("token", right.repeat(10).into()),
        with("token", format!("{right}\n").into()),
        with("token", [right].as_slice().into()),
        with("token", serde_json::json!({ right: 1 })),
        with("token", true.into()),
        with("token", right.to_uppercase().into()),
        good.replace("\"token\"", "\"Token\"").into_bytes(),
        good.replacen("{\"", &format!("{{\"token\":\"{wrong}\",\""), 1).into_bytes(),
        // Something else, beside a token that fits.
        with("v", 2.into()),
        with("t", "sample".into()),
        with("t", "unknown".into()),
        with("agent", "".into()),
        with("agent", "a b".into()),
        with("agent", "x".repeat(200).into()),
        with("run", "!".into()),
        with("boot", "x".repeat(200).into()),
        with("interval_ms", 0.into()),
        with("interval_ms", (-1).into()),
        with(PERCENT, 101.into()),
        with(PERCENT, "high".into()),
        with("labels", serde_json::json!({"a b": "c"})),
        with("hostname", "a\u{1b}b".into()),
        frame(&|frame| drop(frame.as_object_mut().unwrap().remove("run"))),
        // Bytes.
        good.as_bytes()[..good.len() - 3].to_vec(),
        good.replace("r1", &"[".repeat(100)).into_bytes(),
        [good.trim_end().as_bytes(), b"}\n"].concat(),
        [good.as_bytes(), good.as_bytes()].concat(),
        [b"{\"x\":", good.as_bytes(), &b"x".repeat(8_000)].concat(),
        [&good.as_bytes()[..20], &[0xff, 0xfe], &good.as_bytes()[20..]].concat(),
        format!("{right}\n").into_bytes(),
        // The original's dialect.
        format!("{{\"{PERCENT}\":1,\"token\":\"{right}\"}}").into_bytes(),
        format!("{{\"{PERCENT}\":\"{right}\"}}").into_bytes(),
    ];
    // After welcome nothing asks for it any more.
    frames.push(
        [good.as_bytes(), b"{\"v\":1,\"t\":\"sample\",\"token\":\"", right.as_bytes(), b"\"}\n"].concat(),
    );
    frames
}

/// Requests with a token in them.
fn requests() -> Vec<String> {
    let [.., token] = SECRETS;
    let get =
        |path: &str, more: &str| format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{more}\r\n");
    vec![
        get("/metrics", &format!("Authorization: Bearer {token}x\r\n")),
        get("/metrics", &format!("Authorization: Token {token}\r\n")),
        get("/metrics", &format!("Authorization: Bearer {token}\r\nAuthorization: Bearer {token}\r\n")),
        get(&format!("/metrics?token={token}"), ""),
        get(&format!("/{token}"), &format!("Authorization: Bearer {token}\r\n")),
        get("/metrics", &format!("Authorization: Bearer {}\r\n", token.repeat(2_000))),
        get("/metrics", &format!("Authorization: Bearer {token}\r\nTransfer-Encoding: chunked\r\n")),
        get(
            "/metrics",
            &format!("Authorization: Bearer {token}\r\nAccept-Encoding: identity;q=0,gzip;q=0\r\n"),
        ),
        format!(
            "POST /{token} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: 2\r\n\r\nhi"
        ),
        format!("{token} / HTTP/1.1\r\nHost: x\r\n\r\n"),
        format!("GET / HTTP/9.9\r\nAuthorization: Bearer {token}\r\n\r\n"),
        format!("{token}\r\n\r\n"),
    ]
}

/// Sends bytes, says that they were the last, and waits until the other end has closed.
fn send(address: SocketAddr, bytes: &[u8]) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // It may have closed before it has read all of it.
    let _ = stream.write_all(bytes).and_then(|()| stream.shutdown(Shutdown::Write));
    let _ = stream.read_to_end(&mut Vec::new());
}

fn assert_hidden(what: &str, text: &str) {
    let text = text.to_lowercase();
    for secret in SECRETS {
        assert!(!text.contains(secret), "{secret} is in {what}: {text}");
    }
}

#[test]
fn no_secret_shows_whatever_fails() {
    let stage = Stage::new();
    let [agents, _, http] = SECRETS;
    stage.put("token", agents);
    stage.put("http-token", http);
    let mut variables = stage.ingest();
    variables.extend([
        ("EXPORTER_TOKEN_FILE", stage.text("token")),
        ("EXPORTER_HTTP_TOKEN_FILE", stage.text("http-token")),
        ("EXPORTER_LOG", "trace".to_owned()),
    ]);
    let mut exporter = start(&variables);

    let (frames, requests) = (frames(), requests());
    assert!(frames.len() + requests.len() >= 40);
    for frame in &frames {
        send(exporter.ingest, frame);
    }
    for request in &requests {
        send(exporter.http, request.as_bytes());
    }
    // On the listener for TLS without TLS, and with it.
    send(exporter.ingest_tls.unwrap(), &frames[0]);
    let mut over_tls = TlsClient::connect(exporter.ingest_tls.unwrap(), &stage, None);
    let refusal = over_tls.ask(&serde_json::from_slice(&frames[0]).unwrap()).unwrap();
    assert_hidden("an answer", &refusal.to_string());
    // A certificate that is no certificate but a secret.
    stage.put("server.pem", &format!("-----BEGIN CERTIFICATE-----\n{agents}\n-----END CERTIFICATE-----\n"));
    exporter.process.event_beginning("the certificates in use stay");

    let page =
        crate::support::Page::get(exporter.http, "/metrics", &format!("Authorization: Bearer {http}\r\n"));
    assert!(page.text().contains("rejected_connections_total{reason=\"auth\"}"), "{}", page.text());
    assert_hidden("/metrics", page.text());
    for file in ["cmdline", "environ"] {
        let text = fs::read(format!("/proc/{}/{file}", exporter.process.id())).unwrap();
        assert_hidden(file, &String::from_utf8_lossy(&text));
    }
    let log: String = exporter.process.rest().collect();
    assert!(log.contains("refused a frame") && log.contains("refused a connection"), "{log}");
    assert_hidden("the log", &log);
}

/// Variables, and what is said on the command line.
type Case<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str]);

#[test]
fn no_secret_shows_when_it_does_not_start() {
    let stage = Stage::new();
    let [agents, other, http] = SECRETS;
    stage.put("two", &format!("{agents}\n{http}\n"));
    stage.put("long", &agents.repeat(20));
    let (two, long) = (stage.text("two"), stage.text("long"));
    let cases: [Case<'_>; 9] = [
        (&[("EXPORTER_TOKEN_FILE", &two)], &[]),
        (&[("EXPORTER_TOKEN_FILE", &long)], &[]),
        (&[("EXPORTER_HTTP_TOKEN_FILE", &two)], &[]),
        (&[("EXPORTER_TOKEN", agents), ("EXPORTER_TOKEN_FILE", &two)], &[]),
        (&[("EXPORTER_TOKEN", agents), ("EXPORTER_MAX_AGENTS", "many")], &[]),
        (
            &[
                ("EXPORTER_INGEST_TLS_LISTEN", "127.0.0.1:0"),
                ("EXPORTER_INGEST_TLS_CERT_FILE", &two),
                ("EXPORTER_INGEST_TLS_KEY_FILE", &two),
            ],
            &[],
        ),
        (&[("EXPORTER_TOKEN", agents), ("EXPORTER_TOKENS", other), ("EXPORTER_HTTP_LISTEN", "here")], &[]),
        (&[("EXPORTER_TOKEN", agents)], &["token", "a b"]),
        (&[("EXPORTER_TOKEN", agents), ("EXPORTER_HTTP_LISTEN", "127.0.0.1:1")], &["healthcheck"]),
    ];
    for (variables, arguments) in cases {
        let Output { status, stdout, stderr } = run(program(variables).args(arguments));
        assert_ne!(status, Some(0), "{variables:?} {arguments:?}");
        assert!(!stderr.is_empty());
        assert_hidden("what it says", &format!("{stdout}{stderr}"));
    }
}

#[test]
fn a_flood_of_nonsense_is_a_line_a_second_that_says_how_many_it_stands_for() {
    const STRINGS: u32 = 3_000;
    let mut exporter = Exporter::start(&[("EXPORTER_LOG", "trace")]);
    let mut random = fastrand::Rng::with_seed(1);
    let begun = std::time::Instant::now();
    for _ in 0..STRINGS {
        let length = random.usize(1..200);
        let bytes: Vec<u8> = std::iter::once(b'[').chain((0..length).map(|_| random.u8(..))).collect();
        send(exporter.ingest, &bytes);
    }
    let refused = r#"cpumon_exporter_rejected_frames_total{reason="not_an_object"}"#;
    exporter.when_value(refused, Some(f64::from(STRINGS)));
    let seconds = begun.elapsed().as_secs() + 1;
    // The next one after a second's rest tells of all that were left out.
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    send(exporter.ingest, b"[");
    exporter.when_value(refused, Some(f64::from(STRINGS + 1)));
    let lines: Vec<String> = exporter.process.rest_until_quiet();
    assert!(
        lines.iter().all(|line| line.trim_end_matches('\n').bytes().all(|byte| byte >= 0x20)),
        "{lines:?}"
    );
    let events: Vec<serde_json::Value> =
        lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<_> = events.iter().filter(|event| event["fields"]["reason"] == "not_an_object").collect();
    assert!(told.len() as u64 <= seconds + 2, "{} lines in {seconds} s", told.len());
    let stand_for: u64 = told.iter().map(|event| 1 + event["fields"]["left_out"].as_u64().unwrap()).sum();
    assert_eq!(stand_for, u64::from(STRINGS) + 1);
}
