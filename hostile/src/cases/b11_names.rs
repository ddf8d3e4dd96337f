//! Names that would break a page of metrics, a log, or a disk.

use std::time::Duration;

use crate::case::{Case, Outcome};
use crate::frames::hello;
use crate::stage::Stage;
use crate::swarm::{Manner, connect, in_turn, say};

/// No such name is ever shown, and each is answered with what a name may be.
pub(super) const CASE: Case = Case::new("B11", "names that are none", attack);

const LIMIT: Duration = Duration::from_secs(5);

/// As JSON writes them.
const NAMES: [&str; 14] = [
    "",
    " ",
    "a b",
    "\\\"",
    "\\\\",
    "a\\nb",
    "a\\u0000",
    "\\u001b[31m",
    "\\u202egro.elpmaxe",
    "..\\/..\\/etc\\/passwd",
    "a\\\"} 1\\nmy_cpu_percents{agent=\\\"b",
    "ünïcode",
    "10.0.0.1:80",
    "{}",
];

fn attack(stage: &Stage) -> anyhow::Result<Outcome> {
    let count = stage.form.pick(10_000, 500) / 15 * 15;
    let before = stage.page()?;
    let to = stage.exporter.ingest;
    let tried =
        stage.runtime.block_on(in_turn(32, count, Duration::from_secs(300), move |number| async move {
            let long = "a".repeat(129);
            let name = NAMES.get(number as usize % 15).copied().unwrap_or(&long);
            if let Ok(mut stream) = connect(to, number, Manner::default()).await {
                say(&mut stream, hello(name, "r").as_bytes(), LIMIT).await;
            }
        }));
    let after = stage.page()?;
    let strangers = after.count("cpumon_agent_info{") - after.count("cpumon_agent_info{agent=\"honest-");
    Ok(Outcome::of(tried)
        .exactly(
            "bad_name",
            (after.rejected_frames("bad_name") - before.rejected_frames("bad_name")) as u64,
            count,
        )
        .exactly("names shown that are not the honest ones'", strangers, 0))
}
