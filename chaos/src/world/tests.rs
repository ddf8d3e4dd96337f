use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use super::*;
use crate::distribution::Distribution;
use crate::history::Totals;
use crate::machine::utilization;
use crate::page::{Page, Shown};

/// A world with one agent that does all things right, and a clock. The other four never begin.
struct Scene {
    world: World,
    now: Instant,
    stat: PathBuf,
    before: [u64; 8],
    last_read: Instant,
    shown: Shown,
    _directory: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let stage = Stage::new(directory.path()).unwrap();
        let stat = stage.directory(0).join("stat");
        let world = World::new(stage, 1).unwrap();
        let before = world.machines[0].times();
        let now = Instant::now();
        let shown = Shown::default();
        let mut scene = Self { world, now, stat, before, last_read: now, shown, _directory: directory };
        scene.reads();
        scene.second();
        scene.look();
        scene
    }

    /// A second in which the agent measures, and is heard.
    fn second(&mut self) {
        self.now += Duration::from_secs(1);
        let is_counted = self.now - self.last_read == Duration::from_secs(1);
        self.world.step_machines().unwrap();
        self.reads();
        let times = self.world.machines[0].times();
        let sample = utilization(&self.before, &times);
        let mut samples = self.shown.totals.map_or(Distribution::default(), |totals| totals.samples);
        if is_counted {
            samples.add(sample.unwrap());
        }
        self.before = times;
        self.shown = Shown {
            up: Some(true),
            utilization: sample,
            totals: Some(Totals { cpu: times, samples }),
            ..self.shown
        };
    }

    fn reads(&mut self) {
        fs::read(&self.stat).unwrap();
        self.world.take_reads(self.now).unwrap();
        self.last_read = self.now;
    }

    /// The exporter's page shows this agent as `self.shown`; gives the violations so far.
    fn look(&mut self) -> Vec<&str> {
        let mut agents = [(); AGENTS].map(|()| Ok(Shown::default()));
        agents[0] = Ok(self.shown);
        let page = Page { agents, connections: Some(1) };
        self.world.look(&page, self.now, self.now).unwrap();
        self.world.violations.iter().map(|violation| &*violation.what).collect()
    }

    fn is_struck(&mut self, kind: Kind) -> usize {
        let victim = if kind.strikes_agent() { Victim::Agent(0) } else { Victim::Exporter };
        let fault = Fault { kind, victim, due: Duration::ZERO, span: Duration::ZERO };
        self.world.fault_begins(fault, self.now)
    }

    fn is_over(&mut self, number: usize) {
        self.world.fault_is_over(number, self.now);
    }

    fn loses_its_gauge(&mut self) {
        self.shown = Shown { up: Some(false), utilization: None, ..self.shown };
    }

    fn waits(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
    }
}

#[test]
fn a_page_that_is_true_is_no_violation() {
    let mut scene = Scene::new();
    for _ in 0..10 {
        scene.second();
        assert_eq!(scene.look(), [""; 0]);
    }
    assert!(scene.world.watched[0].is_well());
    assert_eq!(scene.world.watched[0].oldest_gauge, Duration::ZERO);
}

#[test]
fn a_page_that_is_not_true_is_a_violation() {
    type Lie = fn(&mut Scene);
    let lies: [(&str, Lie); 9] = [
        ("nothing is wrong with it, but its gauge is missing", Scene::loses_its_gauge),
        ("there is a gauge, but up is Some(false)", |scene| scene.shown.up = Some(false)),
        ("there is a gauge, but up is None", |scene| scene.shown.up = None),
        ("but its gauge is missing", |scene| scene.shown.utilization = None),
        ("its gauge is 7 ppm", |scene| scene.shown.utilization = Some(7)),
        ("those of no moment", |scene| {
            scene.shown.totals.as_mut().unwrap().cpu[2] += 1;
        }),
        ("its histogram has 3 samples at reading 2, where 2 are right", |scene| {
            scene.shown.totals.as_mut().unwrap().samples.add(5);
        }),
        ("there are no totals", |scene| scene.shown.totals = None),
        ("its gauge is 6.0 s old", |scene| {
            scene.is_struck(Kind::Pause);
            scene.waits(6);
        }),
    ];
    for (expected, lie) in lies {
        let mut scene = Scene::new();
        scene.second();
        lie(&mut scene);
        let violations = scene.look();
        assert!(violations.iter().any(|what| what.contains(expected)), "{expected}: {violations:?}");
    }
}

