//! A frame that never ends, before and after hello, from many at once.

use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use crate::case::{Case, Outcome, Seconds};
use crate::frames::hello;
use crate::stage::Stage;
use crate::swarm::{Manner, hear, swarm};

/// It is cut at the limit and told why; what it sent was never held.
pub(super) const CASE: Case = Case { memory_mib: 20, ..Case::new("B1", "a frame that never ends", attack) };

/// What each would like to send, in bytes.
const WANTED: u64 = 1 << 30;

const LIMIT: Duration = Duration::from_secs(30);

fn attack(stage: &Stage) -> anyhow::Result<Outcome> {
    let count = stage.form.pick(1_000, 100);
    let to = stage.exporter.ingest;
    let cut = stage.runtime.block_on(swarm(to, count, Manner::default(), |number, mut stream| async move {
        if number % 2 == 0 {
            stream.write_all(hello(&format!("endless-{number}"), "r").as_bytes()).await.ok()?;
            if !hear(&mut stream, "welcome", LIMIT).await {
                return None;
            }
        }
        let begun = Instant::now();
        let (mut read, mut write) = stream.into_split();
        let sender = tokio::spawn(async move {
            let mut sent = 0;
            write.write_all(br#"{"v":1,"t":"later","x":""#).await.ok();
            while sent < WANTED
                && timeout(LIMIT, write.write_all(&[b'x'; 16 * 1024])).await.is_ok_and(|sent| sent.is_ok())
            {
                sent += 16 * 1024;
            }
            sent
        });
        let mut heard = Vec::new();
        let _ = timeout(LIMIT, tokio::io::AsyncReadExt::read_to_end(&mut read, &mut heard)).await;
        let took = begun.elapsed();
        drop(read);
        let sent: u64 = sender.await.ok()?;
        Some((sent, took, String::from_utf8_lossy(&heard).contains("an object is larger than")))
    }));
    let cut: Vec<_> = cut.into_iter().flatten().collect();
    let longest = cut.iter().map(|(_, took, _)| *took).max().context("nobody came in")?;
    let told = cut.iter().filter(|(.., told)| *told).count();
    Ok(Outcome::of(count)
        .exactly("connections cut", cut.iter().filter(|(sent, ..)| *sent < WANTED).count() as u64, count)
        .at_most("the longest until cut", Seconds(longest.as_secs_f64()), Seconds(10.0))
        .mark("told why", told, "at least half", told as u64 * 2 >= count))
}
