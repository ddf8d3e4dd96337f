//! The truth about one agent, kept beside the program: every sample that it has made, and what became of it.

use std::collections::HashMap;

use cpumon_protocol::model::histogram::BOUNDS;
use cpumon_protocol::model::{Micros, Moment, Sample};

use crate::machine::times_of;
use crate::time::Time;
use crate::totals::{self, COUNT, MARK, SERIES, Totals};

/// A sample that was made.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    pub(crate) at: Time,
    pub(crate) totals: Totals,
    pub(crate) utilization: u32,
    /// The agent's process, counted from 1.
    pub(crate) run: u32,
    /// Counts of the agent go on within it: a run, or several over a kept state.
    own_epoch: usize,
    /// Counts of the kernel go on within it.
    boot: usize,
    /// Which exporter has answered it, in which of its lives.
    pub(crate) acked: Option<(usize, u32)>,
    /// Whether Prometheus has scraped it, or a later one of its epoch.
    pub(crate) is_scraped: bool,
}

impl Made {
    /// Within which the series goes on.
    pub(crate) fn epoch(&self, series: usize) -> usize {
        if totals::is_kernels(series) { self.boot } else { self.own_epoch }
    }
}

/// All samples of one agent.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    samples: Vec<Made>,
    by_mark: HashMap<u64, usize>,
    run: u32,
    own_epoch: usize,
    boot: usize,
    /// The last totals of each epoch of the agent's counts, and of the kernel's.
    own_finals: Vec<Totals>,
    boot_finals: Vec<Totals>,
    /// All that was ever measured, over all epochs.
    pub(crate) truth: Totals,
    check: Check,
}

impl Ledger {
    /// A process begins.
    pub(crate) fn begin_run(&mut self, boot: u64, goes_on: bool) {
        if !goes_on && self.run > 0 {
            self.own_epoch += 1;
        }
        self.run += 1;
        self.boot = boot as usize;
        self.check.begin(goes_on);
    }

    /// A sample was made; its place.
    pub(crate) fn make(&mut self, at: Time, sample: &Sample) -> Result<usize, String> {
        let totals = totals::of(sample).ok_or("a sample without all of its totals")?;
        let place = self.samples.len();
        self.own_finals.resize(self.own_epoch + 1, [0; SERIES]);
        self.boot_finals.resize(self.boot + 1, [0; SERIES]);
        for (series, value) in totals.into_iter().enumerate() {
            let last = &mut self.finals(series)[series];
            let increase = value.saturating_sub(*last);
            // A kernel's total that falls a little was too high before: it is no new time.
            *last = value.max(*last);
            self.truth[series] += increase;
        }
        self.samples.push(Made {
            at,
            totals,
            utilization: sample.utilization.millionths(),
            run: self.run,
            own_epoch: self.own_epoch,
            boot: self.boot,
            acked: None,
            is_scraped: false,
        });
        match self.by_mark.insert(totals[MARK], place) {
            None => Ok(place),
            Some(_) => Err(format!("two samples have the mark {}: the simulator is wrong", totals[MARK])),
        }
    }

    fn finals(&mut self, series: usize) -> &mut Totals {
        if totals::is_kernels(series) {
            &mut self.boot_finals[self.boot]
        } else {
            &mut self.own_finals[self.own_epoch]
        }
    }

    /// The last value of a series in an epoch.
    pub(crate) fn final_of(&self, series: usize, epoch: usize) -> u64 {
        let finals = if totals::is_kernels(series) { &self.boot_finals } else { &self.own_finals };
        finals.get(epoch).map_or(0, |totals| totals[series])
    }

    /// The last epoch of a series.
    pub(crate) fn last_epoch(&self, series: usize) -> usize {
        if totals::is_kernels(series) { self.boot } else { self.own_epoch }
    }

    pub(crate) fn get(&self, place: usize) -> &Made {
        &self.samples[place]
    }

    pub(crate) fn len(&self) -> usize {
        self.samples.len()
    }

