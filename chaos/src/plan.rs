//! The faults of a run, drawn from a seed: the same seed and count give the same plan.

use std::collections::HashMap;
use std::time::Duration;

use fastrand::Rng;

use crate::fault::{AGENTS, Fault, Kind, Victim};

/// How long a victim is left alone between two faults, in seconds, at the least and at the most: longer than
/// an agent may take to come back, so that most recoveries are seen to their end.
const REST: (f64, f64) = (16.0, 32.0);

/// One fault of so many is not put anywhere, but close to the beginning or the end of another victim's fault.
const ALIGNED: usize = 2;

/// How close, in seconds.
const CLOSE: f64 = 3.0;

/// Faults in the order in which they are due.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The seed that it was drawn from.
    pub seed: u64,
    /// Every fault.
    pub faults: Vec<Fault>,
}

impl Plan {
    /// Draws `count` faults. From 20 on, every kind is among them.
    pub fn draw(seed: u64, count: usize) -> Self {
        let mut rng = Rng::with_seed(seed);
        let kinds = draw_kinds(&mut rng, count);
        let mut agents = agents_in_turn(rng.fork());
        let mut free: HashMap<Victim, f64> = HashMap::new();
        let mut faults: Vec<Fault> = Vec::with_capacity(count);
        for kind in kinds {
            let victim = match kind {
                _ if kind.strikes_exporter() => Victim::Exporter,
                _ if kind.strikes_agent() => Victim::Agent(agents.next().unwrap_or_default()),
                _ => Victim::Prometheus,
            };
            let due = draw_due(&mut rng, free.get(&victim).copied(), &faults);
            let span = draw_span(&mut rng, kind);
            free.insert(victim, due + span);
            let (due, span) = (Duration::from_secs_f64(due), Duration::from_secs_f64(span));
            faults.push(Fault { kind, victim, due, span });
        }
        faults.sort_by_key(|fault| fault.due);
        Self { seed, faults }
    }

    /// The faults of one victim, in order.
    pub fn of(&self, victim: Victim) -> impl Iterator<Item = Fault> + '_ {
        self.faults.iter().copied().filter(move |fault| fault.victim == victim)
    }

    /// When the last one is over, if none is delayed.
    pub fn length(&self) -> Duration {
        self.faults.iter().map(|fault| fault.due + fault.span).max().unwrap_or_default()
    }
}

/// All kinds by their weights, as often as there is room; what is left over is drawn.
fn draw_kinds(rng: &mut Rng, count: usize) -> Vec<Kind> {
    let mut round: Vec<Kind> =
        Kind::ALL.into_iter().flat_map(|kind| std::iter::repeat_n(kind, kind.weight())).collect();
    let mut kinds = Vec::with_capacity(count);
    while kinds.len() < count {
        rng.shuffle(&mut round);
        kinds.extend(round.iter().take(count - kinds.len()));
    }
    rng.shuffle(&mut kinds);
    kinds
}

/// Every agent in turn, each round in another order.
fn agents_in_turn(mut rng: Rng) -> impl Iterator<Item = usize> {
    std::iter::repeat_with(move || {
        let mut round: Vec<usize> = (0..AGENTS).collect();
        rng.shuffle(&mut round);
        round
    })
    .flatten()
}

/// When a fault is due whose victim is free from a moment on, or has not had any, in seconds.
fn draw_due(rng: &mut Rng, free: Option<f64>, others: &[Fault]) -> f64 {
    let (least, most) = free.map_or((0.0, REST.0), |free| (free + REST.0, free + REST.1));
    if rng.usize(0..ALIGNED) == 0 {
        let edges = others.iter().flat_map(|other| [other.due, other.due + other.span]);
        let near: Vec<f64> =
            edges.map(|edge| edge.as_secs_f64()).filter(|edge| (least..most).contains(edge)).collect();
        if let Some(edge) = rng.choice(&near) {
            return (edge + (rng.f64() - 0.5) * CLOSE).max(least);
        }
    }
    least + rng.f64() * (most - least)
}

/// How long a fault lasts, in seconds: short ones as often as those ten times as long.
fn draw_span(rng: &mut Rng, kind: Kind) -> f64 {
    let (least, most) = kind.span_seconds();
    if most == 0.0 { 0.0 } else { least * (most / least).powf(rng.f64()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_one_plan() {
        assert_eq!(Plan::draw(7, 30), Plan::draw(7, 30));
        assert_ne!(Plan::draw(7, 30), Plan::draw(8, 30));
    }

    #[test]
    fn plans_are_as_promised() {
        for seed in 0..200 {
            for count in [1, 20, 30, 100] {
                let plan = Plan::draw(seed, count);
                assert_eq!(plan.faults.len(), count);
                check_kinds(&plan);
                check_victims(&plan);
            }
        }
    }

    fn check_kinds(plan: &Plan) {
        for kind in Kind::ALL {
            let faults: Vec<_> = plan.faults.iter().filter(|fault| fault.kind == kind).collect();
            assert!(plan.faults.len() < 20 || !faults.is_empty(), "seed {}: no {kind:?}", plan.seed);
            let (least, most) = kind.span_seconds();
            let in_range = |fault: &&Fault| (least..=most).contains(&fault.span.as_secs_f64());
            assert!(faults.iter().all(in_range), "seed {}: {kind:?}", plan.seed);
        }
    }

    fn check_victims(plan: &Plan) {
        for victim in (0..AGENTS).map(Victim::Agent).chain([Victim::Exporter, Victim::Prometheus]) {
            let faults: Vec<_> = plan.of(victim).collect();
            for pair in faults.windows(2) {
                let rest = pair[1].due.as_secs_f64() - (pair[0].due + pair[0].span).as_secs_f64();
                assert!(rest > REST.0 - 1e-6, "seed {}: {} then {}", plan.seed, pair[0], pair[1]);
            }
        }
    }

    #[test]
    fn faults_overlap() {
        let overlapping = (0..50).filter(|&seed| {
            let plan = Plan::draw(seed, 30);
            let at_once = |a: &Fault, b: &Fault| a.due < b.due + b.span && b.due < a.due + a.span;
            let pairs = |a: &Fault| plan.faults.iter().filter(|b| at_once(a, b)).count() > 1;
            plan.faults.iter().filter(|fault| pairs(fault)).count() >= 15
        });
        assert_eq!(overlapping.count(), 50);
    }
}
