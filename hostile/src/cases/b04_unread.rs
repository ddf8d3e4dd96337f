//! Clients that send as fast as they can and never read an answer.

use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use crate::case::{Case, Outcome, Seconds};
use crate::frames::{hello, original, sample};
use crate::stage::Stage;
use crate::swarm::{Manner, swarm};

/// The large answers close their connections; the small ones take no more memory than the kernel keeps for each.
pub(super) const CASE: Case = Case::new("B4", "answers that are never read", attack);

const LIMIT: Duration = Duration::from_secs(15);

fn attack(stage: &Stage) -> anyhow::Result<Outcome> {
    let count = stage.form.pick(1_000, 200);
    let manner = Manner { receive_buffer: Some(2_048), resets: true };
    let lives = stage.runtime.block_on(swarm(
        stage.exporter.ingest,
        count,
        manner,
        |number, mut stream| async move {
            let is_large = number % 2 == 0;
            let frames: Vec<u8> = if is_large {
                original("1", 3_900).repeat(20).into_bytes()
            } else {
                let samples: String = (1..100).map(sample).collect();
                (hello(&format!("deaf-{number}"), "r") + &samples).into_bytes()
            };
            let begun = Instant::now();
            let sending = async { while stream.write_all(&frames).await.is_ok() {} };
            let is_closed = timeout(LIMIT, sending).await.is_ok();
            (is_large, is_closed, begun.elapsed())
        },
    ));
    let large: Vec<_> = lives.iter().filter(|(is_large, ..)| *is_large).collect();
    let longest = large.iter().map(|(.., life)| life.as_secs_f64()).fold(0.0, f64::max);
    Ok(Outcome::of(count)
        .exactly(
            "closed of those with large answers",
            large.iter().filter(|(_, closed, _)| *closed).count(),
            large.len(),
        )
        .at_most("the longest of these", Seconds(longest), Seconds(10.0)))
}
