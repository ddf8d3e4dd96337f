//! Ten thousand slow connections of five kinds.

use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};

use crate::case::{Case, Outcome, Seconds};
use crate::frames::hello;
use crate::stage::Stage;
use crate::swarm::{Manner, swarm};

/// Each is closed within ten seconds, though there is room for all: it is the time limits that are tried here.
pub(super) const CASE: Case = Case {
    variables: |_| vec![("EXPORTER_MAX_UNGREETED", "12000".to_owned())],
    ..Case::new("B2", "slow connections of five kinds", attack)
};

const LIFE_MAX: f64 = 10.0;

/// The beginning of a TLS handshake.
const HALF_TLS: &[u8] = b"\x16\x03\x01\x02\x00\x01\x00\x01";

/// What is sent at once, and how long it waits between the bytes that follow.
fn kind(number: u64) -> (Vec<u8>, Option<Duration>) {
    let text = hello("slow", "r").into_bytes();
    match number % 5 {
        0 => (Vec::new(), None),
        1 => (text[..1].to_vec(), Some(Duration::from_secs(1))),
        2 => (text[..1].to_vec(), Some(Duration::from_secs(60))),
        3 => (text[..text.len() / 2].to_vec(), None),
        _ => (HALF_TLS.to_vec(), None),
    }
}

fn attack(stage: &Stage) -> anyhow::Result<Outcome> {
    let count = stage.form.pick(10_000, 1_000);
    let lives = stage.runtime.block_on(swarm(
        stage.exporter.ingest,
        count,
        Manner::default(),
        |number, stream| async move {
            let begun = Instant::now();
            let (first, pause) = kind(number);
            let (mut read, mut write) = stream.into_split();
            let sender = tokio::spawn(async move {
                let rest = hello("slow", "r").into_bytes();
                let mut outcome = write.write_all(&first).await;
                for byte in rest.iter().skip(1) {
                    let Some(pause) = pause else { std::future::pending().await };
                    sleep(pause).await;
                    if outcome.is_err() {
                        break;
                    }
                    outcome = write.write_all(&[*byte]).await;
                }
            });
            let mut buffer = [0; 1024];
            let closed = async { while let Ok(1..) = read.read(&mut buffer).await {} };
            let is_closed = timeout(Duration::from_secs(60), closed).await.is_ok();
            sender.abort();
            (is_closed, begun.elapsed())
        },
    ));
    let longest = lives.iter().map(|(_, life)| *life).max().context("nobody came in")?;
    let closed = lives.iter().filter(|(is_closed, _)| *is_closed).count();
    Ok(Outcome::of(count).exactly("connections closed", closed as u64, count).at_most(
        "the longest life",
        Seconds(longest.as_secs_f64()),
        Seconds(LIFE_MAX),
    ))
}
