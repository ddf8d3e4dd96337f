//! What cannot be seen from outside a process without waiting for it.

use serde::Deserialize;
use tokio::{task, time};

use super::*;
use crate::variables::Table;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

impl Configuration for Nothing {
    const TABLE: &'static Table = &Table { prefix: "CPUMON_DAEMON_TEST_", groups: &[] };
}

/// A program that can be configured in no way, on a runtime whose clock runs ahead when all are waiting.
fn program() -> Program<Nothing> {
    Program {
        name: "test",
        version: "0",
        about: "is tested",
        runtime: || tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build(),
        logs: |_| logs::Settings { filter: logs::LogFilter::default(), format: logs::LogFormat::Text },
    }
}

#[test]
fn a_health_check_has_five_seconds() {
    let check = |millis| {
        program().healthcheck(async move |_| {
            time::sleep(Duration::from_millis(millis)).await;
            Ok(())
        })
    };
    assert_eq!(check(4_999), ExitCode::SUCCESS);
    assert_eq!(check(5_001), ExitCode::FAILURE);
}

#[test]
fn the_end_does_not_wait_for_what_blocks_a_thread() {
    let (release, blocked) = std::sync::mpsc::channel::<()>();
    let ended = program().block_on(async || {
        let (started, running) = tokio::sync::oneshot::channel();
        task::spawn_blocking(move || {
            let _ = started.send(());
            blocked.recv()
        });
        running.await?;
        Ok("done")
    });
    // The thread waits for this until here; had the end waited for the thread, this would not be reached.
    drop(release);
    assert_eq!(ended.ok(), Some("done"));
}
