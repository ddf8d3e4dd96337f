//! Thousands of connections that said hello and rest.

use std::time::Duration;

use tokio::io::AsyncWriteExt;

use crate::case::{Case, Outcome};
use crate::frames::hello;
use crate::stage::Stage;
use crate::swarm::{Manner, hear, swarm, until_closed};

/// A resting connection costs next to nothing, and not for long.
pub(super) const CASE: Case =
    Case { memory_mib: 40, ..Case::new("B5", "connections that say hello and rest", attack) };

fn attack(stage: &Stage) -> anyhow::Result<Outcome> {
    let count = stage.form.pick(10_000, 1_000);
    let rest = stage.form.pick(Duration::from_secs(20), Duration::from_secs(2));
    let ends = stage.runtime.block_on(swarm(
        stage.exporter.ingest,
        count,
        Manner::default(),
        move |number, mut stream| async move {
            let text = hello(&format!("idle-{number}"), "r");
            let welcome = stream.write_all(text.as_bytes()).await.is_ok()
                && hear(&mut stream, "welcome", Duration::from_secs(10)).await;
            (welcome, until_closed(&mut stream, rest).await.0)
        },
    ));
    let welcome = ends.iter().filter(|(welcome, _)| *welcome).count() as u64;
    let closed = ends.iter().filter(|(_, closed)| closed.is_some()).count() as u64;
    let outcome = Outcome::of(count).exactly("said welcome to", welcome, count);
    // The short form does not wait for their end.
    Ok(match stage.form {
        crate::case::Form::Full => outcome.exactly("closed for their silence", closed, count),
        crate::case::Form::Short => outcome,
    })
}
