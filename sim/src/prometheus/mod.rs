//! A model of Prometheus: what it keeps of the pages that it scraped, and what its rules and `increase()` make
//! of that.
//!
//! As in the real one, a series that is missing from a page, or whose page could not be had, ends at once, and
//! a restarted Prometheus does not know what had been on the last page: what is missing from the next one then
//! stays visible for five minutes.

mod audit;
mod text;

use cpumon_protocol::model::Micros;

pub use audit::Losses;
pub(crate) use audit::{Account, Fall};
pub(crate) use text::{Shown, parse};

use crate::time::Time;
use crate::totals::Totals;

/// How often Prometheus scrapes and evaluates.
pub(crate) const INTERVAL: Micros = Micros::from_secs(15);

/// How long a series without an end is visible.
const LOOKBACK: Micros = Micros::from_secs(5 * 60);

/// How long an agent's newest place is remembered by the rule.
const ORDER_WINDOW: Micros = Micros::from_secs(15 * 60);

/// How views of several exporters are merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Merge {
    /// `max by (agent, ...)` of what all show.
    Highest,
    /// The same, of those alone that show the agent's newest sample.
    Newest,
}

/// Prometheus.
#[derive(Debug)]
pub(crate) struct Prometheus {
    agents: usize,
    merge: Merge,
    /// By exporter and agent.
    points: Vec<Option<Point>>,
    /// By exporter: whether it knows what the last page had.
    knows_page: Vec<bool>,
    /// By agent: the highest places of late, for the rule's window.
    orders: Vec<Vec<(Time, u64)>>,
    pub(crate) is_up: bool,
}

/// An agent's totals on an exporter's page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Point {
    pub(crate) scraped: Time,
    pub(crate) totals: Totals,
    pub(crate) order: Option<u64>,
}

impl Prometheus {
    pub(crate) fn new(agents: usize, exporters: usize, merge: Merge) -> Self {
        Self {
            agents,
            merge,
            points: vec![None; agents * exporters],
            knows_page: vec![false; exporters],
            orders: vec![Vec::new(); agents],
            is_up: true,
        }
    }

    /// A page was scraped.
    pub(crate) fn store(&mut self, exporter: usize, now: Time, page: &[Option<Shown>]) -> Result<(), String> {
        let knew = std::mem::replace(&mut self.knows_page[exporter], true);
        for (agent, shown) in page.iter().enumerate() {
            let order = shown.as_ref().and_then(|shown| shown.order);
            let totals = shown.as_ref().map_or(Ok(None), Shown::totals)?;
            let point = &mut self.points[exporter * self.agents + agent];
            match totals {
                Some(totals) => *point = Some(Point { scraped: now, totals: *totals, order }),
                None if knew => *point = None,
                None => {}
            }
        }
        Ok(())
    }

    /// A page could not be had: all series of that exporter end.
    pub(crate) fn fail(&mut self, exporter: usize) {
        if std::mem::replace(&mut self.knows_page[exporter], false) {
            let first = exporter * self.agents;
            self.points[first..first + self.agents].fill(None);
        }
    }

    /// Prometheus is restarted: it has what it has written, and forgets what was on the last pages.
    pub(crate) fn restart(&mut self) {
        self.is_up = true;
        self.knows_page.fill(false);
    }

    /// What the rules record for an agent at `now`: for each series the point that it is taken from.
    pub(crate) fn evaluate(&mut self, agent: usize, now: Time) -> Vec<Point> {
        let is_visible = |point: &&Point| now.since(point.scraped) < LOOKBACK;
        let points = self.points.iter().skip(agent).step_by(self.agents).flatten();
        let mut points: Vec<Point> = points.filter(is_visible).copied().collect();
        if self.merge == Merge::Newest {
            let orders = &mut self.orders[agent];
            orders.extend(points.iter().filter_map(|point| Some((now, point.order?))));
            orders.retain(|(at, _)| now.since(*at) < ORDER_WINDOW);
            let newest = orders.iter().map(|(_, order)| *order).max();
            points.retain(|point| point.order >= newest);
        }
        points
    }
}
