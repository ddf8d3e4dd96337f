//! The recorder against independent statements of its rules.

use cpumon_protocol::model::{
    CoreTimes, CpuTimes, GuestTimes, Micros, Millionths, Mode, Moment, Ratio, Sample,
};
use proptest::prelude::*;

use super::*;
use crate::sampling::{Fault, Usage};
use crate::ticker::Ticker;

const TICK: u64 = 10_000;

/// A reading of these ticks (of 10 ms) by mode, in the kernel's order; what is left out is 0.
fn ticks(modes: &[u64]) -> Reading {
    Reading { cpu: Cpu::Times(Times { total: times(modes), ..Times::default() }), ..Reading::default() }
}

fn times(modes: &[u64]) -> CpuTimes {
    let mut times = CpuTimes::default();
    for (mode, ticks) in Mode::ALL.into_iter().zip(modes) {
        times.set(mode, Micros(ticks * TICK));
    }
    times
}

fn with_cores(mut reading: Reading, cores: &[(u32, [u64; 4])]) -> Reading {
    if let Cpu::Times(of) = &mut reading.cpu {
        of.cores = cores
            .iter()
            .map(|(core, modes)| CoreTimes { core: *core, times: times(modes), guest: GuestTimes::default() })
            .collect();
    }
    reading
}

fn at(millis: u64) -> Moment {
    Moment(millis * 1_000)
}

fn unreadable() -> ReadError {
    ReadError::new("a test", Fault::Empty)
}

fn percent(sample: &Sample) -> f64 {
    f64::from(sample.utilization.millionths()) / 10_000.0
}

/// Runs ticks (in ms, with a reading or none); gives each result as a percentage or why there is none.
fn run(recorder: &mut Recorder, script: &[(u64, Option<Reading>)]) -> Vec<Result<f64, Missed>> {
    let step = |(ms, reading): &(u64, Option<Reading>)| {
        let reading = reading.as_ref().ok_or_else(unreadable);
        recorder.tick(at(*ms), reading).result.map(|sample| percent(&sample))
    };
    script.iter().map(step).collect()
}

/// Samples in the histogram and seconds missed.
fn account(recorder: &Recorder) -> (u64, u64) {
    (recorder.kept().histogram.count(), recorder.kept().missed)
}

#[test]
fn utilization_of_one_interval() {
    use Missed::Standing;
    // Before, after (user nice system idle iowait irq softirq steal), utilization in percent.
    for (before, after, expected) in [
        ([0; 8], [50, 0, 0, 50, 0, 0, 0, 0], Ok(50.0)),
        ([9; 8], [9, 9, 9, 109, 9, 9, 9, 9], Ok(0.0)),
        ([9; 8], [109, 9, 9, 9, 9, 9, 9, 9], Ok(100.0)),
        // Idle and iowait are not busy; all others are.
        ([0; 8], [1, 1, 1, 5, 5, 1, 1, 1], Ok(37.5)),
        ([0; 8], [0, 0, 0, 60, 20, 0, 0, 20], Ok(20.0)),
        // A mode that fell counts as unchanged.
        ([100, 0, 0, 100, 50, 0, 0, 0], [150, 0, 0, 150, 40, 0, 0, 0], Ok(50.0)),
        ([100, 0, 0, 100, 0, 0, 0, 0], [90, 0, 10, 190, 0, 0, 0, 0], Ok(10.0)),
        ([7; 8], [7; 8], Err(Standing)),
        ([7; 8], [6; 8], Err(Standing)),
    ] {
        let mut recorder = Recorder::default();
        let got = run(&mut recorder, &[(0, Some(ticks(&before))), (1_000, Some(ticks(&after)))]);
        assert_eq!(got, [Err(Missed::First), expected], "{before:?} {after:?}");
    }
}

