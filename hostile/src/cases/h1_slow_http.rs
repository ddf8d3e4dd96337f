//! HTTP clients that send slowly, read slowly, or ask without a pause.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::time::sleep;

use crate::case::{Case, Outcome};
use crate::stage::Stage;
use crate::swarm::{Manner, connect, in_turn, swarm, until_closed};

/// A scraper on a fresh connection is served as if they were not there.
pub(super) const CASE: Case =
    Case { memory_mib: 20, ..Case::new("H1", "slow HTTP clients and a flood of requests", attack) };

fn attack(stage: &Stage) -> anyhow::Result<Outcome> {
    let (slow, span, pause) = stage.form.pick(
        (10_000, Duration::from_secs(30), Duration::from_millis(16)),
        (1_000, Duration::from_secs(4), Duration::from_millis(160)),
    );
    let to = stage.exporter.http;
    stage.runtime.block_on(async {
        let manner = Manner { receive_buffer: Some(2_048), resets: true };
        let slow_ones = swarm(to, slow, manner, move |number, mut stream| async move {
            let request: &[u8] = match number % 4 {
                0 => b"",
                1 => b"GET /metrics HTTP/1.1\r\nHost: x\r\nX-Slow: ",
                // They read nothing of it.
                _ => b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
            };
            let _ = stream.write_all(request).await;
            sleep(span).await;
        });
        let manner = Manner { resets: true, ..Manner::default() };
        let flood = in_turn(16, u64::MAX, span, move |number| async move {
            sleep(pause).await;
            if let Ok(mut stream) = connect(to, number, manner).await {
                let _ =
                    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
                let _ = until_closed(&mut stream, Duration::from_secs(2)).await;
            }
        });
        let (_, requests) = tokio::join!(slow_ones, flood);
        Ok(Outcome::of(slow + requests))
    })
}
