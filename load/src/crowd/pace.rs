//! When whose sample is due.

use cpumon_protocol::model::{Micros, Moment};

/// How often each agent sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Once in this time.
    Every(Micros),
    /// As soon as the sample before is answered.
    FullSpeed,
}

/// The longest interval that the protocol lets an agent promise, and the shortest that ours do.
const PROMISE: (Micros, Micros) = (Micros::from_secs(1), Micros::from_secs(60));

impl Pace {
    /// The interval that agents of this pace say hello with.
    pub(super) fn promised(self) -> Micros {
        self.period().clamp(PROMISE.0, PROMISE.1)
    }

    /// The time between two ticks of an agent that does not wait for an answer.
    pub(super) const fn period(self) -> Micros {
        match self {
            Self::Every(period) => period,
            Self::FullSpeed => Micros::from_secs(1),
        }
    }
}

/// Ticks of agents that are spread evenly over a period, each always at the same phase of it.
#[derive(Debug)]
pub(super) struct Phases {
    agents: u64,
    period: Micros,
    round_begun: Moment,
    /// Whose turn is next in the round.
    next: u64,
    is_stopped: bool,
}

impl Phases {
    pub(super) fn new(agents: usize, period: Micros, now: Moment) -> Self {
        let period = period.max(Micros(1));
        Self { agents: agents as u64, period, round_begun: now, next: 0, is_stopped: agents == 0 }
    }

    /// When the next tick is due.
    pub(super) fn next(&self) -> Moment {
        if self.is_stopped {
            return Moment(u64::MAX);
        }
        let phase = u128::from(self.period.0) * u128::from(self.next) / u128::from(self.agents);
        self.round_begun.plus(Micros(u64::try_from(phase).unwrap_or(u64::MAX)))
    }

    /// Whose tick is due at `now`, if one is; each is taken once. Ticks that are late by more than a period are
    /// left out: nobody's sample is due twice.
    pub(super) fn take(&mut self, now: Moment) -> Option<usize> {
        if self.next() > now {
            return None;
        }
        let late = now.since(self.next());
        if late > self.period {
            self.round_begun = self.round_begun.plus(Micros(late.0 / self.period.0 * self.period.0));
        }
        let index = self.next;
        self.next += 1;
        if self.next == self.agents {
            self.next = 0;
            self.round_begun = self.round_begun.plus(self.period);
        }
        usize::try_from(index).ok()
    }

    /// Nothing is due any more.
    pub(super) const fn stop(&mut self) {
        self.is_stopped = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(phases: &mut Phases, now: u64) -> Vec<usize> {
        std::iter::from_fn(|| phases.take(Moment(now))).collect()
    }

    #[test]
    fn each_agent_once_a_period_at_its_own_phase() {
        let mut phases = Phases::new(4, Micros(1_000), Moment(0));
        let by_moment: Vec<_> = (0..=2_000).step_by(250).map(|now| taken(&mut phases, now)).collect();
        let each_in_turn: Vec<_> = (0..9).map(|turn| vec![turn % 4]).collect();
        assert_eq!(by_moment, each_in_turn);
    }

    #[test]
    fn who_is_very_late_is_due_once() {
        let mut phases = Phases::new(4, Micros(1_000), Moment(0));
        assert_eq!(taken(&mut phases, 0), [0]);
        assert_eq!(taken(&mut phases, 60_400), [1]);
        assert_eq!(taken(&mut phases, 60_500), [2], "in the old rhythm");
    }
}
