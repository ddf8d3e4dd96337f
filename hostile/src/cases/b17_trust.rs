//! Older TLS, wrong authorities, certificates out of their time: at the exporter, and in the exporter's place.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context;
use rcgen::ExtendedKeyUsagePurpose::{ClientAuth, ServerAuth};
use rustls::{ClientConfig, ServerConfig};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use crate::case::{Case, Guard, Outcome};
use crate::credentials::{Authority, Credentials, Issued, Valid};
use crate::frames::hello_with;
use crate::stage::Stage;
use crate::swarm::{Manner, connect, connect_tls, enter, in_turn, say};

/// Nobody comes in who is not vouched for, and nobody learns a token in the exporter's place.
pub(super) const CASE: Case =
    Case { guard: Guard::Certificates, ..Case::new("B17", "certificates that do not count", attack) };

const LIMIT: Duration = Duration::from_secs(10);

/// Somebody at the exporter's door for TLS.
#[derive(Clone)]
enum Stranger {
    /// With these bytes.
    Says(Vec<u8>),
    /// With TLS 1.3, and a good token.
    Tls(Arc<ClientConfig>),
}

fn strangers(credentials: &Credentials) -> anyhow::Result<Vec<(&'static str, Stranger)>> {
    let (ca, other) = (&credentials.authority, Authority::new()?);
    let with = |issued: &Issued| anyhow::Ok(Stranger::Tls(ca.trusting(Some(issued))?));
    Ok(vec![
        ("no TLS", Stranger::Says(hello_with("web-1", "r", &credentials.token).into_bytes())),
        ("HTTP", Stranger::Says(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n".to_vec())),
        ("TLS 1.2", Stranger::Says(client_hello_1_2())),
        ("no certificate", Stranger::Tls(Arc::clone(&credentials.trusting))),
        ("a certificate of another authority", with(&other.client("web-1", Valid::Now)?)?),
        ("a certificate that has expired", with(&ca.client("web-1", Valid::Before)?)?),
        ("a certificate that does not count yet", with(&ca.client("web-1", Valid::Later)?)?),
        ("a certificate of its own", with(&Issued::by_itself(&["web-1"], ClientAuth)?)?),
        ("a server's certificate", with(&ca.server(&["web-1"], Valid::Now)?)?),
        ("trust in another authority", Stranger::Tls(other.trusting(None)?)),
    ])
}

fn attack(stage: &Stage) -> anyhow::Result<Outcome> {
    let rounds = stage.form.pick(200, 5);
    let (to, credentials) = (stage.ingest_tls()?, stage.credentials()?);
    let strangers = Arc::new(strangers(&credentials)?);
    let count = rounds * strangers.len() as u64;
    let refused = "cpumon_exporter_rejected_connections_total{reason=\"tls\"}";
    let before = stage.page()?.sum(refused);
    let let_in = Arc::new(AtomicU64::new(0));
    let mut outcome = Outcome::of(count);
    stage.runtime.block_on(async {
        let (strangers, counted) = (Arc::clone(&strangers), Arc::clone(&let_in));
        let hello = hello_with("stranger", "r", &credentials.token);
        in_turn(32, count, Duration::from_secs(300), move |number| {
            let (_, stranger) = strangers[number as usize % strangers.len()].clone();
            let (hello, let_in) = (hello.clone(), Arc::clone(&counted));
            async move {
                let is_in = visit(to, number, &stranger, &hello).await;
                let_in.fetch_add(u64::from(is_in), Ordering::Relaxed);
            }
        })
        .await;
    });
    outcome = outcome.exactly("strangers let in", let_in.load(Ordering::Relaxed), 0);
    // The same door, with a certificate that counts: it is not shut to everybody.
    let identity = credentials.authority.client("web-1", Valid::Now)?;
    let tls = credentials.authority.trusting(Some(&identity))?;
    let hello = hello_with("web-1", "r", &credentials.token);
    let is_let_in = stage.runtime.block_on(async {
        let mut stream = connect_tls(to, 1, Manner::default(), tls).await.ok()?;
        enter(&mut stream, &hello).await.ok()
    });
    let refused = stage.page()?.sum(refused) - before;
    outcome = outcome.exactly("refused for their TLS", refused as u64, count).mark(
        "who is vouched for",
        if is_let_in.is_some() { "let in" } else { "refused" },
        "let in",
        is_let_in.is_some(),
    );
    lure(stage, &credentials, outcome)
}

/// Whether it is let in.
async fn visit(to: SocketAddr, number: u64, stranger: &Stranger, hello: &str) -> bool {
    let heard = match stranger {
        Stranger::Says(bytes) => match connect(to, number, Manner::default()).await {
            Ok(mut stream) => say(&mut stream, bytes, LIMIT).await.1,
            Err(_) => Vec::new(),
        },
        // A client knows only afterwards that its certificate was refused.
        Stranger::Tls(tls) => match connect_tls(to, number, Manner::default(), Arc::clone(tls)).await {
            Ok(mut stream) => say(&mut stream, hello.as_bytes(), LIMIT).await.1,
            Err(_) => Vec::new(),
        },
    };
    String::from_utf8_lossy(&heard).contains("\"welcome\"")
}

/// What stands in the exporter's place.
enum Impostor {
    /// TLS 1.3 with a certificate that must not count.
    Tls(Arc<ServerConfig>),
    /// These bytes, whatever comes.
    Says(Vec<u8>),
    /// What comes, in upper case: the original's server.
    Echo,
}

fn impostors(ca: &Authority) -> anyhow::Result<Vec<(&'static str, Impostor)>> {
    let with = |issued: &Issued| anyhow::Ok(Impostor::Tls(issued.server()?));
    let here = &["localhost", "127.0.0.1"];
    Ok(vec![
        ("another authority", with(&Authority::new()?.server(here, Valid::Now)?)?),
        ("expired", with(&ca.server(here, Valid::Before)?)?),
        ("not valid yet", with(&ca.server(here, Valid::Later)?)?),
        ("another name", with(&ca.server(&["exporter.example"], Valid::Now)?)?),
        ("vouched for by itself", with(&Issued::by_itself(here, ServerAuth)?)?),
        ("a client's certificate", with(&ca.client("localhost", Valid::Now)?)?),
        ("TLS 1.2", Impostor::Says(server_hello_1_2())),
        ("no TLS", Impostor::Says(b"{\"v\":1,\"t\":\"welcome\",\"stale_ms\":5000}\n".to_vec())),
        ("the original's server", Impostor::Echo),
        ("nothing", Impostor::Says(Vec::new())),
    ])
}

/// What the impostors have come to know.
#[derive(Default)]
struct Learnt {
    knocks: AtomicU64,
    frames: AtomicU64,
    tokens: AtomicU64,
}

/// Our agent, with a token, finds impostors where its exporter should be.
fn lure(stage: &Stage, credentials: &Credentials, mut outcome: Outcome) -> anyhow::Result<Outcome> {
    let span = Duration::from_secs(stage.form.pick(20, 4));
    let impostors = impostors(&credentials.authority)?;
    let learnt: Vec<Arc<Learnt>> = impostors.iter().map(|_| Arc::default()).collect();
    let names: Vec<&'static str> = impostors.iter().map(|(name, _)| *name).collect();
    let mut agents = Vec::new();
    stage.runtime.block_on(async {
        for ((_, impostor), learnt) in impostors.into_iter().zip(&learnt) {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            agents.push(Agent::start(stage, credentials, listener.local_addr()?.port())?);
            let (impostor, learnt) = (Arc::new(impostor), Arc::clone(learnt));
            let token = credentials.token.clone();
            tokio::spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    learnt.knocks.fetch_add(1, Ordering::Relaxed);
                    let (impostor, learnt) = (Arc::clone(&impostor), Arc::clone(&learnt));
                    let token = token.clone();
                    tokio::spawn(async move { listen(stream, &impostor, &learnt, &token).await });
                }
            });
        }
        sleep(span).await;
        anyhow::Ok(())
    })?;
    drop(agents);
    let all = |count: fn(&Learnt) -> &AtomicU64| -> u64 {
        learnt.iter().map(|learnt| count(learnt).load(Ordering::Relaxed)).sum()
    };
    let lonely: Vec<_> = names
        .iter()
        .zip(&learnt)
        .filter(|(_, learnt)| learnt.knocks.load(Ordering::Relaxed) == 0)
        .map(|(name, _)| *name)
        .collect();
    outcome.tried += all(|learnt| &learnt.knocks);
    Ok(outcome
        .exactly("impostors to whom no agent came", lonely.join(", ").as_str(), "")
        .exactly("frames that impostors read", all(|learnt| &learnt.frames), 0)
        .exactly("tokens that impostors read", all(|learnt| &learnt.tokens), 0))
}

