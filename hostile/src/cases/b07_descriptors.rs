//! More connections than there are descriptors, for minutes; and a bound that falls below what is open.

use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, prlimit};
use tokio::io::AsyncWriteExt;

use crate::case::{Case, Outcome, Seconds};
use crate::stage::Stage;
use crate::swarm::{Manner, connect, in_turn, join, until_closed};

/// The exporter never exits, and takes new ones as soon as there is room.
pub(super) const CASE: Case = Case {
    descriptors: Some(256),
    // For two seconds there is no descriptor for its connection either.
    scrape_max: 3,
    ..Case::new("B7", "1,000 connections on 256 descriptors", attack)
};

const RECOVER_MAX: f64 = 2.0;

fn attack(stage: &Stage) -> anyhow::Result<Outcome> {
    let span = stage.form.pick(Duration::from_secs(300), Duration::from_secs(8));
    let (ingest, http) = (stage.exporter.ingest, stage.exporter.http);
    let hold = Duration::from_secs(3);
    let tried = stage.runtime.block_on(in_turn(1_000, u64::MAX, span, move |number| async move {
        let to = if number % 2 == 0 { http } else { ingest };
        if let Ok(mut stream) = connect(to, number, Manner { resets: true, ..Manner::default() }).await {
            let _ = stream.write_all(b"GET /metrics HTTP/1.1\r\nHost").await;
            let _ = until_closed(&mut stream, hold).await;
        }
    }));
    let recovered = stage.runtime.block_on(exhaust(stage))?;
    Ok(Outcome::of(tried).at_most(
        "an agent is let in after descriptors are back, in",
        Seconds(recovered.as_secs_f64()),
        Seconds(RECOVER_MAX),
    ))
}

/// Takes away all descriptors that are not in use for two seconds; how long after they are back an agent gets in.
async fn exhaust(stage: &Stage) -> anyhow::Result<Duration> {
    let pid = i32::try_from(stage.exporter.pid()).ok().and_then(Pid::from_raw);
    let bound = |current| Rlimit { current: Some(current), maximum: Some(256) };
    // Some low ones may be free: what counts is the highest.
    prlimit(pid, Resource::Nofile, bound(8))?;
    let to = stage.exporter.ingest;
    let waiting = tokio::spawn(async move { join(to, 1, "late", "r").await });
    tokio::time::sleep(Duration::from_secs(2)).await;
    prlimit(pid, Resource::Nofile, bound(256))?;
    let back = Instant::now();
    waiting.await??;
    Ok(back.elapsed())
}
