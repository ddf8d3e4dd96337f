//! Connections that come and go as fast as they can.

use std::time::Duration;

use tokio::io::AsyncWriteExt;

use crate::case::{Case, Outcome};
use crate::stage::Stage;
use crate::swarm::{Manner, connect, in_turn};

/// Whoever is honest does not notice, and nothing is left of it.
pub(super) const CASE: Case = Case::new("B6", "connections that come and go", attack);

fn attack(stage: &Stage) -> anyhow::Result<Outcome> {
    let span = stage.form.pick(Duration::from_secs(60), Duration::from_secs(3));
    let (ingest, http) = (stage.exporter.ingest, stage.exporter.http);
    let manner = Manner { resets: true, ..Manner::default() };
    let tried = stage.runtime.block_on(in_turn(64, u64::MAX, span, move |number| async move {
        // One of eight goes to HTTP.
        let to = if number % 8 == 0 { http } else { ingest };
        if let Ok(mut stream) = connect(to, number, manner).await
            && number % 2 == 0
        {
            let _ = stream.write_all(b"{\"v\":1,").await;
        }
    }));
    Ok(Outcome::of(tried))
}
