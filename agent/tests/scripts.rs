//! A file that stands for `/proc/stat`, rewritten second by second, through the real reader and the recorder.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test's helpers end the test")]

use std::fs;
use std::path::Path;

use cpumon_agent::recorder::{Missed, Recorder};
use cpumon_agent::sampling::Source;
use cpumon_agent::sampling::proc::ProcSource;
use cpumon_protocol::model::{Mode, Moment, Ratio, Sample};

/// What one second of a script is to give.
#[derive(Clone, Debug, PartialEq)]
enum Expect {
    /// Utilization and hottest core, in percent.
    Percent(f64, Option<f64>),
    First,
    Standing,
    Unreadable,
}

use Expect::{First, Percent, Standing, Unreadable};

/// A script: its name, its seconds, and then samples in the histogram and seconds missed.
struct Script {
    name: &'static str,
    seconds: Vec<(String, Expect)>,
    account: (u64, u64),
}

/// The content that stands for a file that is not there.
const GONE: &str = "gone";

fn percent(ratio: Ratio) -> f64 {
    f64::from(ratio.millionths()) / 10_000.0
}

/// A `/proc/stat` of these lines, with what a kernel writes after them.
fn stat(cpu_lines: &[&str]) -> String {
    cpu_lines.join("\n") + "\nintr 1 2 3\nctxt 10\nbtime 1\nprocesses 1\nprocs_running 1\nprocs_blocked 0\n"
}

/// Plays a script; gives the samples for closer looks.
fn play(script: &Script) -> Vec<Option<Sample>> {
    let root = tempfile::tempdir().unwrap();
    let mut source = ProcSource::new(root.path());
    let mut recorder = Recorder::default();
    let mut samples = Vec::new();
    for (second, (content, expected)) in script.seconds.iter().enumerate() {
        put(&root.path().join("stat"), content, second);
        let outcome = recorder.tick(Moment(second as u64 * 1_000_000), source.read());
        let got = match &outcome.result {
            Ok(sample) => Percent(percent(sample.utilization), sample.hottest_core.map(percent)),
            Err(Missed::First) => First,
            Err(Missed::Standing) => Standing,
            Err(Missed::Unreadable) => Unreadable,
        };
        assert_eq!(&got, expected, "{}, second {second}", script.name);
        samples.push(outcome.result.ok());
    }
    let kept = recorder.kept();
    assert_eq!((kept.histogram.count(), kept.missed), script.account, "{}", script.name);
    assert_eq!(kept.histogram.count() + kept.missed, script.seconds.len() as u64 - 1, "{}", script.name);
    samples
}

/// Every other second in place, else by another file under the same name: both have to be seen at once.
fn put(path: &Path, content: &str, second: usize) {
    if content == GONE {
        fs::remove_file(path).unwrap();
    } else if second.is_multiple_of(2) {
        fs::write(path, content).unwrap();
    } else {
        let next = path.with_file_name("next");
        fs::write(&next, content).unwrap();
        fs::rename(next, path).unwrap();
    }
}

fn second(lines: &[&str], expected: Expect) -> (String, Expect) {
    (stat(lines), expected)
}

#[test]
fn cores_go_come_back_and_are_added() {
    play(&Script {
        name: "core 1 goes offline, returns with a jump, core 3 is added",
        seconds: vec![
            second(&["cpu  0 0 0 300", "cpu0 0 0 0 100", "cpu1 0 0 0 100", "cpu2 0 0 0 100"], First),
            second(
                &["cpu  90 0 0 510", "cpu0 10 0 0 190", "cpu1 80 0 0 120", "cpu2 0 0 0 200"],
                Percent(30.0, Some(80.0)),
            ),
            // By position core 2 would now be taken for core 1.
            second(&["cpu  100 0 0 700", "cpu0 20 0 0 280", "cpu2 0 0 0 300"], Percent(5.0, Some(10.0))),
            second(
                &["cpu  150 0 0 950", "cpu0 30 0 0 370", "cpu1 9000 0 0 0", "cpu2 0 0 0 400"],
                Percent(16.6667, Some(10.0)),
            ),
            second(
                &[
                    "cpu  350 0 0 1150",
                    "cpu3 77 0 0 0",
                    "cpu0 40 0 0 460",
                    "cpu1 9100 0 0 0",
                    "cpu2 50 0 0 450",
                ],
                Percent(50.0, Some(100.0)),
            ),
            second(
                &[
                    "cpu  350 0 0 1550",
                    "cpu0 40 0 0 560",
                    "cpu1 9100 0 0 100",
                    "cpu2 50 0 0 550",
                    "cpu3 77 0 0 100",
                ],
                Percent(0.0, Some(0.0)),
            ),
        ],
        account: (5, 0),
    });
}

