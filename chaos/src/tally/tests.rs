use super::*;
use crate::fault::{Fault, Victim};
use crate::history::Totals;
use crate::prometheus::Scrape;
use crate::stage::Stage;

/// One agent's fortunes, and what Prometheus has of them. A second is a sample.
struct Case {
    world: World,
    agent: usize,
    clock: Clock,
    now: Instant,
    totals: Totals,
    findings: Findings,
    _directory: tempfile::TempDir,
}

impl Case {
    fn new(keeps: bool) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let world = World::new(Stage::new(directory.path()).unwrap(), 1).unwrap();
        let findings = Findings {
            raw: Vec::new(),
            merged: Vec::new(),
            scraped: vec![Vec::new()],
            scrapes: Vec::new(),
            falls: Vec::new(),
            losses: Vec::new(),
            own_ends: Vec::new(),
        };
        let clock = Clock::now();
        let agent = usize::from(!keeps) * 4;
        let totals = Totals::default();
        let mut case =
            Self { world, agent: 0, clock, now: clock.instant, totals, findings, _directory: directory };
        case.world.histories.swap(0, agent);
        case.agent = 0;
        case.begins();
        case
    }

    /// A process begins.
    fn begins(&mut self) {
        self.reads();
        if !self.world.histories[self.agent].keeps() {
            self.totals.samples = Default::default();
        }
    }

    fn measures(&mut self, samples: u64) {
        for _ in 0..samples {
            self.now += Duration::from_secs(1);
            let sample = self.reads();
            self.totals.samples.add(sample);
        }
    }

    /// The next state of the machine is read.
    fn reads(&mut self) -> u64 {
        let before = self.totals.cpu;
        self.totals.cpu[0] += 100 + self.totals.cpu[3] / 1_000;
        self.totals.cpu[3] += 1_000;
        let history = &mut self.world.histories[self.agent];
        let version = history.machine_is_at(self.totals.cpu);
        history.has_read(version, self.now);
        crate::machine::utilization(&before, &self.totals.cpu).unwrap()
    }

    /// The exporter shows what was measured.
    fn is_heard(&mut self) {
        let reading = self.world.histories[self.agent].recognise(&self.totals).unwrap();
        let account = self.world.histories[self.agent].readings()[reading].account;
        self.world.watched[self.agent].reading_is_shown(account, reading, self.now);
    }

    /// Prometheus scrapes what was measured.
    fn is_scraped(&mut self) {
        let at = self.clock.system(self.now);
        self.findings.scraped[self.agent].push(Scraped { at, totals: Ok(self.totals) });
        self.findings.scrapes.push(Scrape { asked: at, answered: at });
    }

    /// Prometheus scrapes, and has its answer so much later; what it shows does not matter.
    fn is_asked(&mut self, seconds: u64) {
        let asked = self.clock.system(self.now);
        let answered = asked + Duration::from_secs(seconds);
        self.findings.scrapes.push(Scrape { asked, answered });
    }

    fn ends(&mut self, killed: bool, connected: bool) {
        self.world.histories[self.agent].has_ended(End { at: self.now, killed, connected });
    }

    fn waits(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
    }

    fn exporter_is_killed(&mut self) {
        let (due, span) = (Duration::ZERO, Duration::ZERO);
        let fault = Fault { kind: Kind::ExporterKill, victim: Victim::Exporter, due, span };
        let number = self.world.fault_begins(fault, self.now);
        self.world.fault_is_over(number, self.now + Duration::from_secs(1));
    }

    /// Made, counted, not acknowledged, died with the exporter, not scraped, hidden; and the first violation.
    fn comes_to(mut self) -> ([u64; 6], String) {
        let tally = tally(&mut self.world, self.agent, &self.findings, &self.clock);
        let Tally { made, counted, unacknowledged, died_with_exporter, unscraped, hidden } = tally;
        let violation = self.world.violations.first().map(|violation| violation.what.clone());
        (
            [made, counted, unacknowledged, died_with_exporter, unscraped, hidden],
            violation.unwrap_or_default(),
        )
    }
}

fn check(keeps: bool, story: impl Fn(&mut Case), expected: [u64; 6], violation: &str) {
    let mut case = Case::new(keeps);
    story(&mut case);
    let (tally, found) = case.comes_to();
    assert_eq!(tally, expected);
    assert!(
        found.contains(violation) && found.is_empty() == violation.is_empty(),
        "{violation:?}: {found:?}"
    );
}

