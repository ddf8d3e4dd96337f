//! Those who would read without the token.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use cpumon_load::process::Process;
use rustls::ClientConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use crate::case::{Case, Guard, Outcome};
use crate::stage::Stage;
use crate::swarm::{Manner, connect, connect_tls, say};

/// They learn nothing, over TLS or without; ten thousand tries cost less than a second of CPU, so that a hundred a
/// second take no more than a hundredth of a core.
pub(super) const CASE: Case =
    Case { guard: Guard::Tokens, ..Case::new("H4", "readers without the token", attack) };

const LIMIT: Duration = Duration::from_secs(10);

/// What must not be told without the token.
const PATHS: [&str; 6] = ["/", "/metrics", "/api/agents", "/sd", "/events", "/agents/honest-00000/metrics"];

/// CPU for one try, in microseconds: 10,000 of them in 100 s take 1 % of a core.
const COST_MAX: f64 = 100.0;

fn attack(stage: &Stage) -> anyhow::Result<Outcome> {
    let tries = stage.form.pick(10_000, 500);
    let credentials = stage.credentials()?;
    let (to, token) = (stage.exporter.http, &credentials.http_token);
    let headers = [
        String::new(),
        "Authorization: Bearer\r\n".to_owned(),
        "Authorization: Bearer x\r\n".to_owned(),
        format!("Authorization: Bearer {}\r\n", token.get(1..).unwrap_or_default()),
        format!("Authorization: Bearer {token}0\r\n"),
        format!("Authorization: Bearer {}\r\n", token.to_uppercase().replace('0', "O")),
        format!("Authorization: Bearer {}\r\n", credentials.token),
        format!("Authorization: Token {token}\r\n"),
        format!("Authorization: Basic {token}\r\n"),
        format!("Authorization: Bearer {token}\r\nAuthorization: Bearer {token}\r\n"),
        format!("X-Authorization: Bearer {token}\r\n"),
        format!("Cookie: token={token}\r\n"),
    ];
    let refused = "cpumon_exporter_rejected_connections_total{reason=\"http_auth\"}";
    let before = stage.page()?.sum(refused);
    let tls = &credentials.trusting;
    let mut told = Vec::new();
    let mut tried = 0;
    stage.runtime.block_on(async {
        for path in PATHS {
            for header in &headers {
                tried += 1;
                let status = status(to, tls, path, header).await?;
                if status != "401" {
                    told.push(format!("{path} with {header:?}: {status}"));
                }
            }
        }
        anyhow::Ok(())
    })?;
    let right = stage.runtime.block_on(async {
        let header = format!("Authorization: Bearer {token}\r\n");
        Ok::<_, anyhow::Error>([
            status(to, tls, "/metrics", &header).await?,
            status(to, tls, "/-/healthy", "").await?,
            plainly(to).await?,
        ])
    })?;
    let cost = stage.runtime.block_on(cost(stage, tries))?;
    tried += tries;
    let counted = stage.page()?.sum(refused) - before;
    Ok(Outcome::of(tried)
        .exactly("told without the token", told.join("; ").as_str(), "")
        .exactly("with the token, health without, without TLS", right.join(" ").as_str(), "200 200 none")
        .exactly("counted", counted as u64, tried)
        .at_most(
            "CPU for one try, us",
            (cost * 10.0).round() / 10.0,
            if cfg!(debug_assertions) { 20.0 * COST_MAX } else { COST_MAX },
        ))
}

fn request(path: &str, header: &str, connection: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\n{header}Connection: {connection}\r\n\r\n")
}

/// The status of the answer.
async fn status(to: SocketAddr, tls: &Arc<ClientConfig>, path: &str, header: &str) -> anyhow::Result<String> {
    let mut stream = connect_tls(to, 1, Manner::default(), Arc::clone(tls)).await?;
    let (_, heard) = say(&mut stream, request(path, header, "close").as_bytes(), LIMIT).await;
    let heard = String::from_utf8_lossy(&heard);
    Ok(heard.split(' ').nth(1).unwrap_or("none").to_owned())
}

/// What is answered without TLS.
async fn plainly(to: SocketAddr) -> anyhow::Result<String> {
    let mut stream = connect(to, 1, Manner::default()).await?;
    let (_, heard) = say(&mut stream, request("/metrics", "", "close").as_bytes(), LIMIT).await;
    Ok(if heard.starts_with(b"HTTP") { "an answer" } else { "none" }.to_owned())
}

/// CPU that the exporter takes for a wrong token, in microseconds; what it takes anyway is taken off.
async fn cost(stage: &Stage, tries: u64) -> anyhow::Result<f64> {
    let (to, credentials) = (stage.exporter.http, stage.credentials()?);
    let process = Process::new(stage.exporter.pid());
    let mut stream = connect_tls(to, 1, Manner::default(), Arc::clone(&credentials.trusting)).await?;
    let mut answer = vec![0; 4096];
    let (begun, before) = (std::time::Instant::now(), process.cpu_time()?);
    for number in 0..tries {
        let guess = format!("Authorization: Bearer {number:032x}\r\n");
        stream.write_all(request("/metrics", &guess, "keep-alive").as_bytes()).await?;
        stream.flush().await?;
        let mut heard = 0;
        // The answer's last line ends with what would be right.
        while !answer.get(..heard).unwrap_or_default().ends_with(b"or as a password\n") {
            let read = stream.read(answer.get_mut(heard..).unwrap_or_default());
            match timeout(LIMIT, read).await?? {
                0 => anyhow::bail!("the connection was closed after {number} tries"),
                length => heard += length,
            }
        }
    }
    let (took, spent) = (begun.elapsed(), process.cpu_time()?.saturating_sub(before));
    let before = process.cpu_time()?;
    tokio::time::sleep(took).await;
    let anyway = process.cpu_time()?.saturating_sub(before);
    Ok(spent.saturating_sub(anyway).as_secs_f64() * 1e6 / tries as f64)
}
