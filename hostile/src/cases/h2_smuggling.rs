//! Requests that two servers would read differently, and requests that nobody should send.

use std::time::Duration;

use crate::case::{Case, Outcome};
use crate::stage::Stage;
use crate::swarm::{Manner, connect, say};

/// Each gets one answer that says no, or none, and its connection is closed: nothing hidden in it is ever served.
pub(super) const CASE: Case = Case::new("H2", "smuggled and odd requests", attack);

const LIMIT: Duration = Duration::from_secs(5);

/// A second request that must never be answered.
const HIDDEN: &str = "GET /api/agents HTTP/1.1\r\nHost: x\r\n\r\n";

/// The head's lines after the request line, and a body.
const CASES: [(&str, &str, &str); 30] = [
    ("GET /metrics HTTP/1.1", "Host: x\r\nContent-Length: 38\r\nTransfer-Encoding: chunked", "0\r\n\r\n"),
    ("POST /metrics HTTP/1.1", "Host: x\r\nContent-Length: 6\r\nTransfer-Encoding: chunked", "0\r\n\r\nX"),
    ("GET /metrics HTTP/1.1", "Host: x\r\nTransfer-Encoding: chunked", "0\r\n\r\n"),
    ("GET /metrics HTTP/1.1", "Host: x\r\nTransfer-Encoding: xchunked", ""),
    (
        "GET /metrics HTTP/1.1",
        "Host: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "0\r\n\r\n",
    ),
    ("GET /metrics HTTP/1.1", "Host: x\r\nTransfer-Encoding: identity, chunked, identity", ""),
    ("GET /metrics HTTP/1.1", "Host: x\r\nContent-Length: 5\r\nContent-Length: 6", "hello"),
    ("GET /metrics HTTP/1.1", "Host: x\r\nContent-Length: 0\r\nContent-Length: 38", ""),
    ("GET /metrics HTTP/1.1", "Host: x\r\nContent-Length: -1", ""),
    ("GET /metrics HTTP/1.1", "Host: x\r\nContent-Length: +5", "hello"),
    ("GET /metrics HTTP/1.1", "Host: x\r\nContent-Length: 5 5", "hello"),
    ("GET /metrics HTTP/1.1", "Host: x\r\nContent-Length: 0x5", "hello"),
    ("GET /metrics HTTP/1.1", "Host: x\r\nContent-Length: 99999999999999999999", ""),
    ("GET /metrics HTTP/1.1", "Host: x\r\nContent-Length : 5", "hello"),
    ("GET /metrics HTTP/1.1", "Host: x\r\n Content-Length: 5", "hello"),
    ("GET /metrics HTTP/1.1", "Host: x\r\nX\0Y: z", ""),
    ("GET /metrics HTTP/1.1", "Host: x\r\nHost: y", ""),
    ("GET /metrics HTTP/1.1", "X-No-Host: x", ""),
    ("GET /metrics HTTP/1.1", "no colon here", ""),
    ("GET /metrics HTTP/1.1", ": empty", ""),
    ("GET  /metrics HTTP/1.1", "Host: x", ""),
    ("GET /met rics HTTP/1.1", "Host: x", ""),
    ("GET /metrics HTTP/9.9", "Host: x", ""),
    ("GET /metrics FTP/1.1", "Host: x", ""),
    ("\x16\x03\x01\x02", "Host: x", ""),
    ("POST /metrics HTTP/1.1", "Host: x\r\nContent-Length: 1000000000", "endless"),
    ("DELETE /api/agents HTTP/1.1", "Host: x\r\nConnection: close", ""),
    ("CONNECT 169.254.169.254:80 HTTP/1.1", "Host: x\r\nConnection: close", ""),
    ("TRACE / HTTP/1.1", "Host: x\r\nConnection: close", ""),
    ("PRI * HTTP/2.0", "", "SM\r\n\r\n"),
];

fn attack(stage: &Stage) -> anyhow::Result<Outcome> {
    let mut heads: Vec<(String, String)> = CASES
        .iter()
        .map(|(request, headers, body)| {
            (format!("{request} | {headers}"), format!("{request}\r\n{headers}\r\n\r\n{body}{HIDDEN}"))
        })
        .collect();
    let many = "X-Header: 1\r\n".repeat(101);
    let large = "x".repeat(1_000_000);
    heads.push(("101 headers".into(), format!("GET /metrics HTTP/1.1\r\nHost: x\r\n{many}\r\n{HIDDEN}")));
    heads.push((
        "1 MB header".into(),
        format!("GET /metrics HTTP/1.1\r\nHost: x\r\nX: {large}\r\n\r\n{HIDDEN}"),
    ));
    heads.push(("1 MB target".into(), format!("GET /{large} HTTP/1.1\r\nHost: x\r\n\r\n{HIDDEN}")));
    let mut outcome = Outcome::of(heads.len() as u64);
    let mut wrong = Vec::new();
    stage.runtime.block_on(async {
        for (number, (what, bytes)) in heads.iter().enumerate() {
            let manner = Manner::default();
            let mut stream = connect(stage.exporter.http, number as u64, manner).await?;
            let (closed, heard) = say(&mut stream, bytes.as_bytes(), LIMIT).await;
            let heard = String::from_utf8_lossy(&heard);
            let answers = heard.matches("HTTP/1.1 ").count();
            let is_refused = answers == 0
                || (answers == 1 && heard.starts_with("HTTP/1.1 4"))
                || heard.starts_with("HTTP/1.1 505");
            if closed.is_none() || !is_refused || heard.contains("\"agents\"") {
                let first = heard.lines().next().unwrap_or_default();
                wrong.push(format!(
                    "{:?}: closed {closed:?}, {answers} answers, {first:?}",
                    what.chars().take(90).collect::<String>()
                ));
            }
        }
        std::io::Result::Ok(())
    })?;
    let found = if wrong.is_empty() { "none".to_owned() } else { wrong.join("; ") };
    outcome = outcome.exactly("served, or not closed in 5 s", found.as_str(), "none");
    Ok(outcome)
}
