//! Invented names by the million, each with a good sample.

use std::time::Duration;

use tokio::io::AsyncWriteExt;

use crate::case::{Case, Form, Outcome};
use crate::frames::{hello, sample};
use crate::honest::AGENTS;
use crate::stage::Stage;
use crate::swarm::{Manner, connect, hear, in_turn};

/// The fleet stays within its bound; who lives is never forgotten for who is invented.
pub(super) const CASE: Case = Case {
    variables: |form| match form {
        Form::Full => Vec::new(),
        Form::Short => vec![("EXPORTER_MAX_AGENTS", "1000".to_owned())],
    },
    memory_mib: 300,
    ..Case::new("B12", "invented names", attack)
};

const LIMIT: Duration = Duration::from_secs(10);

fn attack(stage: &Stage) -> anyhow::Result<Outcome> {
    let (count, agents_max) = (stage.form.pick(1_000_000, 5_000), stage.form.pick(10_000, 1_000));
    let to = stage.exporter.ingest;
    let manner = Manner { resets: true, ..Manner::default() };
    let tried =
        stage.runtime.block_on(in_turn(64, count, Duration::from_secs(1_800), move |number| async move {
            let Ok(mut stream) = connect(to, number, manner).await else { return };
            let said = hello(&format!("invented-{number}"), "r") + &sample(1);
            if stream.write_all(said.as_bytes()).await.is_ok() {
                hear(&mut stream, "\"ack\"", LIMIT).await;
            }
        }));
    let page = stage.page()?;
    Ok(Outcome::of(tried)
        .exactly("names tried", tried, count)
        .at_most("agents known", page.count("cpumon_agent_up{"), agents_max)
        .exactly("honest agents up", page.sum("cpumon_agent_up{agent=\"honest-") as u64, AGENTS as u64))
}
