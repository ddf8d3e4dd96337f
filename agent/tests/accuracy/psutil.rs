//! Side by side with psutil, on the same snapshots of `/proc/stat`.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use cpumon_agent::recorder::{Missed, Recorder};
use cpumon_agent::sampling::proc::ProcSource;
use cpumon_agent::sampling::{Cpu, Source, Times};
use cpumon_protocol::model::{Micros, Moment, Ratio, Sample};
use fastrand::Rng;
use serde_json::Value;

use super::machine::{GUEST, GUEST_NICE, IDLE, IOWAIT, Machine, NICE, STEAL, SYSTEM, USER};
use super::python::python;

/// How many snapshots are compared with the one before.
const PAIRS: usize = 3_000;

/// A machine is compared for so many snapshots; then comes another.
const PAIRS_OF_A_MACHINE: usize = 50;

/// The draw of the machines: always the same, so that the figures in the documentation are those of every run.
const SEED: u64 = 20_261_122;

/// How far two numbers of floats may be apart that mean the same time, in seconds.
const NANOSECOND: f64 = 1e-9;

/// What psutil says of a snapshot, compared with the one before.
struct Psutil {
    percent: f64,
    cores: Vec<f64>,
    /// By field, in seconds.
    times: Vec<f64>,
}

/// What the agent says of it.
struct Ours {
    sample: Result<Sample, Missed>,
    times: Times,
}

/// How the comparison went, in pairs.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    /// The same figure, with one decimal.
    same: usize,
    /// Ours is halfway between two figures with one decimal, and psutil says one of the two.
    halfway: usize,
    /// No time has passed: psutil says 0.0 and we say nothing.
    standing: usize,
    /// A counter fell.
    falls: usize,
    /// The busiest core is the same.
    same_core: usize,
}

#[test]
fn psutil_says_the_same_to_its_last_digit() {
    let stats = snapshots();
    let directory = tempfile::tempdir().unwrap();
    let theirs = ask_psutil(directory.path(), &stats);
    let mut tally = Tally::default();
    let (mut source, mut recorder) = (ProcSource::new(directory.path()), Recorder::default());
    for (index, (machine, theirs)) in stats.iter().zip(&theirs).enumerate() {
        fs::write(directory.path().join("stat"), machine.stat()).unwrap();
        let ours = look(&mut source, &mut recorder, index as u64);
        check_times(&ours.times, &theirs.times);
        // The first one is compared with this machine's.
        if let Some(before) = index.checked_sub(1).map(|before| &stats[before]) {
            tally.add(before, machine, &ours.sample, theirs);
        }
    }
    println!("{PAIRS} pairs: {tally:?}");
    assert_eq!(tally.same + tally.halfway + tally.standing, PAIRS);
    assert!(tally.same > PAIRS * 9 / 10 && tally.falls > PAIRS / 10 && tally.standing > 0, "{tally:?}");
    assert_documented(&tally);
}

/// The documentation has the figures of this very comparison.
fn assert_documented(tally: &Tally) {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/accuracy.md");
    let text = fs::read_to_string(page).unwrap();
    let mut lines = String::new();
    for (what, pairs) in [
        ("snapshots compared with the one before", PAIRS),
        ("of these, a counter fell", tally.falls),
        ("the same percentage", tally.same),
        ("exactly halfway between two figures of one decimal, and psutil has one of the two", tally.halfway),
        ("no time had passed: psutil says 0.0, the agent gives no sample", tally.standing),
        ("another percentage", PAIRS - tally.same - tally.halfway - tally.standing),
        ("the same percentage of the busiest core", tally.same_core),
    ] {
        writeln!(lines, "| {what} | {pairs} |").unwrap();
    }
    assert!(text.contains(&lines), "docs/accuracy.md has other figures; these are right:\n{lines}");
}

/// Machines of all kinds, to which everything happens that a kernel does; no core comes or goes, as psutil knows
/// them by their place in the file.
fn snapshots() -> Vec<Machine> {
    let mut random = Rng::with_seed(SEED);
    let mut machine = Machine::with_cores(1);
    (0..=PAIRS)
        .map(|index| {
            if index % PAIRS_OF_A_MACHINE == 0 {
                machine = Machine::with_cores(random.u32(1..=64));
            }
            second(&mut machine, &mut random);
            machine.clone()
        })
        .collect()
}

