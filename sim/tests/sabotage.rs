//! That the simulator can fail: each of these bugs is put in by hand and has to be caught within a few seeds.

use cpumon_sim::campaign::run_seed;
use cpumon_sim::plan::Bounds;
use cpumon_sim::sabotage::Sabotage;
use cpumon_sim::world::{Failure, Invariant};

/// The most seeds that it may take.
const SEEDS: u64 = 30;

const BOUNDS: Bounds = Bounds { minutes: 6, agents_min: 5, agents_max: 12 };

/// Runs seeds until the bug is caught.
fn first_failure(sabotage: Sabotage) -> Option<Failure> {
    (0..SEEDS).find_map(|seed| run_seed(seed, BOUNDS, Some(sabotage)).err())
}

fn check(sabotage: Sabotage, expected: &[Invariant]) {
    let failure = first_failure(sabotage);
    assert!(failure.is_some(), "{sabotage:?} is not caught");
    let Some(Failure { seed, violation, .. }) = failure else { return };
    assert!(expected.contains(&violation.invariant), "{sabotage:?}, seed {seed}: {violation}");
    assert!(run_seed(seed, BOUNDS, None).is_ok(), "seed {seed} fails without the bug, too");
}

#[test]
fn a_replayed_frame_that_counts() {
    check(Sabotage::ReplayCounts, &[Invariant::NeverBack, Invariant::TotalsShown]);
}

#[test]
fn a_transient_zero() {
    check(Sabotage::TransientZero, &[Invariant::TotalsShown, Invariant::CountedIsMade]);
}

#[test]
fn a_stale_gauge() {
    check(Sabotage::StaleGauge, &[Invariant::GaugeAge, Invariant::Liveness, Invariant::TotalsShown]);
}

#[test]
fn totals_as_floats() {
    check(Sabotage::FloatTotals, &[Invariant::CountedIsMade]);
}

#[test]
fn the_highest_of_what_all_exporters_show() {
    check(Sabotage::HighestOfAll, &[Invariant::MergedNeverFalls]);
}
