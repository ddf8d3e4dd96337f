//! Good frames in odd pieces.

use std::time::Duration;

use anyhow::ensure;
use cpumon_load::process::Process;
use fastrand::Rng;
use tokio::io::AsyncWriteExt;

use crate::case::{Case, Outcome};
use crate::frames::{KEY, hello, sample};
use crate::stage::Stage;
use crate::swarm::{Manner, connect, hear, swarm};

/// What was said is understood, however it was cut; single bytes cost little.
pub(super) const CASE: Case = Case::new("B10", "good frames in odd pieces", attack);

const LIMIT: Duration = Duration::from_secs(20);

/// Frames in a conversation: no more than a second's worth.
const FRAMES: u64 = 18;

fn attack(stage: &Stage) -> anyhow::Result<Outcome> {
    let count = stage.form.pick(2_000, 200);
    let to = stage.exporter.ingest;
    let answered =
        stage.runtime.block_on(swarm(to, count, Manner::default(), |number, mut stream| async move {
            let mut random = Rng::with_seed(number);
            let between = ["", "\n", "\r\n", " \t\r\n\n"][number as usize % 4];
            let is_v1 = number % 2 == 0;
            let frames: Vec<String> = if is_v1 {
                let samples = (1..=FRAMES).map(sample);
                std::iter::once(hello(&format!("odd-{number}"), "r"))
                    .chain(samples)
                    .map(|frame| frame.trim().to_owned())
                    .collect()
            } else {
                (1..=FRAMES).map(|value| format!("{{\"{KEY}\": {value}}}")).collect()
            };
            let stream_bytes = frames.join(between).into_bytes();
            let last = if is_v1 { format!("\"seq\":{FRAMES}") } else { format!(": {FRAMES}}}") };
            let mut rest = &stream_bytes[..];
            while !rest.is_empty() {
                let most = if number % 3 == 0 { 1 } else { 300 };
                let (now, later) = rest.split_at(random.usize(1..=most).min(rest.len()));
                if stream.write_all(now).await.is_err() {
                    return false;
                }
                rest = later;
                if number % 3 != 0 {
                    tokio::task::yield_now().await;
                }
            }
            hear(&mut stream, &last, LIMIT).await
        }));
    let cpu_ms = stage.runtime.block_on(cost_of_bytes(stage))?;
    let answered = answered.iter().filter(|answered| **answered).count() as u64;
    Ok(Outcome::of(count).exactly("conversations answered to the last frame", answered, count).at_most(
        "CPU for a frame of 1 KiB in single bytes, ms",
        cpu_ms,
        10.0,
    ))
}

/// CPU that the exporter takes for 1 KiB of a frame in single bytes, in ms; the honest agents' included.
async fn cost_of_bytes(stage: &Stage) -> anyhow::Result<f64> {
    const ROUNDS: u32 = 20;
    let process = Process::new(stage.exporter.pid());
    let before = process.cpu_time()?;
    for number in 0..ROUNDS {
        let mut stream = connect(stage.exporter.ingest, u64::from(number), Manner::default()).await?;
        let object = format!("{{\"{KEY}\": 1, \"x\": \"{}\"}}", "x".repeat(980));
        for byte in object.as_bytes() {
            stream.write_all(&[*byte]).await?;
            tokio::task::yield_now().await;
        }
        ensure!(hear(&mut stream, "PERCENTAGE", LIMIT).await, "no answer to single bytes");
    }
    let spent = process.cpu_time()?.saturating_sub(before);
    Ok((spent / ROUNDS).as_secs_f64() * 1_000.0)
}
