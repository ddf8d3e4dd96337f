//! A look at the exporter's page: whether what it shows is true, and what it tells about agents coming and going.

use std::io;
use std::time::{Duration, Instant};

use super::World;
use crate::fault::AGENTS;
use crate::page::{Page, Shown};
use crate::shown::{Incoherent, agent_name};

/// How old a gauge may be, counted from when it was measured (`EXPORTER_STALE_INTERVALS`, `EXPORTER_STALE_MIN`).
const GAUGE_MAX: Duration = Duration::from_secs(5);

/// By when a sample has to be back after everything is.
const RECOVERY_MAX: Duration = Duration::from_secs(60);

impl World {
    /// The exporter was asked for `page` at `asked` and had answered by `now`.
    ///
    /// # Errors
    ///
    /// When the kernel cannot tell what agents have read.
    pub fn look(&mut self, page: &Page, asked: Instant, now: Instant) -> io::Result<()> {
        // Whatever is shown was read before, so the kernel has told of it by now.
        self.take_reads(now)?;
        self.pages += 1;
        self.connections = page.connections;
        for agent in 0..AGENTS {
            if let Err(what) = self.look_at(agent, page.agents[agent], asked, now) {
                self.violate(format!("exporter, of {}", agent_name(agent)), what);
            }
        }
        Ok(())
    }

    fn look_at(
        &mut self,
        agent: usize,
        shown: Result<Shown, Incoherent>,
        asked: Instant,
        now: Instant,
    ) -> Result<(), String> {
        let shown = shown.map_err(|error| error.to_string())?;
        self.watched[agent].ended_unseen = false;
        self.watched[agent].disconnects_are_shown(shown.disconnects, now);
        if shown.utilization.is_some() && shown.up != Some(true) {
            return Err(format!("there is a gauge, but up is {:?}", shown.up));
        }
        if let Some(totals) = shown.totals {
            let reading = self.histories[agent].recognise(&totals).map_err(|error| error.to_string())?;
            self.totals_are_shown(agent, reading, now)?;
            if let Some(utilization) = shown.utilization {
                self.gauge_is_shown(agent, reading, utilization, asked, now)?;
            }
        } else if shown.utilization.is_some() {
            return Err("there is a gauge, but there are no totals".to_owned());
        }
        let watched = &self.watched[agent];
        if watched.is_well() && self.exporter_struck.is_none() && shown.utilization.is_none() {
            return Err("nothing is wrong with it, but its gauge is missing".to_owned());
        }
        if self.exporter_struck.is_none()
            && watched
                .waits_since()
                .is_some_and(|since| asked.saturating_duration_since(since) > RECOVERY_MAX)
        {
            return Err(format!("nothing is wrong with it for {RECOVERY_MAX:?}, but it is not back"));
        }
        Ok(())
    }

    fn totals_are_shown(&mut self, agent: usize, reading: usize, now: Instant) -> Result<(), String> {
        let account = self.histories[agent].readings()[reading].account;
        let watched = &mut self.watched[agent];
        if let Some(last) = watched.last.replace(reading)
            && reading < last
        {
            return Err(format!("it is back at reading {reading}, after {last} was shown"));
        }
        watched.reading_is_shown(account, reading, now);
        Ok(())
    }

    fn gauge_is_shown(
        &mut self,
        agent: usize,
        reading: usize,
        utilization: u64,
        asked: Instant,
        now: Instant,
    ) -> Result<(), String> {
        let truth = self.histories[agent].readings()[reading];
        if truth.utilization != Some(utilization) {
            return Err(format!("its gauge is {utilization} ppm, where {:?} belongs", truth.utilization));
        }
        let watched = &mut self.watched[agent];
        let age = now.saturating_duration_since(truth.at);
        watched.oldest_gauge = watched.oldest_gauge.max(age);
        if watched.is_dead() {
            watched.oldest_dead_gauge = watched.oldest_dead_gauge.max(age);
        }
        if self.exporter_struck.is_none() {
            watched.sample_is_shown(truth.at, now);
        }
        // It was shown after the question, and read before we were told: what is too old by that is too old.
        let at_least = asked.saturating_duration_since(truth.at);
        if at_least > GAUGE_MAX {
            return Err(format!("its gauge is {:.1} s old", at_least.as_secs_f64()));
        }
        Ok(())
    }
}