    /// The sample that has this mark.
    pub(crate) fn find(&self, mark: u64) -> Option<usize> {
        self.by_mark.get(&mark).copied()
    }

    pub(crate) fn acked(&mut self, place: usize, exporter: usize, life: u32) {
        self.samples[place].acked = Some((exporter, life));
    }

    /// Prometheus has scraped this sample, and with it all before it in its epoch.
    pub(crate) fn scraped(&mut self, place: usize) {
        let epoch = self.samples[place].own_epoch;
        for made in self.samples[..=place].iter_mut().rev() {
            if made.is_scraped || made.own_epoch != epoch {
                break;
            }
            made.is_scraped = true;
        }
    }

    /// How many samples at the end of the history were never answered.
    pub(crate) fn unacked_tail(&self) -> usize {
        let run = self.run;
        self.samples.iter().rev().take_while(|made| made.run == run && made.acked.is_none()).count()
    }

    /// The one-second samples of an epoch after the sample at `place`, or all of them, with the number that each
    /// added to the histogram.
    pub(crate) fn after(&self, epoch: usize, place: Option<usize>) -> impl Iterator<Item = (&Made, u64)> {
        let mut last = place.map_or(0, |place| self.samples[place].totals[COUNT]);
        let from = place.map_or(0, |place| place + 1);
        self.samples[from..].iter().filter(move |made| made.own_epoch == epoch).map(move |made| {
            let count = made.totals[COUNT];
            let added = count.saturating_sub(last);
            last = count;
            (made, added)
        })
    }

    /// Works out what a tick has to give, in another way than the program, and compares.
    pub(crate) fn check_tick(
        &mut self,
        now: Moment,
        reading: Option<&cpumon_agent::sampling::Reading>,
        outcome: Option<&Sample>,
    ) -> Result<(), String> {
        let times = reading.and_then(times_of).map(|times| times.total.0.map(|Micros(us)| us));
        self.check.tick(now, times, outcome)
    }
}

/// What the recorder should say: an account of its own, of nothing but readings and moments.
#[derive(Debug, Default)]
struct Check {
    last: Option<(Moment, [u64; 8])>,
    /// Samples by upper bound in millionths, the last without one.
    buckets: [u64; BOUNDS.len() + 1],
    sum: u64,
}

impl Check {
    fn begin(&mut self, goes_on: bool) {
        *self = if goes_on { Self { last: None, ..*self } } else { Self::default() };
    }

    fn tick(&mut self, now: Moment, times: Option<[u64; 8]>, outcome: Option<&Sample>) -> Result<(), String> {
        let Some(times) = times else {
            return if outcome.is_some() { Err("a sample without a reading".to_owned()) } else { Ok(()) };
        };
        let before = self.last.replace((now, times));
        let expected = before.and_then(|(at, before)| {
            let change = |index: usize| times[index].saturating_sub(before[index]);
            let total: u64 = (0..8).map(change).sum();
            let idle = change(3) + change(4);
            (total > 0).then(|| (now.0 - at.0, ((total - idle) * 2_000_000 + total) / (2 * total)))
        });
        let got = outcome.map(|sample| u64::from(sample.utilization.millionths()));
        if got != expected.map(|(_, ratio)| ratio) {
            return Err(format!("utilization is {got:?} and should be {expected:?}"));
        }
        if let Some((length, ratio)) = expected
            && (500_000..=1_500_000).contains(&length)
        {
            let bucket = BOUNDS.iter().position(|&bound| ratio <= u64::from(bound)).unwrap_or(BOUNDS.len());
            self.buckets[bucket] += 1;
            self.sum += ratio;
        }
        match outcome.and_then(|sample| sample.histogram) {
            Some(histogram) if (histogram.buckets, histogram.sum.0) != (self.buckets, self.sum) => Err(
                format!("the histogram is {histogram:?} and should be {:?}, sum {}", self.buckets, self.sum),
            ),
            _ => Ok(()),
        }
    }
}
