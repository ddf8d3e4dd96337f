//! Thousands of connections that said hello and rest.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use crate::case::{Case, Form, Guard, Outcome};
use crate::frames::{hello, hello_with};
use crate::stage::Stage;
use crate::swarm::{Manner, connect_tls, hear, swarm, swarm_by, until_closed};

/// A resting connection costs next to nothing, and not for long.
pub(super) const CASE: Case =
    Case { memory_mib: 40, ..Case::new("B5", "connections that say hello and rest", attack) };

/// Over TLS it costs a little more.
pub(super) const OVER_TLS: Case = Case {
    guard: Guard::Tokens,
    memory_mib: 150,
    // Handshakes take time: the last one is to come before the first one goes.
    variables: |_| vec![("EXPORTER_IDLE_TIMEOUT", "60s".to_owned())],
    ..Case::new("B5-TLS", "connections over TLS that say hello and rest", attack_over_tls)
};

fn attack(stage: &Stage) -> anyhow::Result<Outcome> {
    let count = stage.form.pick(10_000, 1_000);
    let patience = stage.form.pick(Duration::from_secs(20), Duration::from_secs(2));
    let ends = stage.runtime.block_on(swarm(
        stage.exporter.ingest,
        count,
        Manner::default(),
        move |number, stream| rest(stream, hello(&format!("idle-{number}"), "r"), patience),
    ));
    Ok(judge(&ends, count, stage.form))
}

fn attack_over_tls(stage: &Stage) -> anyhow::Result<Outcome> {
    let count = stage.form.pick(10_000, 200);
    let patience = stage.form.pick(Duration::from_secs(70), Duration::from_secs(2));
    let (to, credentials) = (stage.ingest_tls()?, stage.credentials()?);
    let tls = Arc::clone(&credentials.trusting);
    let ends = stage.runtime.block_on(swarm_by(
        count,
        move |number| connect_tls(to, number, Manner::default(), Arc::clone(&tls)),
        move |number, stream| {
            rest(stream, hello_with(&format!("idle-{number}"), "r", &credentials.token), patience)
        },
    ));
    Ok(judge(&ends, count, stage.form))
}

/// Says hello and waits; whether it was welcome, and whether it was closed.
async fn rest(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    hello: String,
    patience: Duration,
) -> (bool, bool) {
    let is_said = stream.write_all(hello.as_bytes()).await.is_ok() && stream.flush().await.is_ok();
    let is_welcome = is_said && hear(&mut stream, "welcome", Duration::from_secs(10)).await;
    (is_welcome, until_closed(&mut stream, patience).await.0.is_some())
}

fn judge(ends: &[(bool, bool)], count: u64, form: Form) -> Outcome {
    let welcome = ends.iter().filter(|(welcome, _)| *welcome).count() as u64;
    let closed = ends.iter().filter(|(_, closed)| *closed).count() as u64;
    let outcome = Outcome::of(count).exactly("said welcome to", welcome, count);
    // The short form does not wait for their end.
    match form {
        Form::Full => outcome.exactly("closed for their silence", closed, count),
        Form::Short => outcome,
    }
}