/// A second passes.
fn second(machine: &mut Machine, random: &mut Rng) {
    if random.u8(..) < 8 {
        return;
    }
    let level = random.u64(0..=100);
    let loads: Vec<_> =
        machine.online.iter().map(|_| if random.bool() { level } else { random.u64(0..=100) }).collect();
    machine.run(&loads);
    let cores = machine.online.len() as u64;
    let mut more = |field: usize, ticks: u64| machine.total[field] += ticks;
    match random.u8(0..6) {
        0 => more(IOWAIT, random.u64(0..50 * cores)),
        1 => more(STEAL, random.u64(0..80 * cores)),
        2 => {
            // A guest's time is inside user and nice.
            let (user, nice) = (random.u64(0..70 * cores), random.u64(0..30 * cores));
            for (field, ticks) in [(USER, user), (GUEST, user), (NICE, nice), (GUEST_NICE, nice)] {
                more(field, ticks);
            }
        }
        3 => more(SYSTEM + random.usize(0..5), random.u64(0..20 * cores)),
        _ => {}
    }
    if random.u8(0..5) == 0 {
        let field = [USER, IDLE, IOWAIT, IOWAIT, STEAL, GUEST][random.usize(0..6)];
        machine.total[field] = machine.total[field].saturating_sub(random.u64(1..500));
    }
}

fn ask_psutil(directory: &Path, machines: &[Machine]) -> Vec<Psutil> {
    let stage = directory.join("psutil");
    fs::create_dir(&stage).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/accuracy/side_by_side.py");
    let mut command = Command::new(python());
    command.arg(script).arg(stage).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().map(Running).unwrap();
    let mut paths = String::new();
    for (index, machine) in machines.iter().enumerate() {
        let path = directory.join(format!("{index}.stat"));
        fs::write(&path, machine.stat()).unwrap();
        writeln!(paths, "{}", path.display()).unwrap();
    }
    let mut stdin = child.0.stdin.take().unwrap();
    let writer = thread::spawn(move || stdin.write_all(paths.as_bytes()));
    let answers: Vec<_> = BufReader::new(child.0.stdout.take().unwrap())
        .lines()
        .map(|line| Psutil::read(&line.unwrap()))
        .collect();
    writer.join().unwrap().unwrap();
    assert!(child.0.wait().unwrap().success() && answers.len() == machines.len(), "psutil answers each one");
    answers
}

/// A process that ends with this value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Psutil {
    fn read(line: &str) -> Self {
        let answer: Value = serde_json::from_str(line).unwrap();
        let numbers = |key: &str| -> Vec<f64> {
            answer[key].as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
        };
        Self {
            percent: answer["percent"].as_f64().unwrap(),
            cores: numbers("cores"),
            times: numbers("times"),
        }
    }
}

fn look(source: &mut ProcSource, recorder: &mut Recorder, second: u64) -> Ours {
    let reading = source.read().unwrap();
    let Cpu::Times(times) = &reading.cpu else { panic!("procfs has times") };
    let times = times.clone();
    let outcome = recorder.tick(Moment(0).plus(Micros::from_secs(second)), Ok(reading));
    Ours { sample: outcome.result, times }
}

/// Both read the same times.
fn check_times(ours: &Times, theirs: &[f64]) {
    let guest = ours.guest.unwrap();
    let ours = ours.total.0.iter().chain([&guest.user, &guest.nice]);
    for (&Micros(ours), theirs) in ours.zip(theirs) {
        assert!((ours as f64 / 1e6 - theirs).abs() < NANOSECOND, "{ours} us and {theirs} s");
    }
    assert_eq!(theirs.len(), 10, "this kernel, and so psutil, knows all modes");
}

impl Tally {
    fn add(&mut self, before: &Machine, now: &Machine, ours: &Result<Sample, Missed>, theirs: &Psutil) {
        self.falls += usize::from(before.total.iter().zip(&now.total).any(|(before, now)| now < before));
        let Ok(sample) = ours else {
            self.standing += 1;
            return;
        };
        match compare(sample.utilization, theirs.percent) {
            Some(true) => self.halfway += 1,
            Some(false) => self.same += 1,
            None => {
                panic!("{:?} by us, {} by psutil: {before:?} {now:?}", sample.utilization, theirs.percent)
            }
        }
        if let Some(hottest) = sample.hottest_core
            && before.online.len() == now.online.len()
        {
            let highest = theirs.cores.iter().copied().fold(0.0, f64::max);
            assert!(compare(hottest, highest).is_some(), "{hottest:?} and {highest}: {before:?} {now:?}");
            self.same_core += 1;
        }
    }
}

/// Whether ours is halfway between two figures with one decimal of which psutil's is one; none when psutil's is
/// not what ours rounds to.
fn compare(ours: Ratio, theirs: f64) -> Option<bool> {
    let (tenths, rest) = (ours.millionths() / 1_000, ours.millionths() % 1_000);
    let theirs = (theirs * 10.0).round() as u32;
    let is_near = theirs == tenths + u32::from(rest >= 500) || (rest == 500 && theirs == tenths);
    is_near.then_some(rest == 500)
}
