//! What has to come out, worked out from the counters alone, in whole numbers and in its own way.

use super::figures::{BOUNDS, Figures};
use super::machine::{Counters, GUEST, GUEST_NICE, IDLE, IOWAIT, Machine};

/// Microseconds of a tick, at 100 a second.
const TICK: u64 = 10_000;

/// A counter that falls by so many ticks was reset.
const RESET: u64 = 300;

/// How many seconds the highest sample is of.
const WINDOW: u64 = 60;

/// Knows the history.
#[derive(Debug, Default)]
pub(crate) struct Oracle {
    /// The last second in which something was learnt, and what.
    last: Option<(u64, Machine)>,
    /// The counters as they are to be shown.
    shown: Option<Counters>,
    /// One-second samples, by the second in which they ended.
    samples: Vec<(u64, u32)>,
    missed: u64,
}

impl Oracle {
    /// What the sample of this second has to be, if there is to be one.
    pub(crate) fn step(&mut self, second: u64, learnt: Option<&Machine>) -> Option<Figures> {
        let last = self.last.clone();
        let learnt = learnt.map(Machine::as_written);
        let utilization = match (&last, &learnt) {
            (Some((_, before)), Some(now)) => ratio(&before.total, &now.total),
            _ => None,
        };
        let is_next = last.as_ref().is_some_and(|(at, _)| second - at == 1);
        match utilization {
            Some(ratio) if is_next => self.samples.push((second, ratio)),
            // The first second has none before it.
            _ => self.missed += u64::from(second > 0),
        }
        let now = learnt?;
        self.show(&now);
        self.last = Some((second, now.clone()));
        let (_, before) = last?;
        Some(self.figures(second, utilization?, hottest(&before, &now), &now))
    }

    /// Keeps a counter that falls a little.
    fn show(&mut self, now: &Machine) {
        let shown = self.shown.get_or_insert(now.total);
        for (shown, now) in shown.iter_mut().zip(now.total) {
            if now > *shown || *shown - now >= RESET {
                *shown = now;
            }
        }
    }

    fn figures(&self, second: u64, utilization: u32, hottest_core: Option<u32>, now: &Machine) -> Figures {
        let mut buckets = [0; BOUNDS.len() + 1];
        for &(_, ratio) in &self.samples {
            // By counting up, not by a search: the first bound that the sample is not above.
            let mut bucket = 0;
            while bucket < BOUNDS.len() && ratio > BOUNDS[bucket] {
                bucket += 1;
            }
            buckets[bucket] += 1;
        }
        let lately = self.samples.iter().filter(|&&(at, _)| second - at < WINDOW);
        let micros = |field: usize| self.shown.map_or(0, |shown| shown[field]) * TICK;
        Figures {
            utilization,
            utilization_max: lately.map(|&(_, ratio)| ratio).max(),
            hottest_core,
            buckets,
            sum: self.samples.iter().map(|&(_, ratio)| u64::from(ratio)).sum(),
            modes: std::array::from_fn(micros),
            guests: (now.fields > GUEST).then(|| [micros(GUEST), micros(GUEST_NICE)]),
            logical_cpus: u32::try_from(now.online.len()).ok().filter(|&cores| cores > 0),
            context_switches: Some(now.context_switches),
            procs_running: Some(now.procs_running),
            missed: self.missed,
        }
    }
}

/// The highest ratio of a core that was there before and is there now.
fn hottest(before: &Machine, now: &Machine) -> Option<u32> {
    let both =
        now.online.iter().filter_map(|(core, now)| before.online.get(core).map(|before| (before, now)));
    both.filter_map(|(before, after)| ratio(before, after)).max()
}

/// Busy time over all time, in millionths, rounded half up; none when no time has passed. Guests are inside user
/// and nice, so their own fields do not count.
pub(crate) fn ratio(before: &Counters, after: &Counters) -> Option<u32> {
    let change = |field: usize| u128::from(after[field].saturating_sub(before[field]));
    let all: u128 = (0..GUEST).map(change).sum();
    let busy = all - change(IDLE) - change(IOWAIT);
    // By the remainder: up when it is half of the divisor or more.
    let (whole, rest) = ((busy * 1_000_000).checked_div(all)?, (busy * 1_000_000) % all);
    u32::try_from(whole + u128::from(2 * rest >= all)).ok()
}
