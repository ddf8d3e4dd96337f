//! The fleet's rules, one script each.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

use cpumon_protocol::model::{
    AgentName, CoreTimes, Cores, CpuTimes, GuestTimes, HostFacts, RunId, Sample, WallTime,
};

use super::*;

const SECOND: u64 = 1_000_000;

fn at(second: u64) -> Now {
    Now { mono: Moment(second * SECOND), wall: WallTime((1_000_000 + second) * SECOND) }
}

fn endpoint(port: u16) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1], port))
}

fn hello(agent: &str, run: u128) -> Hello {
    Hello {
        agent: AgentName::new(agent).unwrap(),
        run: RunId::from_bits(run),
        boot: None,
        interval: Micros::from_secs(1),
        utilization: Ratio::ZERO,
        start_time: None,
        ephemeral: false,
        facts: HostFacts::default(),
        labels: Vec::new(),
        token: None,
    }
}

fn sample(millionths: u32) -> Sample {
    Sample {
        utilization: Ratio::from_millionths(millionths).unwrap(),
        cpu_times: Some(CpuTimes::default()),
        ..Sample::default()
    }
}

/// A sample that was measured just before `second`.
fn reported(seq: u64, millionths: u32, second: u64) -> Reported {
    Reported { seq, sample: sample(millionths), measured_after: at(second).mono }
}

fn fleet(settings: FleetSettings) -> Fleet {
    Fleet::new(settings, &Roster::default(), at(0))
}

fn join(fleet: &mut Fleet, conn: u64, hello: Hello, seq: u64, second: u64) -> Result<Place, RejectReason> {
    claim(fleet, conn, hello, Claim::Shared, seq, second)
}

fn claim(
    fleet: &mut Fleet,
    conn: u64,
    hello: Hello,
    claim: Claim,
    seq: u64,
    second: u64,
) -> Result<Place, RejectReason> {
    fleet
        .join(ConnectionId(conn), endpoint(1), hello, claim, reported(seq, 500_000, second), at(second))
        .map_err(|rejection| rejection.reason)
}

/// What is shown of `name`: `up`, and whether gauges, totals and the moment it was last heard are there.
fn shown(fleet: &Fleet, name: &str, second: u64) -> Option<(Option<bool>, bool, bool, bool)> {
    let mut found = None;
    fleet.visit(0, usize::MAX, at(second).mono, |view| {
        if view.name() == name {
            found = Some((
                view.up(),
                view.gauges().is_some(),
                view.totals().is_some(),
                view.last_heard().is_some(),
            ));
        }
    });
    found
}

#[test]
fn a_silent_agent_loses_its_gauges_then_its_totals_then_its_name() {
    let mut fleet = fleet(FleetSettings::default());
    join(&mut fleet, 1, hello("a", 1), 1, 100).unwrap();
    for (second, expect) in [
        (100, Some((Some(true), true, true, true))),
        (105, Some((Some(true), true, true, true))),
        (106, Some((Some(false), false, true, true))),
        (164, Some((Some(false), false, true, true))),
        (165, Some((Some(false), false, false, true))),
        (105 + 24 * 3600 - 1, Some((Some(false), false, false, true))),
        (105 + 24 * 3600, None),
    ] {
        fleet.sweep(at(second).mono);
        assert_eq!(shown(&fleet, "a", second), expect, "at {second} s");
    }
}

#[test]
fn a_sample_that_was_long_on_its_way_is_no_present() {
    // Found by the simulator, seed 0: held by a cut link for 20 s, then shown as what is now.
    let mut fleet = fleet(FleetSettings::default());
    let place = join(&mut fleet, 1, hello("a", 1), 1, 100).unwrap();
    fleet.update(place, ConnectionId(1), reported(2, 1, 100), at(120)).unwrap();
    let up_without_gauges = Some((Some(true), false, true, true));
    assert_eq!(shown(&fleet, "a", 120), up_without_gauges, "it is heard, but what it says is not present");
    assert_eq!(shown(&fleet, "a", 184), Some((Some(false), false, true, true)), "totals are as good as ever");
    fleet.update(place, ConnectionId(1), reported(3, 1, 120), at(121)).unwrap();
    assert_eq!(shown(&fleet, "a", 125), Some((Some(true), true, true, true)));
    assert_eq!(
        shown(&fleet, "a", 126),
        up_without_gauges,
        "five seconds after the sample, not after its arrival"
    );
    assert_eq!(shown(&fleet, "a", 127), Some((Some(false), false, true, true)));
}

