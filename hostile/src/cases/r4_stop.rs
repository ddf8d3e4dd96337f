//! A stop while ten thousand clients are stalled.

use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::io::AsyncWriteExt;
use tokio::task::JoinSet;

use crate::case::{Case, Outcome, Seconds};
use crate::frames::{hello, original, sample};
use crate::stage::Stage;
use crate::swarm::{Manner, connect};

/// It ends in five seconds with status 0, and every frame that was answered was counted.
pub(super) const CASE: Case = Case {
    variables: |_| {
        [
            "EXPORTER_HELLO_TIMEOUT",
            "EXPORTER_FRAME_TIMEOUT",
            "EXPORTER_WRITE_TIMEOUT",
            "EXPORTER_IDLE_TIMEOUT",
        ]
        .map(|name| (name, "600s".to_owned()))
        .into_iter()
        .chain([("EXPORTER_MAX_UNGREETED", "12000".to_owned())])
        .collect()
    },
    ends_exporter: true,
    memory_mib: 200,
    ..Case::new("R4", "a stop with stalled clients", attack)
};

fn attack(stage: &Stage) -> anyhow::Result<Outcome> {
    let count = stage.form.pick(10_000, 1_000);
    let (ingest, http) = (stage.exporter.ingest, stage.exporter.http);
    let stalled = stage.runtime.block_on(async {
        let mut all = JoinSet::new();
        for number in 0..count {
            all.spawn(async move {
                let manner = Manner { receive_buffer: Some(2_048), ..Manner::default() };
                let to = if number % 20 == 0 { http } else { ingest };
                let mut stream = connect(to, number, manner).await.ok()?;
                let said = match number % 20 {
                    0 => "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n".repeat(50),
                    1..5 => String::new(),
                    5..10 => hello(&format!("stalled-{number}"), "r")[..40].to_owned(),
                    10..15 => hello(&format!("stalled-{number}"), "r"),
                    15 => original("1", 3_900).repeat(20),
                    _ => hello(&format!("stalled-{number}"), "r") + &sample(1),
                };
                let _ = stream.write_all(said.as_bytes()).await;
                Some(stream)
            });
        }
        all.join_all().await
    });
    let connected = stalled.iter().flatten().count() as u64;
    let begun = Instant::now();
    stage.exporter.terminate()?;
    let status = stage.exporter.ended_within(Duration::from_secs(30)).context("it does not end")?;
    let took = begun.elapsed();
    drop(stalled);
    Ok(Outcome::of(connected).exactly("exit status", status.code().unwrap_or(-1), 0).at_most(
        "it took",
        Seconds(took.as_secs_f64()),
        Seconds(5.0),
    ))
}
