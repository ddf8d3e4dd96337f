//! What is checked of an exporter at every step: its views against what it was told.

use cpumon_exporter::fleet::FleetSettings;
use cpumon_protocol::model::Micros;

use super::{Invariant, Violation, World};
use crate::exporter::stale_after;

/// Who was heard this recently is up, whatever else.
const SURELY_UP: Micros = Micros::from_secs(3);

const SECOND: Micros = Micros::from_secs(1);

/// Deadlines are met by a timer: so much later it has certainly run out.
const LATE: Micros = Micros::from_millis(5);

/// What an exporter shows of an agent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts {
    /// The sample that the totals are of.
    pub(super) sample: Option<usize>,
    pub(super) up: Option<bool>,
    pub(super) has_gauges: bool,
}

impl World<'_> {
    /// What was just answered is what the fleet has.
    pub(super) fn check_acknowledged(
        &self,
        agent: usize,
        exporter: usize,
        sample: usize,
    ) -> Result<(), Violation> {
        let host = &self.exporters[exporter];
        let ledger = &self.agents[agent].ledger;
        let Some(process) = &host.process else { return Ok(()) };
        let has = process.mark_of(self.agents[agent].name.as_str(), host.clock.mono(self.now));
        if has.and_then(|mark| ledger.find(mark)) == Some(sample) {
            return Ok(());
        }
        let why = format!(
            "agent {agent} at exporter {exporter}: sample {sample} is answered, the fleet has mark {has:?}"
        );
        Err(self.violated(Invariant::AcknowledgedIsCounted, why))
    }

    /// Looks at all views of an exporter.
    pub(super) fn check_views(&mut self, exporter: usize) -> Result<(), Violation> {
        let host = &self.exporters[exporter];
        let Some(process) = &host.process else { return Ok(()) };
        let mut views = Vec::with_capacity(self.agents.len());
        let (names, ledgers) = (&self.names, &self.agents);
        let fleet = process.desk.fleet();
        fleet.visit(0, usize::MAX, host.clock.mono(self.now), |view| {
            let Some(&agent) = names.get(view.name()) else { return };
            let mark = view.totals().and_then(|sample| sample.context_switches);
            let sample = mark.and_then(|mark| ledgers[agent].ledger.find(mark));
            views.push((agent, Facts { sample, up: view.up(), has_gauges: view.gauges().is_some() }));
        });
        let known = fleet.len();
        drop(fleet);
        self.check_bounds(exporter, known)?;
        for (agent, facts) in views {
            self.check_shown(exporter, agent, facts)?;
        }
        Ok(())
    }

    fn check_bounds(&self, exporter: usize, known: usize) -> Result<(), Violation> {
        let conns = self.exporters[exporter].process.as_ref().map_or(0, |process| process.conns.len());
        // Connections end when they are idle: an agent can have left so many behind in that time.
        let most_conns = self.agents.len() * 16;
        if known > self.agents.len() || conns > most_conns {
            let why = format!("exporter {exporter} knows {known} agents and has {conns} connections");
            return Err(self.violated(Invariant::Bounded, why));
        }
        Ok(())
    }

    /// Holds what is shown against what the exporter was told.
    pub(super) fn check_shown(
        &mut self,
        exporter: usize,
        agent: usize,
        facts: Facts,
    ) -> Result<(), Violation> {
        let Some(process) = &self.exporters[exporter].process else { return Ok(()) };
        let heard = process.heard[agent];
        let stale = stale_after(self.agents[agent].interval);
        let fail = |invariant, why: String| {
            Violation::new(invariant, self.now, format!("agent {agent} at exporter {exporter}: {why}"))
        };
        if facts.has_gauges && facts.up != Some(true) {
            return Err(fail(Invariant::Liveness, format!("gauges of one that is not up: {facts:?}")));
        }
        if let Some(sample) = facts.sample {
            let before = self.shown[exporter][agent];
            if before > Some(sample) {
                return Err(fail(Invariant::NeverBack, format!("shows sample {sample} after {before:?}")));
            }
            if facts.has_gauges && self.age(agent, sample) > stale {
                let age = self.age(agent, sample).0;
                return Err(fail(
                    Invariant::GaugeAge,
                    format!("sample {sample} is shown as present, {age} us old"),
                ));
            }
        }
        let silence = heard.map(|heard| self.now.since(heard.at));
        let linger = FleetSettings::default().totals_linger;
        let is_there = heard.is_some_and(|heard| self.conns[heard.conn].serving.is_some());
        let answered_lately =
            heard.and_then(|heard| heard.answered_before).is_some_and(|at| self.now.since(at) < SURELY_UP);
        if silence.is_some_and(|silence| silence < SURELY_UP)
            && is_there
            && answered_lately
            && facts.up != Some(true)
        {
            return Err(fail(Invariant::Liveness, format!("heard {silence:?} ago and not up")));
        }
        if facts.up == Some(true) && silence.is_none_or(|silence| silence > stale.saturating_add(LATE)) {
            return Err(fail(Invariant::Liveness, format!("last heard {silence:?} ago and up")));
        }
        let expected =
            heard.map(|heard| heard.sample).filter(|_| silence.is_some_and(|silence| silence < linger));
        if expected.is_some() && facts.sample != expected {
            return Err(fail(
                Invariant::TotalsShown,
                format!("shows {:?} and was told {expected:?}", facts.sample),
            ));
        }
        let is_over =
            silence.is_none_or(|silence| silence > stale.saturating_add(linger).saturating_add(LATE));
        if is_over && facts.sample.is_some() {
            return Err(fail(
                Invariant::TotalsShown,
                format!("totals are shown {silence:?} after the last sample"),
            ));
        }
        if facts.has_gauges
            && let Some(sample) = facts.sample
        {
            let host = &self.agents[agent];
            let age = self.age(agent, sample).0 * 1_000 / host.interval.0;
            self.tally.gauge_age_max = self.tally.gauge_age_max.max(age);
            if host.process.is_none() && host.interval == SECOND {
                let dead_for = self.now.since(host.died);
                self.tally.dead_gauge_max = self.tally.dead_gauge_max.max(dead_for);
            }
        }
        self.shown[exporter][agent] = self.shown[exporter][agent].max(facts.sample);
        Ok(())
    }
}