#[test]
fn of_several_exporters_the_one_that_was_told_last_is_known_by_its_order() {
    let order = |fleet: &Fleet| {
        let mut order = None;
        fleet.visit(0, usize::MAX, at(100).mono, |view| order = view.order());
        order
    };
    let run = |run, start| Hello { start_time: Some(WallTime(start)), ..hello("a", run) };
    let (mut left, mut joined) = (fleet(FleetSettings::default()), fleet(FleetSettings::default()));
    let place = join(&mut left, 1, run(1, 7_000), 5, 100).unwrap();
    join(&mut joined, 1, run(1, 7_000), 6, 100).unwrap();
    assert_eq!((order(&left), order(&joined)), (Some(7_005), Some(7_006)), "within a run by the frame");
    join(&mut joined, 2, run(2, 900_000), 1, 104).unwrap();
    assert_eq!(order(&joined), Some(900_001), "of two runs by their start");
    left.leave(place, ConnectionId(1), End::Eof, at(104).mono);
    join(&mut left, 2, run(3, 100), 1, 104).unwrap();
    assert_eq!(
        order(&left),
        Some(7_007),
        "where both runs are known, by what came later, whatever the clock says"
    );
}

#[test]
fn ends_are_told_apart() {
    let gone_at_once = Some((None, false, true, false));
    let missed = Some((Some(false), false, true, true));
    for (end, ephemeral, expected, expect) in [
        (End::Bye, false, false, gone_at_once),
        (End::Bye, false, true, missed),
        (End::Eof, false, false, missed),
        (End::Timeout, false, false, missed),
        (End::Protocol, false, false, missed),
        (End::Eof, true, false, gone_at_once),
    ] {
        let expected = if expected { vec![AgentName::new("a").unwrap()] } else { Vec::new() };
        let is_expected = !expected.is_empty();
        let mut fleet = fleet(FleetSettings { expected, ..FleetSettings::default() });
        let place = join(&mut fleet, 1, Hello { ephemeral, ..hello("a", 1) }, 1, 100).unwrap();
        fleet.leave(place, ConnectionId(1), end, at(101).mono);
        assert_eq!(shown(&fleet, "a", 101), expect, "{end:?}");
        fleet.sweep(at(162).mono);
        let left = shown(&fleet, "a", 162);
        assert_eq!(left.is_some(), is_expected || expect == missed, "{end:?} a minute later");
    }
}

#[test]
fn one_name_has_one_run() {
    let mut fleet = fleet(FleetSettings::default());
    let first = join(&mut fleet, 1, hello("a", 1), 5, 100).unwrap();
    assert_eq!(join(&mut fleet, 2, hello("a", 2), 1, 102), Err(RejectReason::NameConflict), "heard 2 s ago");
    assert_eq!(join(&mut fleet, 3, hello("a", 1), 5, 102), Err(RejectReason::Stale), "replayed");
    assert!(join(&mut fleet, 4, hello("a", 1), 6, 102).is_ok(), "the same run takes over at once");
    let late = fleet.update(first, ConnectionId(1), reported(7, 1, 103), at(103));
    assert_eq!(late.map_err(|r| r.reason), Err(RejectReason::Replaced));
    fleet.leave(first, ConnectionId(1), End::Eof, at(103).mono);
    assert_eq!(
        shown(&fleet, "a", 103).and_then(|shown| shown.0),
        Some(true),
        "an old socket's end ends nothing"
    );
    assert!(join(&mut fleet, 5, hello("a", 2), 1, 105).is_ok(), "three intervals of silence");
    assert_eq!(
        join(&mut fleet, 6, hello("a", 1), 6, 110),
        Err(RejectReason::Stale),
        "a replaced run, replayed"
    );
    assert!(join(&mut fleet, 7, hello("a", 1), 7, 110).is_ok(), "a replaced run that lives on");
}

#[test]
fn a_restart_after_an_end_takes_over_at_once() {
    let mut fleet = fleet(FleetSettings::default());
    let place = join(&mut fleet, 1, hello("a", 1), 5, 100).unwrap();
    fleet.leave(place, ConnectionId(1), End::Eof, at(100).mono);
    assert!(join(&mut fleet, 2, hello("a", 2), 1, 100).is_ok());
    fleet.visit(0, usize::MAX, at(100).mono, |view| {
        assert_eq!(view.connections(), Some(2));
        assert_eq!(view.disconnects(), Some(&[0, 1, 0, 0, 0]));
    });
}

