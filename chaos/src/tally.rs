//! Where every sample went: compares what Prometheus holds with what the agents had measured.

#[cfg(test)]
mod tests;

use std::ops::AddAssign;
use std::time::{Duration, Instant, SystemTime};

use crate::fault::Kind;
use crate::findings::Findings;
use crate::history::{Account, End};
use crate::prometheus::Scraped;
use crate::shown::agent_name;
use crate::world::World;

/// The most samples of a killed agent that its exporter may not have, when it was taking them until then.
const UNACKNOWLEDGED_MAX: u64 = 2;

/// How far apart a scrape's time may be from what it shows, and clocks from each other.
const SLACK: Duration = Duration::from_secs(1);

/// How long an exporter shows totals after an agent's end (`EXPORTER_TOTALS_LINGER`).
const LINGER: Duration = Duration::from_secs(60);

/// Samples, by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// That agents measured.
    pub made: u64,
    /// By which Prometheus's counters have grown in all.
    pub counted: u64,
    /// That no exporter had when their agent's process ended, which did not keep them.
    pub unacknowledged: u64,
    /// That an exporter had which died as well, before a scrape had seen them.
    pub died_with_exporter: u64,
    /// That an exporter had, but no scrape had seen when their agent was back and began anew, or when it was
    /// gone for too long.
    pub unscraped: u64,
    /// By which a counter that began anew had already grown beyond its old value when it was seen again, so that
    /// Prometheus could not tell that it began anew.
    pub hidden: u64,
}

impl Tally {
    /// Those that did not come through.
    pub const fn lost(&self) -> u64 {
        self.unacknowledged + self.died_with_exporter + self.unscraped + self.hidden
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.made += other.made;
        self.counted += other.counted;
        self.unacknowledged += other.unacknowledged;
        self.died_with_exporter += other.died_with_exporter;
        self.unscraped += other.unscraped;
        self.hidden += other.hidden;
    }
}

/// A moment on both clocks, to get from one to the other.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    instant: Instant,
    system: SystemTime,
}

impl Clock {
    /// The present.
    pub fn now() -> Self {
        Self { instant: Instant::now(), system: SystemTime::now() }
    }

    /// The moment itself, on the system's clock.
    pub const fn start(&self) -> SystemTime {
        self.system
    }

    /// The moment itself, on the steady clock.
    pub const fn instant(&self) -> Instant {
        self.instant
    }

    /// Another moment on the system's clock.
    pub fn system(&self, instant: Instant) -> SystemTime {
        match instant.checked_duration_since(self.instant) {
            Some(later) => self.system + later,
            None => self.system - self.instant.duration_since(instant),
        }
    }
}

/// Tallies one agent's samples. What cannot be explained is a violation.
pub fn tally(world: &mut World, agent: usize, findings: &Findings, clock: &Clock) -> Tally {
    let scraped = recognise_all(world, agent, &findings.scraped[agent]);
    world.histories[agent].settle_the_rest();
    let mut tally = Tally { counted: increase(&scraped), ..Tally::default() };
    let mut seen = 0;
    for account in 0..world.histories[agent].accounts().len() {
        seen += tally_account(world, agent, account, &scraped, findings, clock, &mut tally);
    }
    // What the accounts' last scrapes hold in sum, and what the counter has grown by, differ by hidden resets.
    match seen.checked_sub(tally.counted) {
        Some(hidden) => tally.hidden = hidden,
        None => {
            let more = tally.counted - seen;
            violate(world, agent, format!("its counter has grown by {more} more than was measured"));
        }
    }
    let keeps = world.histories[agent].keeps();
    if keeps && tally.counted != tally.made {
        let Tally { made, counted, .. } = tally;
        violate(world, agent, format!("it keeps its histogram, but of {made} samples {counted} are counted"));
    }
    tally
}

/// A scrape whose totals are true.
#[derive(Clone, Copy, Debug)]
struct Sight {
    reading: usize,
    account: usize,
    count: u64,
}

/// Finds out which reading each scrape shows; none may be older than the one before.
fn recognise_all(world: &mut World, agent: usize, scraped: &[Scraped]) -> Vec<Sight> {
    let mut sights: Vec<Sight> = Vec::new();
    for scrape in scraped {
        let history = &mut world.histories[agent];
        let recognised = scrape.totals.map_err(|error| error.to_string()).and_then(|totals| {
            let reading = history.recognise(&totals).map_err(|error| error.to_string())?;
            let account = history.readings()[reading].account;
            Ok(Sight { reading, account, count: totals.samples.count() })
        });
        match recognised {
            Ok(sight) if sights.last().is_none_or(|last| last.reading <= sight.reading) => sights.push(sight),
            Ok(sight) => violate(world, agent, format!("a scrape is back at reading {}", sight.reading)),
            Err(what) => violate(world, agent, what),
        }
    }
    sights
}

