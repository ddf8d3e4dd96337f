//! The spread of simulated fleets over exporters, and who moves when one comes or goes. `--nocapture` shows the figures.
#![allow(clippy::unwrap_used, reason = "a test's helpers end the test")]

use std::time::Duration;

use cpumon_protocol::model::Micros;
use cpumon_sim::spread::report::Figures;
use cpumon_sim::spread::scenario::{self, Settings};

/// All happenings in their order; the scenario itself fails where an invariant does not hold.
fn played(settings: &Settings) -> Vec<Figures> {
    let mut told = Vec::new();
    scenario::run(settings, |figures| {
        eprintln!("{figures}");
        told.push(figures.clone());
    })
    .unwrap();
    told
}

fn named<'a>(told: &'a [Figures], name: &str) -> &'a Figures {
    told.iter().find(|figures| figures.name == name).unwrap()
}

/// What came after that.
fn after<'a>(told: &'a [Figures], name: &str) -> &'a Figures {
    let at = told.iter().position(|figures| figures.name == name).unwrap();
    &told[at + 1]
}

/// Five standard deviations of a fair choice of one exporter in `exporters` by each agent.
fn tolerance(agents: usize, exporters: f64) -> f64 {
    5.0 * (agents as f64 / exporters * (1.0 - 1.0 / exporters)).sqrt()
}

/// That so many agents are a fair share of all.
fn is_share(count: usize, agents: usize, exporters: usize) -> bool {
    let exporters = exporters as f64;
    (count as f64 - agents as f64 / exporters).abs() <= tolerance(agents, exporters)
}

fn last(figures: &Figures) -> Duration {
    figures.back.unwrap()[2]
}

#[test]
fn three_exporters() {
    let settings = Settings { agents: 6_000, exporters: 3, ..Settings::default() };
    let told = played(&settings);
    let share = |count, exporters| is_share(count, settings.agents, exporters);

    let start = after(&told, "all agents start within a second");
    assert!(share(start.fullest, 3) && share(start.emptiest, 3), "{start}");

    // Those of the one that is gone move, and nobody else; when it is back they come back, spread over minutes.
    let killed = named(&told, "an exporter is killed");
    assert!(share(killed.moved, 3), "{killed}");
    assert!(last(killed) < Duration::from_secs(10), "{killed}");
    let back = after(&told, "an exporter is killed");
    assert_eq!(back.moved, killed.moved);
    // Half of the interval is what they come back in; five times as many in a second would be a stampede.
    let even = back.moved as f64 / 150.0;
    assert!(f64::from(back.connects_at_one) < 5.0 * even, "{back}");

    let silent = named(&told, "an exporter's machine falls silent");
    assert!(share(silent.moved, 3), "{silent}");
    // A second until the next sample, three until its answer is missed; then as when it is killed.
    assert!(last(silent) < Duration::from_secs(15), "{silent}");
    assert_eq!(after(&told, "an exporter's machine falls silent").moved, silent.moved);

    let added = named(&told, "an exporter is added");
    assert!(share(added.moved, 4), "{added}");
    assert_eq!(named(&told, "it is taken away for good").moved, added.moved);
}

#[test]
fn a_dozen_exporters() {
    let settings = Settings { agents: 12_000, exporters: 12, ..Settings::default() };
    let told = played(&settings);
    let third = named(&told, "every third exporter is killed");
    assert!(is_share(third.moved, settings.agents, 3), "{third}");
    assert_eq!(third.exporters, 8);
    // The next one that they prefer may be dead, too.
    assert!(last(third) < Duration::from_secs(20), "{third}");
    let end = told.last().unwrap();
    assert!(
        is_share(end.fullest, settings.agents, 12) && is_share(end.emptiest, settings.agents, 12),
        "{end}"
    );
}

#[test]
fn exporters_that_are_slow_to_greet_are_waited_for_without_a_storm() {
    // All come at once, and it takes an exporter 10 s to greet its share: longer than an agent waits, and four times as
    // many as may wait at once.
    let settings = Settings { agents: 6_000, exporters: 3, hellos_per_second: 200, ..Settings::default() };
    let told = played(&settings);
    let start = named(&told, "all agents start within a second");
    // The least that it can take is 10 s.
    assert!(last(start) < Duration::from_secs(40), "{start}");
    let restarted = named(&told, "all are back after 10 s in which none was there");
    assert!(last(restarted) < Duration::from_secs(40), "{restarted}");
}

#[test]
fn one_seed_is_one_history() {
    let settings =
        Settings { agents: 300, exporters: 3, look_interval: Micros::from_secs(60), ..Settings::default() };
    let told = |seed| -> Vec<String> {
        played(&Settings { seed, ..settings }).iter().map(ToString::to_string).collect()
    };
    assert_eq!(told(7), told(7));
    assert_ne!(told(7), told(8));
}
