//! Connections that come and go as fast as they can, with and without TLS.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use rustls::{ClientConfig, ClientConnection};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Builder;
use tokio::time::timeout;

use crate::case::{Case, Guard, Outcome, Seconds};
use crate::credentials::{Credentials, name_of};
use crate::frames::hello_with;
use crate::stage::Stage;
use crate::swarm::{Manner, connect, connect_tls, enter, in_turn};

/// Whoever is honest does not notice, and nothing is left of it.
pub(super) const CASE: Case = Case::new("B6", "connections that come and go", attack);

/// The same with handshakes, most of which cost the attacker nothing: an agent over TLS gets in all the while.
pub(super) const OVER_TLS: Case =
    Case { guard: Guard::Tokens, ..Case::new("B6-TLS", "handshakes without end", attack_over_tls) };

/// How long an agent waits until it is welcome, all in all.
const WELCOME_MAX: f64 = 3.0;

fn attack(stage: &Stage) -> anyhow::Result<Outcome> {
    let span = stage.form.pick(Duration::from_secs(60), Duration::from_secs(3));
    let (ingest, http) = (stage.exporter.ingest, stage.exporter.http);
    let manner = Manner { resets: true, ..Manner::default() };
    let tried = stage.runtime.block_on(in_turn(64, u64::MAX, span, move |number| async move {
        // One of eight goes to HTTP.
        let to = if number % 8 == 0 { http } else { ingest };
        if let Ok(mut stream) = connect(to, number, manner).await
            && number % 2 == 0
        {
            let _ = stream.write_all(b"{\"v\":1,").await;
        }
    }));
    Ok(Outcome::of(tried))
}

fn attack_over_tls(stage: &Stage) -> anyhow::Result<Outcome> {
    let span = stage.form.pick(Duration::from_secs(60), Duration::from_secs(3));
    let (ingest, http, credentials) = (stage.ingest_tls()?, stage.exporter.http, stage.credentials()?);
    let tls = Arc::clone(&credentials.trusting);
    // What one client has said once, said again: no key of the attacker's is ever used.
    let replayed: Arc<[u8]> = first_flight(&tls)?.into();
    let is_over = Arc::<AtomicBool>::default();
    let newcomers = {
        let (credentials, is_over) = (Arc::clone(&credentials), Arc::clone(&is_over));
        thread::spawn(move || keep_coming(ingest, &credentials, &is_over))
    };
    let tried = stage.runtime.block_on(in_turn(64, u64::MAX, span, move |number| {
        let (tls, replayed) = (Arc::clone(&tls), Arc::clone(&replayed));
        let to = if number % 8 == 0 { http } else { ingest };
        async move {
            // They all may fail: that is what they are for.
            let _ = timeout(Duration::from_secs(2), knock(to, number, tls, &replayed)).await;
        }
    }));
    is_over.store(true, Ordering::Relaxed);
    let newcomers = newcomers.join().map_err(|_| anyhow!("the newcomers' thread panicked"))??;
    Ok(Outcome::of(tried)
        .exactly("newcomers over TLS that did not get in", newcomers.failed, 0)
        .mark("newcomers", newcomers.came, "1 at least", newcomers.came > 0)
        .at_most(
            "the longest that one of them took",
            Seconds(newcomers.longest.as_secs_f64()),
            Seconds(WELCOME_MAX * stage.form.pick(1.0, 8.0)),
        ))
}

/// One of the flood: most make the exporter compute for nothing, some only wait, some finish and go.
async fn knock(to: SocketAddr, number: u64, tls: Arc<ClientConfig>, replayed: &[u8]) -> io::Result<()> {
    let manner = Manner { resets: true, ..Manner::default() };
    match number % 4 {
        0 => drop(connect_tls(to, number, manner, tls).await?),
        1 => connect(to, number, manner).await?.write_all(replayed.get(..100).unwrap_or_default()).await?,
        _ => {
            let mut stream = connect(to, number, manner).await?;
            stream.write_all(replayed).await?;
            let _ = stream.read(&mut [0; 1024]).await?;
        }
    }
    Ok(())
}

/// What a client says first.
fn first_flight(tls: &Arc<ClientConfig>) -> anyhow::Result<Vec<u8>> {
    let mut client = ClientConnection::new(Arc::clone(tls), name_of("localhost")?)?;
    let mut said = Vec::new();
    client.write_tls(&mut said)?;
    Ok(said)
}

/// Those who are let in meanwhile.
#[derive(Default)]
struct Newcomers {
    came: u64,
    failed: u64,
    longest: Duration,
}

/// Somebody with a token comes five times a second, from a thread of its own.
fn keep_coming(to: SocketAddr, credentials: &Credentials, is_over: &AtomicBool) -> io::Result<Newcomers> {
    let mut newcomers = Newcomers::default();
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut number = 0;
        while !is_over.load(Ordering::Relaxed) {
            let begun = Instant::now();
            let came = async {
                let manner = Manner::default();
                let mut stream = connect_tls(to, number, manner, Arc::clone(&credentials.trusting)).await?;
                let name = format!("newcomer-{}", number % 100);
                enter(&mut stream, &hello_with(&name, &format!("r{number}"), &credentials.token)).await?;
                stream.write_all(b"{\"v\":1,\"t\":\"bye\",\"reason\":\"stop\"}\n").await?;
                stream.flush().await
            };
            match came.await {
                Ok(()) => newcomers.came += 1,
                Err(_) => newcomers.failed += 1,
            }
            newcomers.longest = newcomers.longest.max(begun.elapsed());
            number += 1;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    });
    Ok(newcomers)
}