#[test]
fn totals_do_not_go_back() {
    let mut scene = Scene::new();
    let old = scene.shown;
    scene.second();
    scene.look();
    scene.shown = old;
    assert_eq!(scene.look(), ["it is back at reading 1, after 2 was shown"]);
}

#[test]
fn the_first_sample_after_a_fault_is_waited_for() {
    let mut scene = Scene::new();
    let pause = scene.is_struck(Kind::Pause);
    scene.loses_its_gauge();
    scene.waits(10);
    assert_eq!(scene.look(), [""; 0], "a paused agent may have no gauge");
    scene.is_over(pause);
    scene.waits(2);
    assert_eq!(scene.look(), [""; 0], "nor has one that comes back");
    assert!(!scene.world.watched[0].is_well());

    let mut scene = Scene::new();
    let unplugged = scene.is_struck(Kind::Unplug);
    scene.waits(3);
    scene.is_over(unplugged);
    scene.look();
    assert!(scene.world.watched[0].recoveries.is_empty(), "that gauge is from before");
    scene.second();
    scene.look();
    let [recovery] = scene.world.watched[0].recoveries[..] else { panic!("one recovery") };
    assert_eq!((recovery.kind, recovery.took), (Kind::Unplug, Duration::from_secs(1)));
}

#[test]
fn who_does_not_come_back_is_a_violation() {
    let mut scene = Scene::new();
    let killed = scene.is_struck(Kind::Kill);
    scene.loses_its_gauge();
    scene.is_over(killed);
    scene.waits(61);
    assert_eq!(scene.look(), ["nothing is wrong with it for 60s, but it is not back"]);
}

#[test]
fn a_fault_of_the_exporter_strikes_every_agent() {
    let mut scene = Scene::new();
    let killed = scene.is_struck(Kind::ExporterKill);
    let [cut] = scene.world.cuts[..] else { panic!("the others have not begun") };
    assert_eq!((cut.agent, cut.kind, cut.until), (0, Kind::ExporterKill, None));
    scene.look();
    assert!(!scene.world.watched[0].is_well(), "an answer from before is no recovery");
    scene.waits(4);
    scene.is_over(killed);
    assert_eq!(scene.world.cuts[0].until, Some(scene.now));
    scene.shown = Shown { totals: scene.shown.totals, ..Shown::default() };
    assert_eq!(scene.look(), [""; 0]);
    scene.second();
    scene.look();
    assert_eq!(scene.world.watched[0].recoveries[0].took, Duration::from_secs(1));
}

#[test]
fn a_half_open_connection_is_freed_in_time() {
    for (seconds, freed, expected) in
        [(12, true, ""), (18, false, ""), (21, false, "its connection was still held 21.0 s")]
    {
        let mut scene = Scene::new();
        let dropped = scene.is_struck(Kind::DropSent);
        scene.loses_its_gauge();
        scene.waits(seconds);
        scene.shown.disconnects = u64::from(freed);
        scene.look();
        scene.is_over(dropped);
        let violations = scene.look();
        assert_eq!(violations.first().map_or("", |what| what).get(..expected.len()), Some(expected));
        let watched = &scene.world.watched[0];
        assert_eq!(watched.freed, if freed { vec![Duration::from_secs(seconds)] } else { Vec::new() });
    }
}
