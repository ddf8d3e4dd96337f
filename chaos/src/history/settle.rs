//! What a histogram that is shown tells about readings that were unsure.

use super::{History, Weight};
use crate::distribution::Distribution;

/// The most unsure readings between two things that are shown. More of them, and the machine that this runs on
/// is too busy for any verdict.
const UNSURE_MAX: usize = 24;

impl History {
    /// Settles every reading up to this one, so that its histogram is `goal` if that can be. Gives the histogram
    /// that the reading has then, or `goal`'s nearest relative when there is no way.
    pub(super) fn settle(&mut self, reading: usize, goal: &Distribution) -> Distribution {
        let account = self.readings[reading].account;
        let from = self.accounts[account].settled;
        let start = match self.readings.get(..from).and_then(<[_]>::last) {
            Some(before) if before.account == account => before.after.unwrap_or_default(),
            _ => Distribution::default(),
        };
        let window = &mut self.readings[from..=reading];
        let mut sure = start;
        let mut unsure = Vec::new();
        for reading in &*window {
            match (reading.weight, reading.utilization) {
                (Weight::Counted, Some(sample)) => sure.add(sample),
                (Weight::Unsure { .. }, Some(sample)) => unsure.push(sample),
                _ => {}
            }
        }
        let Some(chosen) = choose(sure, &unsure, goal) else { return sure };
        let mut chosen = chosen.into_iter();
        let mut after = start;
        for reading in window {
            if let Weight::Unsure { .. } = reading.weight {
                let counts = chosen.next().unwrap_or_default();
                reading.weight = if counts { Weight::Counted } else { Weight::Missed };
            }
            if let (Weight::Counted, Some(sample)) = (reading.weight, reading.utilization) {
                after.add(sample);
            }
            reading.after = Some(after);
        }
        self.accounts[account].settled = reading + 1;
        after
    }
}

/// Which of the samples `unsure` make `goal` out of `sure`.
fn choose(sure: Distribution, unsure: &[u64], goal: &Distribution) -> Option<Vec<bool>> {
    if !sure.can_become(goal) || unsure.len() > UNSURE_MAX {
        return None;
    }
    let Some((&sample, others)) = unsure.split_first() else {
        return (sure == *goal).then(Vec::new);
    };
    let mut with = sure;
    with.add(sample);
    [(with, true), (sure, false)].into_iter().find_map(|(start, counts)| {
        let mut chosen = choose(start, others, goal)?;
        chosen.insert(0, counts);
        Some(chosen)
    })
}
