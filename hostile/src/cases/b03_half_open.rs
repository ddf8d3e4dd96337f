//! Agents whose machines vanish: nothing more comes, and no end either.

use std::time::{Duration, Instant};

use anyhow::ensure;

use crate::case::{Case, Form, Outcome, Seconds};
use crate::stage::Stage;
use crate::swarm::{join, until_closed};

/// Their gauges are gone when they are no longer true, their connections a little later.
pub(super) const CASE: Case = Case {
    variables: |form| match form {
        Form::Full => Vec::new(),
        Form::Short => vec![("EXPORTER_IDLE_TIMEOUT", "6s".to_owned())],
    },
    ..Case::new("B3", "agents that vanish without an end", attack)
};

const LIMIT: Duration = Duration::from_secs(30);

fn attack(stage: &Stage) -> anyhow::Result<Outcome> {
    let count = stage.form.pick(1_000, 100);
    let to = stage.exporter.ingest;
    let mut gone = Vec::new();
    stage.runtime.block_on(async {
        for number in 0..count {
            gone.push(join(to, number, &format!("gone-{number}"), "r").await?);
        }
        std::io::Result::Ok(())
    })?;
    let last_heard = Instant::now();
    ensure!(shown(stage)? > 0, "they are not shown at all");
    while shown(stage)? > 0 && last_heard.elapsed() < LIMIT {
        std::thread::sleep(Duration::from_millis(100));
    }
    let absent = last_heard.elapsed();
    let closed = stage.runtime.block_on(async {
        let mut closed = 0;
        for stream in &mut gone {
            let left = LIMIT.saturating_sub(last_heard.elapsed());
            closed += u64::from(until_closed(stream, left).await.0.is_some());
        }
        closed
    });
    let most = stage.form.pick(16.0, 8.0);
    Ok(Outcome::of(count)
        .at_most("gauges absent after", Seconds(absent.as_secs_f64()), Seconds(6.5))
        .exactly("connections closed", closed, count)
        .at_most("all closed after", Seconds(last_heard.elapsed().as_secs_f64()), Seconds(most)))
}

fn shown(stage: &Stage) -> anyhow::Result<u64> {
    Ok(stage.page()?.count("my_cpu_percents{agent=\"gone-"))
}