/// Reads what comes, and notes whether it tells anything.
async fn listen(mut stream: TcpStream, impostor: &Impostor, learnt: &Learnt, token: &str) -> Option<()> {
    let mut first = [0; 4096];
    let length = timeout(LIMIT, stream.peek(&mut first)).await.ok()?.ok()?;
    note(learnt, first.get(..length)?, token);
    match impostor {
        Impostor::Tls(config) => {
            let accepting = TlsAcceptor::from(Arc::clone(config)).accept(stream);
            let stream = timeout(LIMIT, accepting).await.ok()?.ok()?;
            note_all(stream, learnt, token).await;
        }
        Impostor::Says(answer) => {
            stream.write_all(answer).await.ok()?;
            note_all(stream, learnt, token).await;
        }
        Impostor::Echo => {
            stream.write_all(&first.get(..length)?.to_ascii_uppercase()).await.ok()?;
            note_all(stream, learnt, token).await;
        }
    }
    Some(())
}

/// Reads to the end.
async fn note_all(mut stream: impl AsyncRead + Unpin, learnt: &Learnt, token: &str) {
    let mut heard = Vec::new();
    let _ = timeout(LIMIT, stream.read_to_end(&mut heard)).await;
    note(learnt, &heard, token);
}

fn note(learnt: &Learnt, heard: &[u8], token: &str) {
    let text = String::from_utf8_lossy(heard);
    learnt.frames.fetch_add(u64::from(text.contains("\"v\":1")), Ordering::Relaxed);
    learnt.tokens.fetch_add(u64::from(text.contains(token)), Ordering::Relaxed);
}

