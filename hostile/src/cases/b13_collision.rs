//! Two that claim one name at the same moment.

use std::time::Duration;

use tokio::io::AsyncWriteExt;

use crate::case::{Case, Outcome};
use crate::frames::{hello, sample};
use crate::stage::Stage;
use crate::swarm::{Manner, connect, hear};

/// One of them gets it, the other is told; never are both shown as one.
pub(super) const CASE: Case = Case::new("B13", "two that claim one name", attack);

const LIMIT: Duration = Duration::from_secs(10);

fn attack(stage: &Stage) -> anyhow::Result<Outcome> {
    let count = stage.form.pick(1_000, 100);
    let to = stage.exporter.ingest;
    let (mut both, mut neither) = (0, 0);
    let mut holders = Vec::new();
    stage.runtime.block_on(async {
        for number in 0..count {
            let claim = async |run: &str, from: u64| {
                let mut stream = connect(to, from, Manner::default()).await.ok()?;
                let said = hello(&format!("claimed-{number}"), run) + &sample(1);
                stream.write_all(said.as_bytes()).await.ok()?;
                hear(&mut stream, "\"ack\"", LIMIT).await.then_some(stream)
            };
            match tokio::join!(claim("one", 2 * number), claim("two", 2 * number + 1)) {
                (Some(_), Some(_)) => both += 1,
                (None, None) => neither += 1,
                (one, two) => holders.extend(one.or(two)),
            }
        }
    });
    let page = stage.page()?;
    Ok(Outcome::of(count)
        .exactly("names that both got", both, 0)
        .exactly("names that neither got", neither, 0)
        .exactly("told that the name is taken", page.rejected_frames("name_conflict") as u64, count)
        .exactly("series of claimed names", page.count("my_cpu_percents{agent=\"claimed-"), count))
}