#[test]
fn counters_fall() {
    let samples = play(&Script {
        name: "iowait and user fall a little, then all is reset",
        seconds: vec![
            second(&["cpu  1000 0 0 5000 800"], First),
            second(&["cpu  1050 0 0 5050 790"], Percent(50.0, None)),
            second(&["cpu  1040 0 10 5140 790"], Percent(10.0, None)),
            second(&["cpu  1060 0 10 5220 790"], Percent(20.0, None)),
            second(&["cpu  5 0 5 90 0"], Standing),
            second(&["cpu  35 0 5 160 0"], Percent(30.0, None)),
        ],
        account: (4, 1),
    });
    let shown: Vec<_> = samples
        .iter()
        .flatten()
        .map(|sample| {
            [Mode::User, Mode::System, Mode::Iowait].map(|m| sample.cpu_times.unwrap().get(m).0 / 10_000)
        })
        .collect();
    // System fell by less than 3 s and is held; user and iowait fell by more.
    assert_eq!(shown, [[1050, 0, 800], [1050, 10, 800], [1060, 10, 800], [35, 10, 0]]);
}

#[test]
fn files_that_say_nothing() {
    let good = |n: u64, expected| second(&[&format!("cpu  {} 0 0 {}", n * 40, n * 60)], expected);
    let bad = |content: &str| (content.to_owned(), Unreadable);
    for (name, content) in [
        ("empty", String::new()),
        ("gone", GONE.to_owned()),
        ("cut off in a number", "cpu  80 0 0 1".to_owned()),
        ("cut off at a line's end", "cpu  80 0 0 120\n".to_owned()),
        ("garbage", "\u{1}\u{2}PNG\n\n\n".to_owned()),
        ("without the first line", stat(&["cpu0 80 0 0 120"])),
        ("negative", stat(&["cpu  80 0 -1 120"])),
        ("too large", stat(&["cpu  80 0 99999999999999999999 120"])),
    ] {
        play(&Script {
            name,
            seconds: vec![
                good(0, First),
                good(1, Percent(40.0, None)),
                bad(&content),
                good(3, Percent(40.0, None)),
                good(4, Percent(40.0, None)),
            ],
            account: (2, 2),
        });
    }
}

#[test]
fn time_stands_still() {
    play(&Script {
        name: "a standing clock",
        seconds: vec![
            second(&["cpu  10 0 0 90", "cpu0 10 0 0 90"], First),
            second(&["cpu  10 0 0 90", "cpu0 10 0 0 90"], Standing),
            second(&["cpu  10 0 0 90", "cpu0 10 0 0 90"], Standing),
            second(&["cpu  20 0 0 180", "cpu0 20 0 0 180"], Percent(10.0, Some(10.0))),
        ],
        account: (1, 2),
    });
}

#[test]
fn guests_count_once_and_steal_counts() {
    let samples = play(&Script {
        name: "guests and steal",
        seconds: vec![
            second(&["cpu  100 100 0 100 0 0 0 0 50 20"], First),
            // All of user's change is a guest's: 40 of 100, not 80 of 140.
            second(&["cpu  140 100 0 160 0 0 0 0 90 20"], Percent(40.0, None)),
            second(&["cpu  140 120 0 240 0 0 0 0 90 40"], Percent(20.0, None)),
            second(&["cpu  140 120 0 290 25 0 0 25 90 40"], Percent(25.0, None)),
        ],
        account: (3, 0),
    });
    let guest = samples.last().unwrap().as_ref().unwrap().guest_times.unwrap();
    assert_eq!((guest.user.0, guest.nice.0), (900_000, 400_000));
}

#[test]
fn old_kernels_and_a_thousand_cores() {
    let samples = play(&Script {
        name: "four fields",
        seconds: vec![second(&["cpu  1 2 3 4"], First), second(&["cpu  2 3 4 5"], Percent(75.0, None))],
        account: (1, 0),
    });
    assert_eq!(samples.last().unwrap().as_ref().unwrap().guest_times, None);

    let cores = |n: u64, hot: usize| {
        let line =
            |core| format!("cpu{core} {} 0 0 {} 0 0 0 0 0 0", if core == hot { 70 * n } else { n }, 99 * n);
        let lines: Vec<_> =
            std::iter::once(format!("cpu  {} 0 0 {}", n, 3 * n)).chain((0..1_024).map(line)).collect();
        stat(&lines.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let samples = play(&Script {
        name: "1,024 cores",
        seconds: vec![(cores(1, 1_023), First), (cores(2, 1_023), Percent(25.0, Some(41.4201)))],
        account: (1, 0),
    });
    assert_eq!(samples.last().unwrap().as_ref().unwrap().logical_cpus, Some(1_024));
}