#[test]
fn the_ratio_is_of_raw_readings_and_the_totals_are_held() {
    let mut recorder = Recorder::default();
    let mut shown = Vec::new();
    for (second, iowait) in [(0, 500), (1, 450), (2, 480), (3, 520)] {
        let reading = ticks(&[second * 50, 0, 0, second * 50, iowait]);
        let outcome = recorder.tick(at(second * 1_000), Ok(&reading));
        assert!(outcome.changes.is_empty(), "{:?}", outcome.changes);
        if let Ok(sample) = outcome.result {
            shown.push((
                sample.utilization.millionths(),
                sample.cpu_times.map(|t| t.get(Mode::Iowait).0 / TICK),
            ));
        }
    }
    // From 450 to 480 are 30 ticks of iowait, though 500 is what was and is shown.
    assert_eq!(shown, [(500_000, Some(500)), (384_615, Some(500)), (357_143, Some(520))]);
}

#[test]
fn a_fall_of_three_seconds_is_a_reset_and_said_so() {
    for (fallen_to, reset) in [(701, false), (700, true), (0, true)] {
        let mut recorder = Recorder::default();
        let guest = |user| {
            let mut reading = ticks(&[user, 0, 0, 500]);
            if let Cpu::Times(times) = &mut reading.cpu {
                times.guest = Some(GuestTimes { user: Micros(user * TICK), nice: Micros::ZERO });
            }
            reading
        };
        assert!(recorder.tick(at(0), Ok(&guest(1_000))).changes.is_empty());
        let mut later = guest(fallen_to);
        if let Cpu::Times(times) = &mut later.cpu {
            times.total.set(Mode::Idle, Micros(600 * TICK));
        }
        let outcome = recorder.tick(at(1_000), Ok(&later));
        let expected = if reset { fallen_to } else { 1_000 };
        let sample = outcome.result.unwrap();
        assert_eq!(sample.cpu_times.unwrap().get(Mode::User), Micros(expected * TICK));
        assert_eq!(sample.guest_times.unwrap().user, Micros(expected * TICK));
        let named: Vec<_> = outcome
            .changes
            .iter()
            .filter_map(|change| match change {
                Change::Reset { total, from, to } => Some((total.label(), from.0 / TICK, to.0 / TICK)),
                _ => None,
            })
            .collect();
        let expected = [("user", 1_000, fallen_to), ("guest user", 1_000, fallen_to)];
        assert_eq!(named, if reset { &expected[..] } else { &[] });
    }
}

#[test]
fn the_hottest_core_is_matched_by_number() {
    let hottest = |before: &[(u32, [u64; 4])], after: &[(u32, [u64; 4])]| {
        let mut recorder = Recorder::default();
        let (before, after) = (with_cores(ticks(&[0]), before), with_cores(ticks(&[1]), after));
        assert_eq!(recorder.tick(at(0), Ok(&before)).result.err(), Some(Missed::First));
        let sample = recorder.tick(at(1_000), Ok(&after)).result.unwrap();
        sample.hottest_core.map(|ratio| ratio.millionths() / 10_000)
    };
    let idle = [0, 0, 0, 100];
    let all: [(u32, [u64; 4]); 3] = [(0, [10, 0, 0, 90]), (1, [70, 0, 0, 30]), (2, [20, 0, 0, 80])];
    for (before, after, expected) in [
        (&[(0, [0; 4]), (1, [0; 4]), (2, [0; 4])][..], &all[..], Some(70)),
        // A core that went, came back or was added has no interval; the others keep theirs.
        (&[(0, [0; 4]), (2, [0; 4])], &all, Some(20)),
        (&[(0, [0; 4]), (1, [0; 4]), (2, [0; 4])], &[all[0], all[2]], Some(20)),
        (&[(1, [0; 4])], &all, Some(70)),
        (&[(7, [0; 4])], &all, None),
        (&[], &all, None),
        // One that stands still is not hot.
        (&[(0, idle), (1, idle)], &[(0, idle), (1, [5, 0, 0, 195])], Some(5)),
    ] {
        assert_eq!(hottest(before, after), expected, "{before:?} {after:?}");
    }
}