/// By how much the counter has grown, as Prometheus reckons: a fall is a new beginning.
fn increase(sights: &[Sight]) -> u64 {
    let mut before = 0;
    let mut sum = 0;
    for sight in sights {
        sum += sight.count.checked_sub(before).unwrap_or(sight.count);
        before = sight.count;
    }
    sum
}

/// Tallies one account; gives how many of its samples its last scrape has.
fn tally_account(
    world: &mut World,
    agent: usize,
    account: usize,
    sights: &[Sight],
    findings: &Findings,
    clock: &Clock,
    tally: &mut Tally,
) -> u64 {
    let history = &world.histories[agent];
    let Account { end, .. } = history.accounts()[account];
    let next = history.accounts().get(account + 1);
    let last = next.map_or(history.readings().len(), |next| next.first);
    let counted = |reading: Option<usize>| reading.map_or(0, |reading| history.counted(account, reading));
    let made = counted(last.checked_sub(1));

    let last_sight = sights.iter().rfind(|sight| sight.account == account);
    let scraped = counted(last_sight.map(|sight| sight.reading));
    let shown = world.watched[agent].known.get(&account);
    let known = counted(shown.map(|shown| shown.reading).max(last_sight.map(|sight| sight.reading)));

    tally.made += made;
    tally.unacknowledged += made - known;
    let mut wrongs = Vec::new();
    if let Some(end) = end {
        let back = world.watched[agent].known.range(account + 1..).next().map(|(_, next)| next.first);
        let death = exporter_died(world, end.at, back);
        let reason = if death.is_some() { &mut tally.died_with_exporter } else { &mut tally.unscraped };
        *reason += known - scraped;
        wrongs.extend(unacknowledged_wrong(end, made - known));
        let gone = [back, death].into_iter().flatten().min().map(|gone| clock.system(gone));
        // What the agent said last may have waited in the socket of an exporter that was paused.
        let had = shown.map_or(end.at, |shown| shown.since.max(end.at));
        let (ended, had) = (clock.system(end.at), clock.system(had));
        wrongs.extend(unscraped_wrong(ended, had, gone, known - scraped, findings));
    } else if made != scraped {
        tally.unscraped += known - scraped;
        wrongs.push(format!("{} of its samples are missing in the end", made - scraped));
    }
    wrongs.into_iter().for_each(|wrong| violate(world, agent, wrong));
    scraped
}

/// What is wrong with it that an exporter did not have so many samples.
fn unacknowledged_wrong(end: End, samples: u64) -> Option<String> {
    let most = if end.killed { UNACKNOWLEDGED_MAX } else { 0 };
    (end.connected && samples > most)
        .then(|| format!("{samples} samples were not acknowledged when it ended, though it was connected"))
}

/// When an exporter died after an agent's end, and before the agent was back.
fn exporter_died(world: &World, ended: Instant, back: Option<Instant>) -> Option<Instant> {
    let dies = |kind| matches!(kind, Kind::ExporterKill | Kind::ExporterMove);
    let deaths = world.strikes.iter().filter(|strike| dies(strike.fault.kind));
    let deaths =
        deaths.filter(|strike| strike.over.is_none_or(|over| over > ended)).map(|strike| strike.begun);
    deaths.filter(|death| back.is_none_or(|back| *death < back)).min()
}

/// What is wrong with it that no scrape saw so many samples that an exporter had: some scrape should have,
/// between the end of the agent, or when the exporter had them if that was later, and when its totals were gone.
fn unscraped_wrong(
    ended: SystemTime,
    had: SystemTime,
    gone: Option<SystemTime>,
    samples: u64,
    findings: &Findings,
) -> Option<String> {
    let from = had + SLACK;
    let until = gone.map_or(ended + LINGER, |gone| gone.min(ended + LINGER)) - SLACK;
    let mut scrapes = findings.scrapes.iter();
    let scrape = scrapes.find(|scrape| from <= scrape.asked && scrape.answered < until)?;
    let after = scrape.asked.duration_since(ended).unwrap_or_default();
    (samples > 0).then(|| {
        format!("{samples} samples were never scraped, though there was a scrape {after:.1?} after its end")
    })
}

fn violate(world: &mut World, agent: usize, what: String) {
    world.violate(format!("Prometheus, of {}", agent_name(agent)), what);
}