#[test]
fn only_newer_samples_count() {
    let mut fleet = fleet(FleetSettings::default());
    let place = join(&mut fleet, 1, hello("a", 1), 5, 100).unwrap();
    let mut update =
        |seq, value| fleet.update(place, ConnectionId(1), reported(seq, value, 101), at(101)).is_ok();
    assert_eq!([update(5, 1), update(4, 2), update(9, 3), update(8, 4)], [false, false, true, false]);
    fleet.visit(0, usize::MAX, at(101).mono, |view| assert_eq!(view.gauges(), Some(&sample(3))));
}

#[test]
fn a_full_fleet_forgets_the_longest_gone_and_never_the_living() {
    let mut fleet = fleet(FleetSettings { max_agents: 2, ..FleetSettings::default() });
    let a = join(&mut fleet, 1, hello("a", 1), 1, 100).unwrap();
    let b = join(&mut fleet, 2, hello("b", 1), 1, 100).unwrap();
    assert_eq!(join(&mut fleet, 3, hello("c", 1), 1, 101), Err(RejectReason::FleetFull));
    assert_eq!(
        fleet.judge(&hello("c", 1), Claim::Shared, at(101).mono).map_err(|r| r.reason),
        Err(RejectReason::FleetFull)
    );
    fleet.leave(b, ConnectionId(2), End::Eof, at(102).mono);
    fleet.leave(a, ConnectionId(1), End::Eof, at(103).mono);
    assert!(join(&mut fleet, 4, hello("c", 1), 1, 104).is_ok());
    assert_eq!((shown(&fleet, "b", 104), shown(&fleet, "a", 104).is_some()), (None, true));
    assert_eq!(fleet.len(), 2);
}

#[test]
fn however_many_have_gone_the_longest_gone_makes_room_each_time() {
    const AGENTS: usize = 700;
    let mut fleet = fleet(FleetSettings { max_agents: AGENTS, ..FleetSettings::default() });
    let name = |number: usize| format!("a{number}");
    let mut places: Vec<_> = (0..AGENTS as u64)
        .map(|number| (number, join(&mut fleet, number, hello(&name(number as usize), 1), 1, 100).unwrap()))
        .collect();
    fastrand::Rng::with_seed(7).shuffle(&mut places);
    for (step, (number, place)) in places.iter().enumerate() {
        let now = at(101).mono.plus(Micros::from_millis(step as u64));
        fleet.leave(*place, ConnectionId(*number), End::Eof, now);
    }
    // Every fifth of them is back before others take their places.
    let is_back = |step: usize| step.is_multiple_of(5);
    let mut forgotten = 0;
    for (step, &(number, _)) in places.iter().enumerate() {
        if is_back(step) {
            join(&mut fleet, 10_000 + number, hello(&name(number as usize), 2), 1, 102).unwrap();
            continue;
        }
        forgotten += 1;
        join(&mut fleet, 20_000 + number, hello(&format!("new{number}"), 1), 1, 102).unwrap();
        assert_eq!(shown(&fleet, &name(number as usize), 102), None, "the one that was next");
        assert_eq!(fleet.len(), AGENTS);
    }
    assert_eq!(forgotten, AGENTS * 4 / 5);
    assert_eq!(join(&mut fleet, 1, hello("late", 1), 1, 102), Err(RejectReason::FleetFull));
    assert!(
        (0..AGENTS)
            .filter(|step| is_back(*step))
            .all(|step| { shown(&fleet, &name(places[step].0 as usize), 102).is_some() })
    );
}

#[test]
fn those_who_do_not_come_back_after_a_restart_are_reported_after_a_while() {
    let mut before = fleet(FleetSettings::default());
    for (conn, name) in [(1, "back"), (2, "dead"), (3, "left")] {
        let place = join(&mut before, conn, hello(name, 1), 1, 100).unwrap();
        if name == "left" {
            before.leave(place, ConnectionId(conn), End::Bye, at(101).mono);
        }
    }
    join(&mut before, 4, Hello { ephemeral: true, ..hello("short", 1) }, 1, 100).unwrap();
    let roster = Roster::from_json(before.roster().to_json().as_bytes()).unwrap();
    assert_eq!(roster.0.keys().map(AgentName::as_str).collect::<Vec<_>>(), ["back", "dead"]);

    let mut after = Fleet::new(FleetSettings::default(), &roster, at(200));
    join(&mut after, 1, hello("back", 1), 90, 201).unwrap();
    assert_eq!(shown(&after, "dead", 259), Some((None, false, false, false)));
    assert_eq!(shown(&after, "dead", 260), Some((Some(false), false, false, true)));
    for (name, second, silence) in [("dead", 260, 160), ("dead", 3_700, 3_600), ("back", 204, 3)] {
        let mut found = None;
        after.visit(0, usize::MAX, at(second).mono, |view| {
            found = found.or(view.silence().filter(|_| view.name() == name));
        });
        assert_eq!(found, Some(Micros::from_secs(silence)), "{name} at {second} s");
    }
    assert_eq!(shown(&after, "back", 202), Some((Some(true), true, true, true)));
    let forgotten = 100 + 24 * 3600;
    after.sweep(at(forgotten - 1).mono);
    assert!(shown(&after, "dead", forgotten - 1).is_some());
    after.sweep(at(forgotten).mono);
    assert_eq!(shown(&after, "dead", forgotten), None);
}

