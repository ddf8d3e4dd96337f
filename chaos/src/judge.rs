//! Puts together what was seen and what was found: the report.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use crate::fault::{AGENTS, AGENTS_WITH_STATE, Kind};
use crate::findings::Findings;
use crate::plan::Plan;
use crate::prometheus::Fall;
use crate::report::{Report, Times};
use crate::shown::agent_name;
use crate::tally::{Clock, tally};
use crate::world::{Cut, Strike, World};

/// An agent that is cut off for this long has to notice.
const NOTICE_MAX: Duration = Duration::from_secs(10);

/// How much later than an agent's clock ours may be read.
const SLACK: Duration = Duration::from_millis(100);

/// Compares, and adds what is wrong to the violations of the world.
pub fn judge(mut world: World, plan: &Plan, findings: &Findings, clock: &Clock) -> Report {
    for (origin, totals) in [("in the end", &findings.raw), ("records", &findings.merged)] {
        for (agent, wrong) in world.not_the_last(totals).collect::<Vec<_>>() {
            world.violate(format!("Prometheus ({origin}), of {}", agent_name(agent)), wrong);
        }
    }
    let tallies = (0..AGENTS).map(|agent| tally(&mut world, agent, findings, clock)).collect();
    for Fall { agent, record, from, to } in findings.falls.iter().filter(|fall| is_wrong(fall)) {
        let of = format!("Prometheus (records), of {}", agent_name(*agent));
        world.violate(of, format!("{record} fell from {from} to {to}"));
    }
    for (service, times) in findings.own_ends.iter().filter(|(_, times)| *times > 0) {
        world.violate(service, format!("it ended by itself, {times} times"));
    }
    if world.connections != Some(0) {
        let left = world.connections;
        world.violate("exporter", format!("all agents have ended, but it tells of {left:?} connections"));
    }
    let noticed = noticed(&mut world, findings, clock);
    let watched = &world.watched;
    Report {
        seed: plan.seed,
        length: length(&world.strikes),
        faults: count_by_kind(&world.strikes),
        overlapping: overlapping(&world.strikes),
        pages: world.pages,
        scrapes: findings.scrapes.len(),
        tallies,
        keepers: AGENTS_WITH_STATE,
        recoveries: recoveries(&world),
        recoveries_cut_short: watched.iter().map(|watched| watched.recoveries_cut_short).sum(),
        oldest_gauge: (
            watched.iter().map(|watched| watched.oldest_gauge).max().unwrap_or_default(),
            watched.iter().map(|watched| watched.oldest_dead_gauge).max().unwrap_or_default(),
        ),
        freed: watched.iter().flat_map(|watched| watched.freed.iter().copied()).collect(),
        noticed,
        violations: world.violations,
    }
}

/// Nothing that is merged may fall, but for the histogram of an agent that does not keep it.
fn is_wrong(fall: &Fall) -> bool {
    fall.is_of_cpu() || fall.agent < AGENTS_WITH_STATE
}

/// How long agents took to notice that they were cut off.
fn noticed(world: &mut World, findings: &Findings, clock: &Clock) -> Times {
    let mut times = Vec::new();
    for Cut { agent, kind, begun, until } in world.cuts.clone() {
        let from = clock.system(begun);
        let to = until.map_or_else(SystemTime::now, |until| clock.system(until));
        let lost = |at: &&SystemTime| (from - SLACK..to + SLACK).contains(*at);
        match findings.losses[agent].iter().find(lost) {
            Some(at) => times.push(at.duration_since(from).unwrap_or_default()),
            None if to.duration_since(from).unwrap_or_default() > NOTICE_MAX => {
                world.violate(agent_name(agent), format!("it did not notice ({})", kind.label()));
            }
            None => {}
        }
    }
    times.into_iter().collect()
}

fn recoveries(world: &World) -> BTreeMap<Kind, Times> {
    let mut by_kind: BTreeMap<Kind, Vec<Duration>> = BTreeMap::new();
    for recovery in world.watched.iter().flat_map(|watched| &watched.recoveries) {
        by_kind.entry(recovery.kind).or_default().push(recovery.took);
    }
    by_kind.into_iter().map(|(kind, times)| (kind, times.into_iter().collect())).collect()
}

fn count_by_kind(strikes: &[Strike]) -> BTreeMap<Kind, usize> {
    let mut counts = BTreeMap::new();
    for strike in strikes {
        *counts.entry(strike.fault.kind).or_default() += 1;
    }
    counts
}

fn overlapping(strikes: &[Strike]) -> usize {
    let during = |strike: &Strike, other: &Strike| {
        other.begun < strike.begun && other.over.is_none_or(|over| over > strike.begun)
    };
    strikes.iter().filter(|strike| strikes.iter().any(|other| during(strike, other))).count()
}

fn length(strikes: &[Strike]) -> Duration {
    let first = strikes.iter().map(|strike| strike.begun).min();
    let last = strikes.iter().filter_map(|strike| strike.over).max();
    first.zip(last).map_or(Duration::ZERO, |(first, last)| last.duration_since(first))
}