#[test]
fn only_an_interval_of_about_a_second_is_a_one_second_sample() {
    for (ms, expected) in [
        (400, (0, 1)),
        (499, (0, 1)),
        (500, (1, 0)),
        (1_000, (1, 0)),
        (1_500, (1, 0)),
        (1_501, (0, 2)),
        (2_400, (0, 2)),
        (60_000, (0, 60)),
    ] {
        let mut recorder = Recorder::default();
        let got = run(&mut recorder, &[(0, Some(ticks(&[0, 0, 0, 0]))), (ms, Some(ticks(&[25, 0, 0, 75])))]);
        assert_eq!(got[1], Ok(25.0), "the gauge is fed in any case");
        assert_eq!(account(&recorder), expected, "after {ms} ms");
    }
}

#[test]
fn every_second_is_counted_once_whatever_happens() {
    let reading = |busy| Some(ticks(&[busy, 0, 0, busy]));
    for (name, script, expected) in [
        ("unreadable from the start", vec![(0, None), (1_000, None), (2_000, None)], (0, 2)),
        ("unreadable, then well", vec![(0, None), (1_000, reading(1)), (2_000, reading(2))], (1, 1)),
        (
            "one failure spoils two intervals",
            vec![(0, reading(1)), (1_000, None), (2_000, reading(3)), (3_000, reading(4))],
            (1, 2),
        ),
        (
            "the clock stands",
            vec![(0, reading(1)), (1_000, reading(1)), (2_000, reading(1)), (3_000, reading(2))],
            (1, 2),
        ),
        (
            "a pause",
            vec![(0, reading(1)), (1_000, reading(2)), (61_300, reading(3)), (62_300, reading(4))],
            (2, 60),
        ),
        ("the clock of ticks goes back", vec![(5_000, reading(1)), (4_000, reading(2))], (0, 1)),
    ] {
        let mut recorder = Recorder::default();
        run(&mut recorder, &script);
        assert_eq!(account(&recorder), expected, "{name}");
    }
}

#[test]
fn late_ticks_that_add_up_to_a_second_are_missed_seconds() {
    let mut recorder = Recorder::default();
    let script: Vec<_> = (0..=1_000).map(|n| (n * 1_010, Some(ticks(&[n, 0, 0, n])))).collect();
    run(&mut recorder, &script);
    assert_eq!(account(&recorder), (1_000, 10));
}

#[test]
fn goes_on_from_what_was_kept() {
    let mut kept = Kept { missed: 7, ..Kept::default() };
    kept.histogram.observe(Ratio::ONE);
    let mut recorder = Recorder::new(kept);
    let second = Reading { cpu: ticks(&[10, 0, 0, 90]).cpu, ..Reading::default() };
    recorder.tick(at(0), Ok(&ticks(&[0]))).result.unwrap_err();
    let sample = recorder.tick(at(1_000), Ok(&second)).result.unwrap();
    let histogram = sample.histogram.unwrap();
    assert_eq!((histogram.count(), histogram.sum.0, sample.missed_samples), (2, 1_100_000, Some(7)));
    assert_eq!(sample.utilization_max.map(Ratio::millionths), Some(100_000), "no memory of the peak");
}

