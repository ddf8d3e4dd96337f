//! Our agent against an exporter that means it ill.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context;
use cpumon_load::process::Process;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use crate::case::{Case, Outcome};
use crate::stage::Stage;

/// The agent goes on sampling, stays small, and does not knock more often than it should.
pub(super) const CASE: Case = Case::new("B18", "our agent against a hostile exporter", attack);

const WELCOME: &[u8] = b"{\"v\":1,\"t\":\"welcome\",\"stale_ms\":5000}\n";

/// What such an exporter does, by its number.
const MANNERS: [&str; 9] = [
    "closes at once",
    "says nothing",
    "answers without end",
    "answers garbage",
    "says welcome, then nothing",
    "says welcome, then without end",
    "says welcome byte by byte, then garbage",
    "refuses with a large message",
    "says welcome, then acknowledges what was never sent",
];

async fn mistreat(manner: usize, mut stream: TcpStream) -> std::io::Result<()> {
    let mut ignored = [0; 4096];
    match manner {
        0 => return Ok(()),
        1 => {}
        2 => loop {
            stream.write_all(&[b'x'; 65_536]).await?;
        },
        3 => stream.write_all(b"\0\xff\x1b[31m\r\n{{{{").await?,
        4 => stream.write_all(WELCOME).await?,
        5 => {
            stream.write_all(WELCOME).await?;
            loop {
                stream.write_all(&[b' '; 65_536]).await?;
            }
        }
        6 => {
            for byte in WELCOME {
                stream.write_all(&[*byte]).await?;
                sleep(Duration::from_millis(5)).await;
            }
            stream.write_all(b"{\"v\":1,\"t\":\"ack\",\"seq\":\xff}").await?;
        }
        7 => {
            let message = "\\u001b[31m".repeat(10_000);
            let frame = format!(
                "{{\"v\":1,\"t\":\"error\",\"code\":\"limit\",\"retry_ms\":0,\"message\":\"{message}\"}}\n"
            );
            stream.write_all(frame.as_bytes()).await?;
        }
        _ => {
            stream.write_all(WELCOME).await?;
            loop {
                stream
                    .write_all(b"{\"v\":1,\"t\":\"ack\",\"seq\":18446744073709551615,\"want\":[\"cores\"]}\n")
                    .await?;
                sleep(Duration::from_millis(1)).await;
            }
        }
    }
    while stream.read(&mut ignored).await? > 0 {}
    Ok(())
}

/// An agent under test; it ends with this value.
struct Agent(Child);

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(stage: &Stage, manner: usize, exporter: SocketAddr, socket: &str) -> anyhow::Result<Agent> {
    Command::new(&stage.agent)
        .env_clear()
        .env("AGENT_EXPORTERS", exporter.to_string())
        .env("AGENT_NAME", format!("mistreated-{manner}"))
        .env("AGENT_HEALTH_SOCKET", socket)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map(Agent)
        .with_context(|| format!("cannot start {}", stage.agent.display()))
}

fn attack(stage: &Stage) -> anyhow::Result<Outcome> {
    let seconds = stage.form.pick(30, 6);
    let knocks: [Arc<AtomicU64>; MANNERS.len()] = std::array::from_fn(|_| Arc::default());
    let mut agents = Vec::new();
    stage.runtime.block_on(async {
        for (manner, knocks) in knocks.iter().enumerate() {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            let socket = format!("@cpumon-hostile-{}-{manner}", std::process::id());
            agents.push((start(stage, manner, listener.local_addr()?, &socket)?, socket));
            let knocks = Arc::clone(knocks);
            tokio::spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    knocks.fetch_add(1, Ordering::Relaxed);
                    tokio::spawn(mistreat(manner, stream));
                }
            });
        }
        sleep(Duration::from_secs(seconds)).await;
        anyhow::Ok(())
    })?;
    let mut outcome = Outcome::of(knocks.iter().map(|knocks| knocks.load(Ordering::Relaxed)).sum());
    let mut largest = 0;
    for (number, (agent, socket)) in agents.iter_mut().enumerate() {
        let is_running = matches!(agent.0.try_wait(), Ok(None));
        largest = largest.max(Process::new(agent.0.id()).resident_peak().unwrap_or(0));
        let health = Command::new(&stage.agent)
            .arg("healthcheck")
            .env_clear()
            .env("AGENT_HEALTH_SOCKET", &*socket)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()?;
        let state = if is_running && health.success() { "well" } else { "not well" };
        outcome = outcome.exactly(MANNERS[number], state, "well");
    }
    // Full jitter between 0.5 s and 10 s: two a second are more than there ever are.
    let most = knocks.iter().map(|knocks| knocks.load(Ordering::Relaxed)).max().unwrap_or(0);
    Ok(outcome.at_most("connections of one agent", most, 2 * seconds + 1).at_most(
        "the largest agent, MiB",
        largest >> 20,
        if cfg!(debug_assertions) { 30 } else { 10 },
    ))
}
