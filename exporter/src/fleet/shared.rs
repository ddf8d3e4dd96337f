//! The fleet as all share it.

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use cpumon_protocol::model::Moment;

use super::{AgentView, Fleet};

/// A fleet that many look at, or one changes.
///
/// Who lets go of it to take it again at once, as a scrape does, need not care for others: on Linux the standard
/// library's lock lets nobody in who wants to look while somebody waits to change it. So there is no reason to leave the
/// core to others in between, which takes milliseconds each time where there are more of them than cores.
#[derive(Debug)]
pub struct SharedFleet(RwLock<Fleet>);

impl SharedFleet {
    /// How many agents are looked at before the fleet is let go of, so that ingest waits for microseconds only.
    pub const BATCH: usize = 64;

    /// Shares `fleet`.
    pub const fn new(fleet: Fleet) -> Self {
        Self(RwLock::new(fleet))
    }

    /// The fleet to look at, for a moment: nothing is waited for while it is held.
    pub fn read(&self) -> RwLockReadGuard<'_, Fleet> {
        // A panic in between leaves no agent half changed: each change is one assignment.
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows all agents as they are at `now`, a few at a time: each as of one moment, while others may come and go.
    pub fn show_all(&self, now: Moment, mut show: impl FnMut(&AgentView<'_>)) {
        let mut next = Some(0);
        while let Some(from) = next {
            next = self.show_some(from, now, &mut show);
        }
    }

    /// Shows a [batch](Self::BATCH) of agents from place `from` on as they are at `now`; the place to go on from, until
    /// there is none.
    pub fn show_some(&self, from: usize, now: Moment, mut show: impl FnMut(&AgentView<'_>)) -> Option<usize> {
        self.read().visit(from, Self::BATCH, now, |view| show(&view))
    }

    /// The fleet to change, for a moment: nothing is parsed or waited for while it is held.
    pub fn write(&self) -> RwLockWriteGuard<'_, Fleet> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;
    use std::time::{Duration, Instant};

    use cpumon_protocol::model::Now;

    use super::super::{FleetSettings, Roster};
    use super::*;

    #[test]
    fn those_who_look_again_and_again_keep_nobody_from_changing_it() {
        let fleet =
            SharedFleet::new(Fleet::new(FleetSettings::default(), &Roster::default(), Now::default()));
        let is_over = AtomicBool::new(false);
        let longest = thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !is_over.load(Ordering::Relaxed) {
                        let held = fleet.read();
                        thread::sleep(Duration::from_micros(100));
                        drop(held);
                    }
                });
            }
            let longest = (0..100).map(|_| {
                let begun = Instant::now();
                drop(fleet.write());
                begun.elapsed()
            });
            let longest = longest.max();
            is_over.store(true, Ordering::Relaxed);
            longest
        });
        // A hundred of their turns and more, on a machine that has others.
        assert!(longest < Some(Duration::from_millis(500)), "{longest:?}");
    }
}