#[test]
fn a_mode_that_fell_does_not_fall_for_a_restart() {
    // Found by the simulator, seed 16: iowait had fallen by two ticks when the agent was restarted.
    let shown = |recorder: &mut Recorder, second: u64, modes: &[u64]| {
        let sample = recorder.tick(at(second * 1_000), Ok(&ticks(modes))).result.unwrap();
        sample.cpu_times.unwrap().get(Mode::Iowait)
    };
    let mut before = Recorder::default();
    before.tick(at(0), Ok(&ticks(&[0, 0, 0, 0, 50]))).result.unwrap_err();
    assert_eq!(shown(&mut before, 1, &[0, 0, 0, 100, 48]), Micros(500_000), "it is held");
    let mut after = Recorder::new(before.kept());
    after.tick(at(2), Ok(&ticks(&[0, 0, 0, 200, 48]))).result.unwrap_err();
    assert_eq!(shown(&mut after, 3, &[0, 0, 0, 300, 49]), Micros(500_000), "and over a restart");
    assert_eq!(shown(&mut after, 4, &[0, 0, 0, 400, 60]), Micros(600_000), "until it is overtaken");
}

#[test]
fn changes_are_told_once() {
    let reading = |busy| Ok(ticks(&[busy, 0, 0, busy]));
    let mut recorder = Recorder::default();
    let mut told = Vec::new();
    let script = [
        (0, Err(())),
        (1, Err(())),
        (2, reading(1)),
        (3, reading(2)),
        (4, Err(())),
        (5, reading(2)),
        (6, reading(2)),
        (7, reading(3)),
        (8, reading(4)),
    ];
    for (second, reading) in script {
        let outcome = recorder.tick(at(second * 1_000), reading.as_ref().map_err(|()| unreadable()));
        for change in outcome.changes {
            told.push(match change {
                Change::Unreadable(error) => format!("{second} {error}"),
                Change::Standing => format!("{second} standing"),
                Change::Recovered => format!("{second} recovered"),
                Change::Reset { .. } => format!("{second} reset"),
            });
        }
    }
    let expected = [
        "0 cannot read a test: it is empty",
        "2 recovered",
        "4 cannot read a test: it is empty",
        "5 standing",
        "7 recovered",
    ];
    assert_eq!(told, expected);
}

#[test]
fn the_peak_leaves_after_sixty_seconds() {
    let mut recorder = Recorder::default();
    let mut busy = 0;
    let mut peak_at = |second: u64, share: u64| {
        busy += share;
        let reading = ticks(&[busy, 0, 0, second * 100 - busy]);
        let sample = recorder.tick(at(second * 1_000), Ok(&reading)).result.ok()?;
        sample.utilization_max.map(|ratio| ratio.millionths() / 10_000)
    };
    assert_eq!(peak_at(0, 0), None);
    assert_eq!(peak_at(1, 90), Some(90));
    assert_eq!(peak_at(2, 40), Some(90));
    for second in 3..=60 {
        assert_eq!(peak_at(second, 10), Some(90), "second {second}");
    }
    assert_eq!(peak_at(61, 10), Some(40));
    assert_eq!(peak_at(62, 10), Some(10));
    // After a gap nothing of the window was measured.
    assert_eq!(peak_at(200, 10), None);
    assert_eq!(peak_at(201, 30), Some(30));
}

#[test]
fn a_source_without_times_gives_gauges_and_a_histogram() {
    let usage = |millionths, hottest| Reading {
        cpu: Cpu::Usage(Usage {
            utilization: Ratio::from_millionths(millionths).unwrap(),
            hottest_core: Ratio::from_millionths(hottest),
        }),
        ..Reading::default()
    };
    let mut recorder = Recorder::default();
    let first = recorder.tick(at(0), Ok(&usage(999_999, 1_000_000)));
    assert_eq!(first.result.err(), Some(Missed::First), "the first figure covers no known interval");
    let sample = recorder.tick(at(1_000), Ok(&usage(125_000, 250_000))).result.unwrap();
    assert_eq!(percent(&sample), 12.5);
    assert_eq!(sample.hottest_core.map(Ratio::millionths), Some(250_000));
    assert_eq!((sample.cpu_times, sample.guest_times), (None, None));
    assert_eq!(sample.histogram.map(|h| h.count()), Some(1));
}

