//! Prometheus's visits, and what it makes of them.

use cpumon_protocol::model::Micros;

use super::{Invariant, Violation, World};
use crate::network::Caller;
use crate::prometheus::{Fall, Shown, parse};
use crate::sabotage::Sabotage;
use crate::time::Time;

impl World<'_> {
    pub(super) fn scrape(&mut self, exporter: usize) -> Result<(), Violation> {
        if !self.prometheus.is_up {
            return Ok(());
        }
        let host = &self.exporters[exporter];
        let is_answered = self.unreachable[exporter] == 0 && self.now >= host.paused_until;
        let Some(text) = self.page(exporter).filter(|_| is_answered) else {
            self.note("is not scraped", None, Some(exporter), 0);
            self.prometheus.fail(exporter);
            return Ok(());
        };
        self.tally.scrapes += 1;
        self.note("is scraped, bytes", None, Some(exporter), text.len());
        let agent_of = |name: &str| self.names.get(name).copied();
        let page = parse(&text, self.agents.len(), agent_of, self.options.keeps_digests)
            .map_err(|why| self.violated(Invariant::Text, format!("exporter {exporter}: {why}")))?;
        self.check_page(exporter, &page)?;
        if self.options.keeps_digests {
            self.digests
                .push(page.iter().map(|shown| shown.as_ref().map_or(0, |shown| shown.digest)).collect());
        }
        self.prometheus
            .store(exporter, self.now, &page)
            .map_err(|why| self.violated(Invariant::TotalsShown, format!("exporter {exporter}: {why}")))
    }

    /// What the exporter serves; nothing if it is not there.
    fn page(&self, exporter: usize) -> Option<String> {
        let host = &self.exporters[exporter];
        let process = host.process.as_ref()?;
        let asked = match self.options.sabotage {
            Some(Sabotage::StaleGauge) => Time(self.now.0.saturating_sub(10_000_000)),
            _ => self.now,
        };
        let page = process.renderer.page(&process.desk.fleet, host.clock.mono(asked));
        let mut text = String::from_utf8(page).ok()?;
        if self.options.sabotage == Some(Sabotage::TransientZero) {
            self.show_zeros(exporter, &mut text);
        }
        Some(text)
    }

    /// Puts zeros on the page for who is welcome and has sent no sample yet.
    fn show_zeros(&self, exporter: usize, text: &mut String) {
        for conn in &self.conns {
            let is_welcome = conn.serving.as_ref().is_some_and(|serving| serving.is_greeted());
            let name = &self.agents[conn.agent].name;
            let is_shown = text.contains(&format!("agent=\"{name}\""));
            if conn.exporter == exporter
                && is_welcome
                && !is_shown
                && matches!(conn.caller, Caller::Agent { .. })
            {
                text.push_str("# TYPE cpumon_seconds_total counter\n");
                text.push_str(&format!("cpumon_seconds_total{{agent=\"{name}\",mode=\"user\"}} 0\n"));
            }
        }
    }

    fn check_page(&mut self, exporter: usize, page: &[Option<Shown>]) -> Result<(), Violation> {
        for (agent, shown) in page.iter().enumerate() {
            let default = Shown::default();
            let shown = shown.as_ref().unwrap_or(&default);
            let fail = |invariant, why: String| {
                Violation::new(invariant, self.now, format!("agent {agent} at exporter {exporter}: {why}"))
            };
            let totals = shown.totals().map_err(|why| fail(Invariant::TotalsShown, why))?;
            let Some(totals) = totals else { continue };
            let ledger = &mut self.agents[agent].ledger;
            let sample = ledger.find(totals[crate::totals::MARK]);
            let sample = sample.ok_or_else(|| {
                fail(
                    Invariant::CountedIsMade,
                    format!("no sample has the mark {}", totals[crate::totals::MARK]),
                )
            })?;
            let made = ledger.get(sample);
            if made.totals != *totals {
                let why = format!("sample {sample} is shown as {totals:?} and was made as {:?}", made.totals);
                return Err(fail(Invariant::CountedIsMade, why));
            }
            for utilization in [shown.percents, shown.utilization].into_iter().flatten() {
                if utilization != u64::from(made.utilization) {
                    let why =
                        format!("utilization {utilization} of sample {sample}, made {}", made.utilization);
                    return Err(fail(Invariant::CountedIsMade, why));
                }
            }
            ledger.scraped(sample);
            let facts =
                super::checks::Facts { sample: Some(sample), up: shown.up, has_gauges: shown.has_gauges() };
            self.check_shown(exporter, agent, facts)?;
        }
        Ok(())
    }

    pub(super) fn evaluate(&mut self) -> Result<(), Violation> {
        if !self.prometheus.is_up {
            return Ok(());
        }
        for agent in 0..self.agents.len() {
            let points = self.prometheus.evaluate(agent, self.now);
            let exporters = &self.exporters;
            let is_alive = |exporter: usize, life| {
                let host = &exporters[exporter];
                host.process.is_some() && host.lives == life
            };
            let ledger = &self.agents[agent].ledger;
            let account = &mut self.accounts[agent];
            let recorded = account.record(&points, ledger, is_alive);
            recorded.map_err(|Fall(why)| {
                Violation::new(Invariant::MergedNeverFalls, self.now, format!("agent {agent}: {why}"))
            })?;
            if let Some(series) = account.above(&ledger.truth) {
                let name = crate::totals::name(series);
                let (held, truth) = (account.held[series], ledger.truth[series]);
                let why = format!("agent {agent}: Prometheus holds {held} of {name}, measured were {truth}");
                return Err(self.violated(Invariant::NeverMore, why));
            }
        }
        Ok(())
    }

    /// How old the sample is that was made as `sample`.
    pub(super) fn age(&self, agent: usize, sample: usize) -> Micros {
        self.now.since(self.agents[agent].ledger.get(sample).at)
    }
}
