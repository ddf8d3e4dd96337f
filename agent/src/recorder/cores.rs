//! Totals of each core as they are shown: held like those of all together, and matched by the core's number.

use cpumon_protocol::model::{CoreTimes, Mode};

use super::held::held;

/// The totals as last shown. A core that goes offline keeps its place: it may come back a little lower.
///
/// Bounded: there is an entry for each core that the machine ever had online.
#[derive(Debug, Default)]
pub(super) struct HeldCores {
    /// All cores ever seen, in ascending order.
    held: Vec<CoreTimes>,
    /// Those that are online.
    online: Vec<CoreTimes>,
}

impl HeldCores {
    /// Takes in a reading, in ascending order; gives what is to be shown of the cores that are in it.
    pub(super) fn update(&mut self, reading: &[CoreTimes]) -> &[CoreTimes] {
        self.online.clear();
        for now in reading {
            let held = match self.held.binary_search_by_key(&now.core, |held| held.core) {
                Ok(place) => self.held.get_mut(place).map(|held| {
                    hold(held, now);
                    held.clone()
                }),
                Err(place) => {
                    self.held.insert(place, now.clone());
                    None
                }
            };
            self.online.push(held.unwrap_or_else(|| now.clone()));
        }
        &self.online
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

fn hold(shown: &mut CoreTimes, now: &CoreTimes) {
    for mode in Mode::ALL {
        shown.times.set(mode, held(shown.times.get(mode), now.times.get(mode)));
    }
    shown.guest.user = held(shown.guest.user, now.guest.user);
    shown.guest.nice = held(shown.guest.nice, now.guest.nice);
}

#[cfg(test)]
mod tests {
    use cpumon_protocol::model::{CpuTimes, GuestTimes, Micros};

    use super::*;

    fn core(core: u32, idle_ms: u64) -> CoreTimes {
        let mut times = CpuTimes::default();
        times.set(Mode::Idle, Micros::from_millis(idle_ms));
        CoreTimes { core, times, guest: GuestTimes::default() }
    }

    #[test]
    fn a_core_keeps_its_totals_by_its_number() {
        let mut held = HeldCores::default();
        for (reading, shown) in [
            (vec![core(0, 10_000), core(2, 20_000)], vec![core(0, 10_000), core(2, 20_000)]),
            // A little less is the old value, much less is a reset.
            (vec![core(0, 9_000), core(2, 17_000)], vec![core(0, 10_000), core(2, 17_000)]),
            // One comes between the two, one goes.
            (vec![core(0, 11_000), core(1, 5)], vec![core(0, 11_000), core(1, 5)]),
            // It comes back a little lower.
            (vec![core(1, 6), core(2, 16_000)], vec![core(1, 6), core(2, 17_000)]),
            (vec![], vec![]),
        ] {
            assert_eq!(held.update(&reading), shown);
        }
        held.clear();
        assert_eq!(held.update(&[core(2, 1)]), [core(2, 1)]);
    }
}