/// psutil's `cpu_percent`, stated anew: seconds as floats, the change of each of the ten fields, none below
/// zero; guest and guest_nice taken out of the total, since user and nice have them; idle and iowait not busy.
fn psutil_ratio(before: &[u64; 10], after: &[u64; 10]) -> Option<f64> {
    let seconds = |ticks: u64| ticks as f64 / 100.0;
    let delta: Vec<f64> =
        before.iter().zip(after).map(|(b, a)| (seconds(*a) - seconds(*b)).max(0.0)).collect();
    let total = delta.iter().sum::<f64>() - delta[8] - delta[9];
    let busy = total - delta[3] - delta[4];
    (total > 1e-9).then(|| busy / total)
}

fn snapshot(fields: &[u64; 10]) -> Reading {
    let mut reading = ticks(&fields[..8]);
    if let Cpu::Times(times) = &mut reading.cpu {
        let [.., user, nice] = fields.map(|ticks| Micros(ticks * TICK));
        times.guest = Some(GuestTimes { user, nice });
    }
    reading
}

fn reset_mode(change: &Change) -> Option<Mode> {
    match change {
        Change::Reset { total: Total::Mode(mode), .. } => Some(*mode),
        _ => None,
    }
}

#[derive(Clone, Debug)]
enum Step {
    /// Changes of the ten fields, in ticks.
    Read(Vec<i64>),
    Fail,
}

fn steps() -> impl Strategy<Value = Vec<(u64, Step)>> {
    let change = prop_oneof![6 => 0i64..200, 2 => Just(0), 1 => -400i64..0];
    let step = prop_oneof![
        8 => prop::collection::vec(change, 10).prop_map(Step::Read),
        1 => Just(Step::Fail),
        1 => Just(Step::Read(vec![0; 10])),
    ];
    // How late the tick comes, in ms.
    let lateness = prop_oneof![8 => 0u64..5, 1 => 0u64..2_000, 1 => 2_000u64..90_000];
    prop::collection::vec((lateness, step), 1..100)
}

proptest! {
    #[test]
    fn holds_its_promises_on_any_history(steps in steps()) {
        let mut recorder = Recorder::default();
        let mut ticker = Ticker::starting(at(1_000));
        let mut fields = [100_000u64; 10];
        let mut before: Option<(Moment, [u64; 10])> = None;
        let mut shown: Option<CpuTimes> = None;
        // Modes whose reset was told since a sample was shown.
        let mut told: Vec<Mode> = Vec::new();
        let mut one_second_samples: Vec<(Moment, Ratio)> = Vec::new();
        let mut start = None;
        for (lateness, step) in steps {
            let now = ticker.next().plus(Micros::from_millis(lateness));
            prop_assert!(ticker.take(now));
            let elapsed = now.since(*start.get_or_insert(now)).0 as f64 / 1e6;
            if let Step::Read(changes) = step {
                for (field, change) in fields.iter_mut().zip(changes) {
                    *field = field.saturating_add_signed(change);
                }
                let outcome = recorder.tick(now, Ok(&snapshot(&fields)));
                told.extend(outcome.changes.iter().filter_map(reset_mode));
                let expected = before.and_then(|(_, before)| psutil_ratio(&before, &fields));
                prop_assert_eq!(outcome.result.is_ok(), expected.is_some());
                if let (Ok(sample), Some(expected)) = (outcome.result, expected) {
                    let got = f64::from(sample.utilization.millionths()) / 1e6;
                    prop_assert!((got - expected).abs() < 0.6e-6, "{} against psutil's {}", got, expected);
                    let length = before.map_or(0, |(at, _)| now.since(at).as_millis());
                    if (500..=1_500).contains(&length) {
                        one_second_samples.push((now, sample.utilization));
                    }
                    let lately = one_second_samples.iter().filter(|(at, _)| now.since(*at) < Micros::from_secs(60));
                    prop_assert_eq!(sample.utilization_max, lately.map(|&(_, ratio)| ratio).max());
                    let totals = sample.cpu_times.unwrap();
                    let shown_before = shown.replace(totals).unwrap_or(totals);
                    let fell = |mode: &Mode| totals.get(*mode) < shown_before.get(*mode);
                    prop_assert_eq!(Mode::ALL.into_iter().filter(fell).find(|mode| !told.contains(mode)), None);
                    told.clear();
                }
                before = Some((now, fields));
            } else {
                prop_assert_eq!(recorder.tick(now, Err(unreadable())).result.err(), Some(Missed::Unreadable));
            }
            let (count, missed) = account(&recorder);
            prop_assert_eq!(count, one_second_samples.len() as u64);
            let off = (count + missed) as f64 - elapsed;
            prop_assert!(off.abs() <= 1.0, "{} + {} after {} s", count, missed, elapsed);
        }
    }
}