/// Our agent with a token; it ends with this value.
struct Agent(Child);

impl Agent {
    fn start(stage: &Stage, credentials: &Credentials, port: u16) -> anyhow::Result<Self> {
        Command::new(&stage.agent)
            .env_clear()
            .env("AGENT_EXPORTERS", format!("localhost:{port}"))
            .env("AGENT_NAME", "lured")
            .env("AGENT_TLS", "true")
            .env("AGENT_TLS_CA_FILE", credentials.file("ca.pem"))
            .env("AGENT_TOKEN_FILE", credentials.file("token"))
            .env("AGENT_HEALTH_SOCKET", format!("@cpumon-lured-{}-{port}", std::process::id()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map(Self)
            .with_context(|| format!("cannot start {}", stage.agent.display()))
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A record of TLS that holds one message of a handshake.
fn record(kind: u8, message: &[u8]) -> Vec<u8> {
    let length = |bytes: usize| u16::try_from(bytes).unwrap_or(u16::MAX).to_be_bytes();
    let [high, low] = length(message.len() + 4);
    let [message_high, message_low] = length(message.len());
    [&[0x16, 3, 3, high, low, kind, 0, message_high, message_low][..], message].concat()
}

/// What a client says that knows nothing newer than TLS 1.2.
fn client_hello_1_2() -> Vec<u8> {
    const SUITES: &[u8] = &[0, 4, 0xc0, 0x2b, 0xc0, 0x2f];
    // Groups, points, signatures.
    const EXTENSIONS: &[u8] =
        &[0, 26, 0, 10, 0, 6, 0, 4, 0, 29, 0, 23, 0, 11, 0, 2, 1, 0, 0, 13, 0, 6, 0, 4, 4, 3, 8, 4];
    record(1, &[&[3, 3][..], &[7; 32], &[0], SUITES, &[1, 0], EXTENSIONS].concat())
}

/// What a server answers that knows nothing newer than TLS 1.2.
fn server_hello_1_2() -> Vec<u8> {
    record(2, &[&[3, 3][..], &[7; 32], &[0, 0xc0, 0x2b, 0]].concat())
}
