//! What has to be done from time to time: forgetting those whose time is over, keeping the roster.

use std::sync::Arc;
use std::time::Duration;

use cpumon_daemon::clock::Clock;
use cpumon_daemon::logs::Limited;
use cpumon_daemon::stop::Stop;
use cpumon_protocol::model::Micros;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::exposition::own::Refusal;
use crate::exposition::render::Renderer;
use crate::fleet::Roster;
use crate::http::HttpStats;
use crate::ingest::Desk;
use crate::journal::Journal;
use crate::roster_file::RosterFile;
use crate::site::http_refusals;

/// How often the fleet is swept.
const EVERY: Duration = Duration::from_secs(1);

/// How often a roster that cannot be written is complained about.
const COMPLAIN_EVERY: Micros = Micros::from_secs(60);

/// Keeps house until `stop`; the roster is written last thing. A name that came or went is written within a
/// second, the moments at which agents were last heard every `state_interval`. What HTTP refused is told here, once a
/// second of each kind.
pub(crate) async fn keep(
    desk: Arc<Desk>,
    http: Arc<HttpStats>,
    renderer: Arc<Renderer>,
    clock: Clock,
    file: Option<RosterFile>,
    state_interval: Duration,
    stop: Stop,
) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut complaints = Limited::new(COMPLAIN_EVERY);
    let mut written = Instant::now();
    let mut told = http_refusals(&http);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = stop.requested() => break,
        }
        let now_refused = http_refusals(&http);
        tell_refused(&desk.journal, &told, &now_refused);
        told = now_refused;
        renderer.tidy(clock.now().mono);
        desk.fleet().sweep(clock.now().mono);
        // Without a file for it there is no roster: it has every name.
        let Some(file) = &file else { continue };
        if let Some(roster) = roster(&desk, written.elapsed() >= state_interval) {
            written = Instant::now();
            save(file.clone(), roster, &mut complaints, clock).await;
        }
    }
    if let Some(file) = file {
        let roster = desk.fleet().roster();
        save(file, roster, &mut Limited::new(COMPLAIN_EVERY), clock).await;
    }
}

/// Tells what HTTP has refused since it was told last.
fn tell_refused<const N: usize>(journal: &Journal, told: &[(Refusal, u64); N], now: &[(Refusal, u64); N]) {
    for ((refusal, count), (_, before)) in now.iter().zip(told) {
        if count > before {
            journal.refused_by_http(*refusal, count - before);
        }
    }
}

/// The fleet's roster, if that is due or has other names than before.
fn roster(desk: &Desk, is_due: bool) -> Option<Roster> {
    let mut fleet = desk.fleet();
    let changed = fleet.roster_if_changed();
    if is_due { Some(fleet.roster()) } else { changed }
}

async fn save(file: RosterFile, roster: Roster, complaints: &mut Limited<()>, clock: Clock) {
    let path = file.path().to_owned();
    let saved = tokio::task::spawn_blocking(move || file.save(&roster)).await;
    if let Ok(Err(error)) = saved
        && let Some(left_out) = complaints.pass((), clock.now().mono)
    {
        tracing::error!(path = %path.display(), %error, left_out, "cannot write the roster; who dies during a restart of the exporter will not be reported");
    }
}
