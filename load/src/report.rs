//! What a run came to, in words.

use std::fmt;
use std::time::Duration;

use cpumon_protocol::model::Micros;

use crate::tally::{Counts, Latencies};

/// The figures of a run.
#[derive(Clone, Debug)]
pub struct Report {
    /// How many agents there were.
    pub agents: usize,
    /// From the first attempt to connect until all of them were answered; none when that never was.
    pub all_answered: Option<Micros>,
    /// How long was measured after that.
    pub span: Micros,
    /// What was counted in that time.
    pub counts: Counts,
    /// What was counted before it: nothing failed when all went well.
    pub counts_before: Counts,
    /// How long the answers took.
    pub latencies: Latencies,
    /// What the exporter's process cost in that time.
    pub cost: Option<Cost>,
    /// What a restart of the exporter did.
    pub restart: Option<Restart>,
}

/// What the exporter cost.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// CPU time used while samples came.
    pub cpu: Duration,
    /// Resident memory before the first connection, in bytes.
    pub resident_before: u64,
    /// Resident memory after the run, in bytes.
    pub resident_after: u64,
}

/// From the loss of the first connection.
#[derive(Clone, Copy, Debug)]
pub struct Restart {
    /// Until the first agent was answered again.
    pub first_back: Micros,
    /// Until all were; none when the time was over before.
    pub all_back: Option<Micros>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { sent, acked, lost, .. } = self.counts;
        let all = |count: fn(&Counts) -> u64| count(&self.counts_before) + count(&self.counts);
        let (opened, failed) = (all(|counts| counts.opened), all(|counts| counts.failed));
        let refused = all(|counts| counts.refused);
        let seconds = self.span.0 as f64 / 1e6;
        match self.all_answered {
            Some(time) => writeln!(f, "agents      {} all answered after {}", self.agents, ms(time))?,
            None => writeln!(f, "agents      {} never all answered", self.agents)?,
        }
        writeln!(f, "connections opened {opened} failed {failed} refused {refused}")?;
        let rate = acked as f64 / seconds;
        let in_flight = self.counts.in_flight();
        writeln!(f, "frames      sent {sent} acked {acked} lost {lost} in_flight {in_flight}")?;
        writeln!(f, "rate        {rate:.0} acked a second over {seconds:.1} s")?;
        let [median, high] = [500, 990].map(|per_mille| ms(self.latencies.quantile(per_mille)));
        writeln!(f, "latency     p50 {median} p99 {high} max {}", ms(self.latencies.max()))?;
        if let Some(cost) = self.cost {
            let per_sample = cost.cpu.as_secs_f64() * 1e6 / acked.max(1) as f64;
            let grown = cost.resident_after.saturating_sub(cost.resident_before);
            let per_agent = grown as f64 / 1024.0 / self.agents.max(1) as f64;
            writeln!(
                f,
                "exporter    {per_sample:.2} us of CPU a sample, {per_agent:.2} kB resident an agent"
            )?;
        }
        if let Some(Restart { first_back, all_back }) = self.restart {
            let all_back = all_back.map_or("never".to_owned(), ms);
            writeln!(f, "restart     first answered again after {}, all after {all_back}", ms(first_back))?;
        }
        Ok(())
    }
}

fn ms(span: Micros) -> String {
    format!("{:.3} ms", span.0 as f64 / 1e3)
}
