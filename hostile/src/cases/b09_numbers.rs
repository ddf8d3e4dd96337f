//! Numbers that are none, or none of a percentage.

use std::time::Duration;

use crate::case::{Case, Outcome};
use crate::frames::original;
use crate::stage::Stage;
use crate::swarm::{Manner, connect, hear, in_turn, say};

/// What is shown is between 0 and 100 and a number, whatever is sent.
pub(super) const CASE: Case = Case::new("B9", "numbers out of range", attack);

const LIMIT: Duration = Duration::from_secs(5);

const BAD: [&str; 16] = [
    "NaN",
    "Infinity",
    "-Infinity",
    "1e400",
    "-1e400",
    "-1",
    "-1e-9",
    "100.0001",
    "101",
    "1e308",
    "18446744073709551616",
    "1e999999999999",
    "0x1",
    "+1",
    "01",
    "\"1\"",
];

const GOOD: [&str; 8] =
    ["0", "-0", "-0.0e5", "1e-400", "100", "1E2", "99.9999999999999999999", "0.000000000000001"];

fn attack(stage: &Stage) -> anyhow::Result<Outcome> {
    let rounds = stage.form.pick(200, 10);
    let count = rounds * (BAD.len() + GOOD.len()) as u64;
    let to = stage.exporter.ingest;
    let before = stage.page()?;
    let tried =
        stage.runtime.block_on(in_turn(32, count, Duration::from_secs(300), move |number| async move {
            let index = number as usize % (BAD.len() + GOOD.len());
            let Ok(mut stream) = connect(to, number, Manner::default()).await else { return };
            let digits = "3".repeat(3_000);
            match (BAD.get(index), GOOD.get(index.saturating_sub(BAD.len()))) {
                (Some(bad), _) => drop(say(&mut stream, original(bad, 0).as_bytes(), LIMIT).await),
                (None, Some(good)) => {
                    use tokio::io::AsyncWriteExt;
                    // A number of 3,000 digits is one too.
                    let good = if number % 7 == 0 { format!("0.{digits}") } else { (*good).to_owned() };
                    let _ = stream.write_all(original(&good, 0).as_bytes()).await;
                    let _ = hear(&mut stream, "PERCENTAGE", LIMIT).await;
                }
                (None, None) => {}
            }
        }));
    let after = stage.page()?;
    let all_in_range = after.series("my_cpu_percents{").all(|(_, value)| (0.0..=100.0).contains(&value));
    let refused = after.sum("cpumon_exporter_rejected_frames_total{")
        - before.sum("cpumon_exporter_rejected_frames_total{");
    let taken = "cpumon_exporter_frames_total{format=\"original\"}";
    Ok(Outcome::of(tried)
        .mark(
            "what is shown",
            if all_in_range { "0 to 100" } else { "out of range" },
            "0 to 100",
            all_in_range,
        )
        .exactly("refused", refused as u64, rounds * BAD.len() as u64)
        .exactly("taken", (after.sum(taken) - before.sum(taken)) as u64, rounds * GOOD.len() as u64))
}
