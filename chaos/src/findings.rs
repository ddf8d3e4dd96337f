//! What is found when all is over: asked of Prometheus, of Docker, and of the agents' logs.

use std::thread;
use std::time::{Duration, Instant, SystemTime};

use crate::fault::AGENTS;
use crate::history::Totals;
use crate::logs;
use crate::prometheus::{Fall, Prometheus, Scrape, Scraped};
use crate::run::Run;
use crate::shown::{Incoherent, agent_name};
use crate::stack::Stack;
use crate::world::World;

/// How long the last scrape may take, and the rules after it. Totals are shown for 60 s after the agents' end.
const LAST_SCRAPE_MAX: Duration = Duration::from_secs(50);

/// How long a connection may outlive its agent: `EXPORTER_IDLE_TIMEOUT`, and as much again.
const LAST_CONNECTION_MAX: Duration = Duration::from_secs(30);

/// How often Prometheus is asked in that time.
const ASK: Duration = Duration::from_secs(1);

/// Totals of every agent at one moment.
pub type AllTotals = Vec<Result<Option<Totals>, Incoherent>>;

/// What was found.
#[derive(Clone, Debug)]
pub struct Findings {
    /// What Prometheus holds of each agent in the end.
    pub raw: AllTotals,
    /// The same, as its rules merge it over exporters.
    pub merged: AllTotals,
    /// By agent, every scrape of it.
    pub scraped: Vec<Vec<Scraped>>,
    /// Every scrape of the exporter that succeeded.
    pub scrapes: Vec<Scrape>,
    /// Merged totals that became smaller.
    pub falls: Vec<Fall>,
    /// By agent, when it lost its exporter.
    pub losses: Vec<Vec<SystemTime>>,
    /// Services that ended by themselves, and how often.
    pub own_ends: Vec<(String, u32)>,
}

impl Findings {
    /// Waits until the agents' last totals are scraped and merged, or should have been, and gathers everything
    /// since `start`. The agents have ended.
    ///
    /// # Errors
    ///
    /// When Prometheus or Docker do not answer.
    pub fn gather(run: &Run<'_>, stack: &Stack, start: SystemTime) -> anyhow::Result<Self> {
        let prometheus = Prometheus::new(stack.prometheus()?);
        let raw = wait_for_the_last(run, || prometheus.totals(AGENTS, SystemTime::now(), false))?;
        let merged = wait_for_the_last(run, || prometheus.totals(AGENTS, SystemTime::now(), true))?;
        wait_for_the_last_connection(run);
        let until = SystemTime::now();
        let span = until.duration_since(start).unwrap_or_default() + Duration::from_secs(1);
        let agents: Vec<String> = (0..AGENTS).map(agent_name).collect();
        let losses = agents.iter().map(|agent| Ok(logs::losses(&stack.logs(agent)?)));
        let services = agents.iter().map(String::as_str).chain(["exporter", "prometheus"]);
        let own_ends = services.map(|service| Ok((service.to_owned(), stack.own_ends(service)?)));
        Ok(Self {
            raw,
            merged,
            scraped: prometheus.scraped(AGENTS, until, span)?,
            scrapes: prometheus.scrapes(until, span)?,
            falls: prometheus.falls(until, span)?,
            losses: losses.collect::<anyhow::Result<_>>()?,
            own_ends: own_ends.collect::<anyhow::Result<_>>()?,
        })
    }
}

/// Asks until the answer is the last that every agent has measured; gives the last answer in any case.
fn wait_for_the_last(
    run: &Run<'_>,
    ask: impl Fn() -> anyhow::Result<AllTotals>,
) -> anyhow::Result<AllTotals> {
    let deadline = Instant::now() + LAST_SCRAPE_MAX;
    loop {
        let totals = ask()?;
        let wrong = run.world().not_the_last(&totals).count();
        if wrong == 0 || Instant::now() > deadline {
            return Ok(totals);
        }
        thread::sleep(ASK);
    }
}

/// Half-open connections of the last faults are still held for a while.
fn wait_for_the_last_connection(run: &Run<'_>) {
    let deadline = Instant::now() + LAST_CONNECTION_MAX;
    while run.world().connections != Some(0) && Instant::now() < deadline {
        thread::sleep(ASK);
    }
}

impl World {
    /// Agents of which `totals` are not what they have measured last, and what is wrong.
    pub fn not_the_last<'w>(
        &'w mut self,
        totals: &'w AllTotals,
    ) -> impl Iterator<Item = (usize, String)> + 'w {
        self.histories.iter_mut().zip(totals).enumerate().filter_map(|(agent, (history, totals))| {
            let last = history.last_sample();
            match totals {
                Err(error) => Some((agent, error.to_string())),
                Ok(None) => Some((agent, "there is nothing of it".to_owned())),
                Ok(Some(totals)) => match history.recognise(totals) {
                    Err(error) => Some((agent, error.to_string())),
                    Ok(reading) if Some(reading) == last => None,
                    Ok(reading) => {
                        Some((agent, format!("it is at reading {reading}, where {last:?} is the last")))
                    }
                },
            }
        })
    }
}