#[test]
fn a_control_group_is_measured_by_its_limit_or_else_by_all_cpus() {
    let group = |usage_ms, limit: Option<u64>| {
        let usage = Some(Micros::from_millis(usage_ms));
        let cgroup = Cgroup { usage, limit: limit.map(Millionths), periods: Some(7), ..Cgroup::default() };
        move |busy| Reading { cgroup: Some(cgroup), logical_cpus: Some(4), ..ticks(&[busy, 0, 0, busy]) }
    };
    for (before, after, expected) in [
        (group(100, Some(500_000)), group(350, Some(500_000)), Some(500_000)),
        (group(100, None), group(350, None), Some(62_500)),
        // Late accounts, or time that was saved up: there is no more than all.
        (group(100, Some(500_000)), group(1_350, Some(500_000)), Some(1_000_000)),
        // Another group.
        (group(100, None), group(90, None), None),
    ] {
        let mut recorder = Recorder::default();
        assert!(recorder.tick(at(1_000), Ok(&before(10))).result.is_err());
        let sample = recorder.tick(at(2_000), Ok(&after(20))).result.unwrap();
        let cgroup = sample.cgroup.unwrap();
        assert_eq!(cgroup.utilization.map(Ratio::millionths), expected);
        assert_eq!((cgroup.usage, cgroup.periods), (after(20).cgroup.unwrap().usage, Some(7)));
    }
    let mut recorder = Recorder::default();
    let _ = recorder.tick(at(1_000), Ok(&ticks(&[1, 0, 0, 1])));
    assert_eq!(recorder.tick(at(2_000), Ok(&ticks(&[2, 0, 0, 2]))).result.unwrap().cgroup, None);
}

#[test]
fn cores_are_told_as_of_the_last_reading() {
    let mut recorder = Recorder::default();
    assert_eq!(recorder.cores(), []);
    let first = with_cores(ticks(&[10, 0, 0, 10]), &[(0, [5, 0, 0, 5]), (3, [5, 0, 0, 5])]);
    let _ = recorder.tick(at(1_000), Ok(&first));
    let numbers = |cores: &[CoreTimes]| cores.iter().map(|core| core.core).collect::<Vec<_>>();
    assert_eq!(numbers(recorder.cores()), [0, 3]);
    let later = with_cores(ticks(&[20, 0, 0, 20]), &[(0, [9, 0, 0, 4]), (1, [1, 0, 0, 1])]);
    let _ = recorder.tick(at(2_000), Ok(&later));
    let Cpu::Times(Times { cores, .. }) = &later.cpu else { panic!("it has times") };
    let shown = recorder.cores().to_vec();
    assert_eq!(numbers(&shown), [0, 1]);
    assert_eq!(shown[0].times.get(Mode::User), cores[0].times.get(Mode::User));
    assert!(shown[0].times.get(Mode::Idle) > cores[0].times.get(Mode::Idle), "it does not fall");
    recorder.forget_cores();
    assert_eq!(recorder.cores(), cores);
}