#[test]
fn nothing_is_lost() {
    let story = |case: &mut Case| {
        case.measures(5);
        case.is_scraped();
        case.ends(true, true);
        case.waits(7);
        case.begins();
        case.measures(9);
        case.is_scraped();
    };
    check(true, story, [14, 14, 0, 0, 0, 0], "");
}

#[test]
fn who_keeps_its_histogram_loses_nothing() {
    let story = |case: &mut Case| {
        case.measures(5);
        case.is_scraped();
        case.measures(1);
    };
    check(true, story, [6, 5, 1, 0, 0, 0], "1 of its samples are missing in the end");
}

#[test]
fn a_killed_agent_may_lose_what_was_not_acknowledged() {
    for (unheard, killed, connected, violation) in [
        (2, true, true, ""),
        (3, true, true, "3 samples were not acknowledged when it ended, though it was connected"),
        (9, true, false, ""),
        (1, false, true, "1 samples were not acknowledged"),
    ] {
        let story = |case: &mut Case| {
            case.measures(20);
            case.is_heard();
            case.is_scraped();
            case.measures(unheard);
            case.ends(killed, connected);
            case.begins();
            case.measures(3);
            case.is_scraped();
        };
        check(false, story, [23 + unheard, 23, unheard, 0, 0, 0], violation);
    }
}

#[test]
fn what_no_scrape_saw_is_lost_when_none_could() {
    let story = |away: u64, scrape: bool, exporter_killed: bool| {
        move |case: &mut Case| {
            case.measures(20);
            case.is_scraped();
            case.measures(4);
            case.is_heard();
            case.ends(true, true);
            if exporter_killed {
                case.exporter_is_killed();
            }
            case.waits(away);
            if scrape {
                case.is_asked(0);
            }
            case.waits(5);
            case.begins();
            case.measures(3);
            case.is_heard();
            case.is_scraped();
        }
    };
    let lost = [27, 23, 0, 0, 4, 0];
    check(false, story(5, false, false), lost, "");
    check(
        false,
        story(5, true, false),
        lost,
        "4 samples were never scraped, though there was a scrape 5.0s after its end",
    );
    check(false, story(5, true, true), [27, 23, 0, 4, 0, 0], "");
    check(false, story(70, true, false), lost, "");
}

#[test]
fn a_scrape_cannot_see_what_an_exporter_has_not_read_yet() {
    let story = |scraped_after: u64| {
        move |case: &mut Case| {
            case.measures(20);
            case.is_scraped();
            // The exporter is paused: what its agent says last waits in a socket.
            case.measures(1);
            case.ends(false, false);
            case.waits(10);
            case.is_asked(0);
            case.waits(2);
            case.is_heard();
            case.waits(scraped_after);
            case.is_asked(0);
            case.waits(2);
            case.begins();
            case.measures(3);
            case.is_heard();
            case.is_scraped();
        }
    };
    let lost = [24, 23, 0, 0, 1, 0];
    check(false, story(0), lost, "");
    check(
        false,
        story(3),
        lost,
        "1 samples were never scraped, though there was a scrape 15.0s after its end",
    );
}

#[test]
fn a_scrape_may_show_what_is_when_it_is_answered() {
    let story = |answered_after: u64| {
        move |case: &mut Case| {
            case.measures(20);
            case.is_scraped();
            case.measures(3);
            case.is_heard();
            case.ends(true, true);
            case.waits(10);
            // The exporter is paused, and goes on when the agent is back.
            case.is_asked(answered_after);
            case.waits(3);
            case.begins();
            case.measures(3);
            case.is_heard();
            case.is_scraped();
        }
    };
    let lost = [26, 23, 0, 0, 3, 0];
    check(false, story(5), lost, "");
    check(
        false,
        story(0),
        lost,
        "3 samples were never scraped, though there was a scrape 10.0s after its end",
    );
}

#[test]
fn a_counter_may_outgrow_its_own_beginning() {
    let story = |case: &mut Case| {
        case.measures(5);
        case.is_scraped();
        case.ends(true, true);
        case.begins();
        case.measures(6);
        case.is_scraped();
    };
    check(false, story, [11, 6, 0, 0, 0, 5], "");
}

#[test]
fn what_was_never_measured_is_not_counted() {
    let story = |case: &mut Case| {
        case.measures(5);
        case.is_scraped();
        case.totals.samples.add(123);
        case.is_scraped();
        case.totals.samples = Default::default();
        case.is_scraped();
    };
    check(true, story, [5, 5, 0, 0, 0, 0], "its histogram has 6 samples at reading 5, where 5 are right");
}