#[test]
fn an_expected_agent_that_was_never_seen_is_missed() {
    let expected = vec![AgentName::new("a").unwrap()];
    let mut fleet = fleet(FleetSettings { expected, ..FleetSettings::default() });
    fleet.sweep(at(59).mono);
    assert_eq!(shown(&fleet, "a", 59), Some((None, false, false, false)));
    assert_eq!(shown(&fleet, "a", 60), Some((Some(false), false, false, false)));
}

#[test]
fn a_client_of_the_original_is_known_by_its_endpoint_and_has_a_histogram() {
    let mut fleet = fleet(FleetSettings::default());
    let ratio = |percent: u32| Ratio::from_millionths(percent * 10_000).unwrap();
    let place = fleet.join_original(ConnectionId(1), endpoint(7), ratio(10), at(1)).unwrap();
    fleet.update_original(place, ConnectionId(1), ratio(90), at(2)).unwrap();
    fleet.visit(0, usize::MAX, at(2).mono, |view| {
        assert_eq!(view.name(), "10.0.0.1:7");
        let histogram = view.totals().and_then(|sample| sample.histogram);
        assert_eq!(histogram.map(|h| (h.count(), h.sum.0)), Some((2, 1_000_000)));
    });
    fleet.leave(place, ConnectionId(1), End::Eof, at(3).mono);
    assert_eq!(shown(&fleet, "10.0.0.1:7", 3), Some((None, false, true, false)), "any end is a bye");
    assert!(fleet.roster().0.is_empty());
}

#[test]
fn the_roster_is_taken_when_its_names_change() {
    let mut fleet = fleet(FleetSettings::default());
    assert_eq!(fleet.roster_if_changed(), None);
    let place = join(&mut fleet, 1, hello("a", 1), 1, 100).unwrap();
    assert_eq!(fleet.roster_if_changed().map(|roster| roster.0.len()), Some(1));
    fleet.update(place, ConnectionId(1), reported(2, 1, 101), at(101)).unwrap();
    assert_eq!(fleet.roster_if_changed(), None);
    fleet.leave(place, ConnectionId(1), End::Bye, at(102).mono);
    assert_eq!(fleet.roster_if_changed().map(|roster| roster.0.len()), Some(0));
}

fn cores(count: u32) -> Cores {
    let core = |core| CoreTimes { core, times: CpuTimes::default(), guest: GuestTimes::default() };
    Cores { times: (0..count).map(core).collect(), ..Cores::default() }
}

/// How many cores of `name` are shown to all, and to who looks.
fn cores_shown(fleet: &Fleet, name: &str, second: u64) -> (Option<usize>, Option<usize>) {
    let show = |view: AgentView<'_>| {
        let own = view.detail().and_then(|detail| detail.cores.as_ref());
        (view.cores_for_all().map(<[_]>::len), own.map(|cores| cores.times.len()))
    };
    fleet.show(name, at(second).mono, show).unwrap()
}

#[test]
fn cores_are_shown_as_long_as_they_come_with_each_sample() {
    let mut fleet = fleet(FleetSettings::default());
    let place = join(&mut fleet, 1, hello("a", 1), 1, 100).unwrap();
    assert_eq!(cores_shown(&fleet, "a", 100), (None, None));
    fleet.report_cores(place, ConnectionId(1), Some(cores(4))).unwrap();
    assert_eq!(cores_shown(&fleet, "a", 101), (Some(4), Some(4)));
    assert_eq!(cores_shown(&fleet, "a", 164), (Some(4), Some(4)), "they are totals");
    assert_eq!(cores_shown(&fleet, "a", 165), (None, None));
    fleet.report_cores(place, ConnectionId(1), Some(Cores { asked: true, ..cores(4) })).unwrap();
    assert_eq!(cores_shown(&fleet, "a", 101), (None, Some(4)));
    fleet.report_cores(place, ConnectionId(2), Some(cores(1))).unwrap();
    assert_eq!(cores_shown(&fleet, "a", 101), (None, Some(4)), "from a connection that is not the agent's");
    fleet.report_cores(place, ConnectionId(1), None).unwrap();
    assert_eq!(cores_shown(&fleet, "a", 101), (None, None));
}

