//! The figures of one happening.

use std::fmt;
use std::time::Duration;

use super::crowd::Crowd;
use super::desk::{Desk, Presence};

/// How things stood before something happened.
#[derive(Debug)]
pub(super) struct Before {
    placement: Vec<Option<usize>>,
    preferred: Vec<Option<usize>>,
}

impl Before {
    /// How they stand now.
    pub(super) fn of(crowd: &Crowd) -> Self {
        Self { placement: crowd.placement(), preferred: crowd.preferred() }
    }
}

/// What came of something that happened.
#[derive(Clone, Debug)]
pub struct Figures {
    /// What happened.
    pub name: String,
    /// How many agents there are.
    pub agents: usize,
    /// How many exporters are open at the end.
    pub exporters: usize,
    /// How many agents are at another exporter than before.
    pub moved: usize,
    /// How many of these had no reason: they were at the exporter that they preferred, and nothing happened to it nor to
    /// the one that they are at now.
    pub needless: usize,
    /// Agents at the fullest of the exporters that are open, and at the emptiest.
    pub fullest: usize,
    /// See [`Figures::fullest`].
    pub emptiest: usize,
    /// The most connections that all exporters together took in a second, counted from the happening.
    pub connects: u32,
    /// The most that one of them took in a second.
    pub connects_at_one: u32,
    /// The most look-ups of the exporters' name in a second.
    pub lookups: u32,
    /// Attempts to connect that failed, and connections that ended.
    pub failures: u64,
    /// The longest wait of a hello for its answer.
    pub longest_wait: Duration,
    /// When an exporter answered a sample of those again that had lost or left theirs, counted from the happening:
    /// half of them, 99 of 100, and all. Nothing if there was none.
    pub back: Option<[Duration; 3]>,
    /// Samples that came to one exporter while another one showed their agent.
    pub shown_twice: u64,
}

impl Figures {
    /// Reads them off. `before` is where each agent was, and wanted to be; `is_concerned` says to which exporters
    /// something happened.
    pub(super) fn of(
        name: &str,
        crowd: &Crowd,
        before: &Before,
        is_concerned: impl Fn(usize) -> bool,
    ) -> Self {
        let after = crowd.placement();
        let moved = || {
            let places = before.placement.iter().zip(&before.preferred).zip(&after);
            let known = places.filter_map(|((at, preferred), after)| Some(((*at)?, *preferred, (*after)?)));
            known.filter(|(at, _, after)| at != after)
        };
        let is_needless = |(at, preferred, after): &(usize, Option<usize>, usize)| {
            *preferred == Some(*at) && !is_concerned(*at) && !is_concerned(*after)
        };
        let open = || crowd.desks.iter().enumerate().filter(|(_, desk)| desk.presence == Presence::Open);
        let mut held = vec![0usize; crowd.desks.len()];
        after.iter().flatten().for_each(|desk| held[*desk] += 1);
        let held: Vec<usize> = open().map(|(number, _)| held[number]).collect();
        let peak = |desk: &Desk| desk.connects().iter().copied().max().unwrap_or(0);
        Self {
            name: name.to_owned(),
            agents: after.len(),
            exporters: held.len(),
            moved: moved().count(),
            needless: moved().filter(is_needless).count(),
            fullest: held.iter().copied().max().unwrap_or(0),
            emptiest: held.iter().copied().min().unwrap_or(0),
            connects: peak_of_all(&crowd.desks),
            connects_at_one: crowd.desks.iter().map(peak).max().unwrap_or(0),
            lookups: crowd.counts.lookups.iter().copied().max().unwrap_or(0),
            failures: crowd.counts.failures,
            longest_wait: crowd
                .desks
                .iter()
                .map(|desk| Duration::from(desk.longest_wait))
                .max()
                .unwrap_or_default(),
            back: quantiles(&crowd.counts.back),
            shown_twice: crowd.counts.shown_twice,
        }
    }

    /// Agents at an exporter on average.
    pub fn mean(&self) -> f64 {
        self.agents as f64 / self.exporters.max(1) as f64
    }
}

/// The most connections in a second at all of them together.
fn peak_of_all(desks: &[Desk]) -> u32 {
    let seconds = desks.iter().map(|desk| desk.connects().len()).max().unwrap_or(0);
    let in_second = |second| desks.iter().filter_map(|desk| desk.connects().get(second)).sum();
    (0..seconds).map(in_second).max().unwrap_or(0)
}

fn quantiles(times: &[u64]) -> Option<[Duration; 3]> {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let last = sorted.len().checked_sub(1)?;
    Some([50, 99, 100].map(|percent| Duration::from_micros(sorted[last * percent / 100])))
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.name)?;
        let share = 100.0 * self.moved as f64 / self.agents as f64;
        writeln!(
            f,
            "    moved {} of {} agents ({share:.2} %), needlessly {}",
            self.moved, self.agents, self.needless
        )?;
        if let Some(back) = self.back {
            let [median, most, last] = back.map(|time| time.as_secs_f64());
            writeln!(
                f,
                "    answered again after {median:.1} s (median), {most:.1} s (99 %), {last:.1} s (last)"
            )?;
        }
        writeln!(
            f,
            "    connects/s: {} at most, {} at one exporter; longest wait for welcome {:.0} ms; failures {}",
            self.connects,
            self.connects_at_one,
            self.longest_wait.as_secs_f64() * 1e3,
            self.failures
        )?;
        let (fullest, mean) = (self.fullest, self.mean());
        writeln!(
            f,
            "    look-ups/s: {} at most; agents at the {} exporters: {} to {fullest}, the fullest has {:.3} times the mean",
            self.lookups,
            self.exporters,
            self.emptiest,
            fullest as f64 / mean
        )
    }
}
