//! Frames again, late, in another order, and by somebody who has listened.

use std::time::Duration;

use tokio::io::AsyncWriteExt;

use crate::case::{Case, Outcome};
use crate::frames::{hello, sample};
use crate::stage::Stage;
use crate::swarm::{Manner, connect, hear, say, swarm};

/// No total ever counts twice or falls.
pub(super) const CASE: Case = Case::new("B14", "frames replayed and reordered", attack);

const LIMIT: Duration = Duration::from_secs(10);

/// The newest frame.
const NEWEST: u64 = 10;

fn attack(stage: &Stage) -> anyhow::Result<Outcome> {
    let count = stage.form.pick(1_000, 100);
    let to = stage.exporter.ingest;
    let outcomes =
        stage.runtime.block_on(swarm(to, count, Manner::default(), move |number, mut stream| async move {
            let name = format!("replayed-{number}");
            let mut random = fastrand::Rng::with_seed(number);
            let newest = hello(&name, "r") + &sample(1) + &sample(NEWEST);
            let mut older: Vec<u64> = (1..=NEWEST - 1).collect();
            random.shuffle(&mut older);
            let again: String = older.into_iter().chain([NEWEST]).map(sample).collect();
            stream.write_all((newest.clone() + &again).as_bytes()).await.ok()?;
            // Each is answered, so that nobody waits; none of them counts.
            let wanted = format!("\"seq\":{NEWEST}}}\n");
            let is_answered = hear(&mut stream, &wanted, LIMIT).await;
            // Somebody has listened, and says it all again while the first is still there.
            let mut replayer = connect(to, number + count, Manner::default()).await.ok()?;
            let (_, heard) = say(&mut replayer, newest.as_bytes(), Duration::from_millis(500)).await;
            let is_refused = !String::from_utf8_lossy(&heard).contains("\"t\":\"ack\"");
            Some((is_answered, is_refused, stream))
        }));
    let page = stage.page()?;
    let counts: Vec<f64> = page
        .series("cpumon_utilization_sample_ratio_count{agent=\"replayed-")
        .map(|(_, count)| count)
        .collect();
    let whole = counts.iter().filter(|count| (**count - NEWEST as f64).abs() < 0.5).count() as u64;
    let outcomes: Vec<_> = outcomes.into_iter().flatten().collect();
    Ok(Outcome::of(count * (2 * NEWEST + 1))
        .exactly("totals that are the newest frame's", whole, count)
        .exactly(
            "conversations answered",
            outcomes.iter().filter(|(answered, ..)| *answered).count() as u64,
            count,
        )
        .exactly("replays refused", outcomes.iter().filter(|(_, refused, _)| *refused).count() as u64, count))
}