#[test]
fn cores_are_asked_for_while_somebody_looks() {
    let mut fleet = fleet(FleetSettings::default());
    let machine = Some(Box::default());
    assert_eq!(fleet.look("a", at(99).mono, None), Looked::Unknown);
    let place = join(&mut fleet, 1, hello("a", 1), 1, 100).unwrap();
    assert!(!fleet.wants_cores(place, at(100).mono));
    assert_eq!(fleet.look("a", at(100).mono, None), Looked::Waiting(at(102).mono));
    assert!(fleet.wants_cores(place, at(100).mono));
    fleet.report_cores(place, ConnectionId(1), Some(cores(1))).unwrap();
    assert_eq!(fleet.look("a", at(101).mono, None), Looked::Waiting(at(102).mono), "the machine is not told");
    fleet.report_cores(place, ConnectionId(1), Some(Cores { machine, ..cores(1) })).unwrap();
    assert_eq!(fleet.look("a", at(101).mono, None), Looked::There);
    fleet.report_cores(place, ConnectionId(1), None).unwrap();
    assert_eq!(fleet.look("a", at(102).mono, None), Looked::There, "they do not come: nobody waits for ever");
    assert_eq!(fleet.look("a", at(106).mono, None), Looked::Gone);
    fleet.update(place, ConnectionId(1), reported(2, 1, 280), at(280)).unwrap();
    assert!(fleet.wants_cores(place, at(281).mono));
    fleet.sweep(at(282).mono);
    assert!(!fleet.wants_cores(place, at(282).mono), "180 s after the last look at the living");
    assert_eq!(fleet.look("a", at(283).mono, None), Looked::Waiting(at(285).mono), "a new look");
}

#[test]
fn who_waits_for_cores_is_woken_when_they_come_and_when_they_never_will() {
    struct Woken(AtomicUsize);
    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let woken = Arc::new(Woken(AtomicUsize::new(0)));
    let waker = Waker::from(Arc::clone(&woken));
    let mut fleet = fleet(FleetSettings::default());
    let place = join(&mut fleet, 1, hello("a", 1), 1, 100).unwrap();
    for _ in 0..3 {
        let _ = fleet.look("a", at(100).mono, Some(&waker));
    }
    fleet.report_cores(place, ConnectionId(1), None).unwrap();
    assert_eq!(woken.0.load(Ordering::SeqCst), 0);
    fleet.report_cores(place, ConnectionId(1), Some(cores(1))).unwrap();
    assert_eq!(woken.0.load(Ordering::SeqCst), 1, "once, however often it has looked");
    let _ = fleet.look("a", at(100).mono, Some(&waker));
    fleet.leave(place, ConnectionId(1), End::Eof, at(100).mono);
    assert_eq!(woken.0.load(Ordering::SeqCst), 2);
}

#[test]
fn there_is_room_for_so_many_cores() {
    let mut fleet = fleet(FleetSettings { max_cores: 10, ..FleetSettings::default() });
    let first = join(&mut fleet, 1, hello("a", 1), 1, 100).unwrap();
    let second = join(&mut fleet, 2, hello("b", 2), 1, 100).unwrap();
    let mut report = |conn, place, count, sweep| {
        let outcome = fleet.report_cores(place, ConnectionId(conn), Some(cores(count)));
        if sweep {
            fleet.sweep(at(100).mono);
        }
        outcome.map_err(|rejection| rejection.reason)
    };
    let full = Err(RejectReason::CoresFull);
    for sweep in [false, true] {
        assert_eq!(report(1, first, 6, sweep), Ok(()));
        assert_eq!(report(2, second, 5, sweep), full);
        assert_eq!(report(2, second, 4, sweep), Ok(()));
        assert_eq!(report(1, first, 7, sweep), full);
        assert_eq!(report(1, first, 0, sweep), Ok(()), "what was refused holds no room");
        assert_eq!(report(2, second, 10, sweep), Ok(()));
        assert_eq!(report(2, second, 4, sweep), Ok(()));
    }
}
