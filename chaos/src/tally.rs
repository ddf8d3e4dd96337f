//! Where every sample went: compares what Prometheus holds with what the agents had measured.

#[cfg(test)]
mod tests;

use std::ops::AddAssign;
use std::time::{Duration, Instant, SystemTime};

use crate::fault::{Kind, Victim};
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
    /// That an exporter had, but no scrape had seen when their agent was back and began anew.
    pub unscraped: u64,
    /// By which a counter that began anew had already grown beyond its old value when it was seen again, so that
    /// Prometheus could not tell that it began anew.
    pub hidden: u64,
}

impl Tally {
    /// Those that did not come through.
    pub const fn lost(&self) -> u64 {
        self.unacknowledged + self.unscraped + self.hidden
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.made += other.made;
        self.counted += other.counted;
        self.unacknowledged += other.unacknowledged;
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
    let known = world.watched[agent].known.get(&account).map(|(reading, _)| *reading);
    let known = counted(known.max(last_sight.map(|sight| sight.reading)));

    tally.made += made;
    tally.unacknowledged += made - known;
    tally.unscraped += known - scraped;
    if let Some(end) = end {
        let back = world.watched[agent].known.range(account + 1..).next().map(|(_, (_, first))| *first);
        let wrongs = [
            unacknowledged_wrong(end, made - known),
            unscraped_wrong(world, end, back, known - scraped, findings, clock),
        ];
        for wrong in wrongs.into_iter().flatten() {
            violate(world, agent, wrong);
        }
    } else if made != scraped {
        violate(world, agent, format!("{} of its samples are missing in the end", made - scraped));
    }
    scraped
}

/// What is wrong with it that an exporter did not have so many samples.
fn unacknowledged_wrong(end: End, samples: u64) -> Option<String> {
    let most = if end.killed { UNACKNOWLEDGED_MAX } else { 0 };
    (end.connected && samples > most)
        .then(|| format!("{samples} samples were not acknowledged when it ended, though it was connected"))
}

/// What is wrong with it that no scrape saw so many samples that an exporter had: some scrape should have,
/// between the end and the return of the agent, unless the exporter ended too.
fn unscraped_wrong(
    world: &World,
    end: End,
    back: Option<Instant>,
    samples: u64,
    findings: &Findings,
    clock: &Clock,
) -> Option<String> {
    let ended = clock.system(end.at) + SLACK;
    let shown_until = back.map_or(ended + LINGER, |back| clock.system(back).min(ended + LINGER)) - SLACK;
    let exporter_ended = world.strikes.iter().filter(|strike| {
        let ends = matches!(strike.fault.kind, Kind::ExporterKill | Kind::ExporterMove);
        ends && strike.fault.victim == Victim::Exporter
    });
    let shown_until = exporter_ended
        .filter(|strike| strike.over.is_none_or(|over| over > end.at))
        .map(|strike| clock.system(strike.begun) - SLACK)
        .fold(shown_until, SystemTime::min);
    let scrape = findings.scrapes.iter().find(|at| (ended..shown_until).contains(at))?;
    let after = scrape.duration_since(ended).unwrap_or_default() + SLACK;
    (samples > 0).then(|| {
        format!("{samples} samples were never scraped, though there was a scrape {after:.1?} after its end")
    })
}

fn violate(world: &mut World, agent: usize, what: String) {
    world.violate(format!("Prometheus, of {}", agent_name(agent)), what);
}
