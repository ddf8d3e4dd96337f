//! Certificates that are replaced while the exporter runs.

use std::sync::Arc;
use std::time::Duration;

use cpumon_daemon::stop::Stop;
use cpumon_daemon::tls::ServerTls;
use tokio::time::sleep;

/// Looks at the files of `all`, each known by what its variables begin with, every `interval` until `stop`.
pub(crate) async fn follow(all: Vec<(&'static str, Arc<ServerTls>)>, interval: Duration, stop: Stop) {
    let stopped = stop.requested();
    let follow = async {
        while !all.is_empty() {
            sleep(interval).await;
            for (variables, tls) in &all {
                look(variables, tls).await;
            }
        }
    };
    tokio::select! {
        () = stopped => {}
        () = follow => {}
    }
}

/// Each change of the files is told once, whatever it brings.
async fn look(variables: &'static str, tls: &Arc<ServerTls>) {
    let files = Arc::clone(tls);
    // Files may be on a disk that does not answer.
    match tokio::task::spawn_blocking(move || files.refresh()).await {
        Ok(None) => {}
        Ok(Some(Ok(()))) => tracing::info!(variables, "new certificates are in use"),
        Ok(Some(Err(error))) => {
            tracing::error!(
                variables,
                "the certificates in use stay, as the new ones are of no use: {error}"
            );
        }
        Err(error) => tracing::error!(variables, %error, "cannot look at the certificates"),
    }
}
