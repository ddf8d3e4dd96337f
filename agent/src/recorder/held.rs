//! Totals of CPU time as they are shown: they do not fall but for a reset.
//!
//! Some kernels let a mode fall a little (iowait always could; user, with full dynticks, when an estimate is
//! replaced by the measured time). Prometheus would take each fall for a reset and count all time since boot
//! again. So a mode that falls a little keeps its old value until it is overtaken; one that falls far was reset.

use cpumon_protocol::model::{CpuTimes, GuestTimes, Micros, Mode};

use super::outcome::{Change, Total};
use crate::sampling::Times;

/// A fall by this much or more is a reset.
pub(super) const RESET: Micros = Micros::from_secs(3);

/// The totals as last shown.
#[derive(Debug, Default)]
pub(super) struct Held {
    modes: Option<CpuTimes>,
    guest: Option<GuestTimes>,
}

impl Held {
    /// Goes on from what was shown before.
    pub(super) const fn new(modes: Option<CpuTimes>, guest: Option<GuestTimes>) -> Self {
        Self { modes, guest }
    }

    /// Takes in a reading; pushes a change for each total that was reset.
    pub(super) fn update(&mut self, times: &Times, changes: &mut Vec<Change>) {
        let modes = self.modes.get_or_insert(times.total);
        for mode in Mode::ALL {
            modes.set(mode, hold(Total::Mode(mode), modes.get(mode), times.total.get(mode), changes));
        }
        self.guest = times.guest.map(|now| {
            let shown = self.guest.unwrap_or(now);
            GuestTimes {
                user: hold(Total::GuestUser, shown.user, now.user, changes),
                nice: hold(Total::GuestNice, shown.nice, now.nice, changes),
            }
        });
    }

    /// What is to be shown.
    pub(super) const fn totals(&self) -> (Option<CpuTimes>, Option<GuestTimes>) {
        (self.modes, self.guest)
    }
}

fn hold(total: Total, shown: Micros, now: Micros, changes: &mut Vec<Change>) -> Micros {
    let held = held(shown, now);
    if held < shown {
        changes.push(Change::Reset { total, from: shown, to: now });
    }
    held
}

/// What is to be shown of a total that was `shown` and is read as `now`.
pub(super) fn held(shown: Micros, now: Micros) -> Micros {
    let is_reset = shown.saturating_sub(now) >= RESET;
    if is_reset { now } else { now.max(shown) }
}
