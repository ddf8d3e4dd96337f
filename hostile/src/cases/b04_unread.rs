//! Clients that send as fast as they can and never read an answer.

use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use crate::case::{Case, Outcome, Seconds};
use crate::frames::{hello, original, sample};
use crate::stage::Stage;
use crate::swarm::{Manner, swarm};

/// Their connections are closed, however small the answers are.
pub(super) const CASE: Case = Case::new("B4", "answers that are never read", attack);

const LIMIT: Duration = Duration::from_secs(25);

fn attack(stage: &Stage) -> anyhow::Result<Outcome> {
    let count = stage.form.pick(1_000, 200);
    let manner = Manner { receive_buffer: Some(2_048), resets: true };
    let lives = stage.runtime.block_on(swarm(
        stage.exporter.ingest,
        count,
        manner,
        |number, mut stream| async move {
            let is_large = number % 2 == 0;
            let begun = Instant::now();
            let sending = async {
                let mut frames = match is_large {
                    true => original("1", 3_900).repeat(20),
                    false => hello(&format!("deaf-{number}"), "r"),
                };
                let mut seqs = 1..;
                while stream.write_all(frames.as_bytes()).await.is_ok() {
                    if !is_large {
                        frames = seqs.by_ref().take(100).map(sample).collect();
                    }
                }
            };
            let is_closed = timeout(LIMIT, sending).await.is_ok();
            (is_large, is_closed, begun.elapsed())
        },
    ));
    let outcome = Outcome::of(count);
    Ok([("closed of those with large answers", true), ("closed of those with small ones", false)]
        .into_iter()
        .fold(outcome, |outcome, (what, wanted)| {
            let kind: Vec<_> = lives.iter().filter(|(is_large, ..)| *is_large == wanted).collect();
            let longest = kind.iter().map(|(.., life)| life.as_secs_f64()).fold(0.0, f64::max);
            outcome.exactly(what, kind.iter().filter(|(_, closed, _)| *closed).count(), kind.len()).at_most(
                "the longest of these",
                Seconds(longest),
                Seconds(stage.form.pick(10.0, 20.0)),
            )
        }))
}
