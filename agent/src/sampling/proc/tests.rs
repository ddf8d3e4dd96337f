//! The reader against real files, whole and broken, and against the kernel itself.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use cpumon_protocol::model::{CoreTimes, CpuTimes, GuestTimes, Micros, Millionths, Mode, WallTime};
use proptest::prelude::*;
use tempfile::TempDir;

use super::stat::{Stat, UserClock};
use super::*;
use crate::sampling::Times;

const WHOLE: &str = "\
cpu  10315 1 7333 160043 813 2 108 142 30 4
cpu0 4182 0 3152 81875 107 1 15 68 20 3
cpu1 6133 1 4181 78168 706 1 93 74 10 1
intr 709233 0 0 0 0 1
ctxt 1904354
btime 1795360319
processes 17074
procs_running 2
procs_blocked 0
softirq 215706 0 22524 34
";

/// A directory that stands for `/proc`.
struct Fake(TempDir);

impl Fake {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn path(&self, file: &str) -> PathBuf {
        self.0.path().join(file)
    }

    /// Writes into the file that is there.
    fn rewrite(&self, file: &str, content: impl AsRef<[u8]>) {
        fs::create_dir_all(self.path(file).parent().unwrap()).unwrap();
        fs::write(self.path(file), content).unwrap();
    }

    /// Puts another file in its place.
    fn replace(&self, file: &str, content: impl AsRef<[u8]>) {
        self.rewrite("next", content);
        fs::rename(self.path("next"), self.path(file)).unwrap();
    }

    fn source(&self) -> ProcSource {
        ProcSource::new(self.0.path())
    }
}

fn parse(text: &str) -> Result<Stat, Fault> {
    let mut stat = Stat::default();
    stat::parse(text.as_bytes(), UserClock::new(100), &mut stat).map(|()| stat)
}

fn ticks(times: &CpuTimes) -> [u64; 8] {
    times.0.map(|time| time.0 / 10_000)
}

fn times(reading: &Reading) -> &Times {
    match &reading.cpu {
        Cpu::Times(times) => times,
        Cpu::Usage(_) => panic!("procfs has times"),
    }
}

fn user_time(source: &mut ProcSource) -> Result<u64, String> {
    source.read().map(|reading| ticks(&times(reading).total)[0]).map_err(|error| error.fault.to_string())
}

#[test]
fn reads_every_field() {
    let stat = parse(WHOLE).unwrap();
    assert_eq!(ticks(&stat.times.total), [10315, 1, 7333, 160043, 813, 2, 108, 142]);
    assert_eq!(stat.times.guest, Some(GuestTimes { user: Micros(300_000), nice: Micros(40_000) }));
    let cores: Vec<_> = stat.times.cores.iter().map(|core| (core.core, ticks(&core.times)[0])).collect();
    assert_eq!(cores, [(0, 4182), (1, 6133)]);
    assert_eq!((stat.context_switches, stat.procs_running), (Some(1_904_354), Some(2)));
    assert_eq!(stat.boot_time, Some(WallTime(1_795_360_319_000_000)));
}

#[test]
fn accepts_what_other_kernels_write() {
    let first = |text: &str| parse(text).map(|stat| (ticks(&stat.times.total), stat.times.guest)).unwrap();
    assert_eq!(first("cpu  1 2 3 4\n"), ([1, 2, 3, 4, 0, 0, 0, 0], None));
    assert_eq!(first("cpu  1 2 3 4 5 6 7 8\n"), ([1, 2, 3, 4, 5, 6, 7, 8], None));
    let guest = Some(GuestTimes { user: Micros(90_000), nice: Micros::ZERO });
    assert_eq!(first("cpu  1 2 3 4 5 6 7 8 9\n"), ([1, 2, 3, 4, 5, 6, 7, 8], guest));
    assert_eq!(first("cpu 1 2 3 4 \n"), ([1, 2, 3, 4, 0, 0, 0, 0], None));
    let guest = Some(GuestTimes { user: Micros(90_000), nice: Micros(100_000) });
    assert_eq!(first("cpu  1 2 3 4 5 6 7 8 9 10 11 12\n"), ([1, 2, 3, 4, 5, 6, 7, 8], guest));

    let cores = |text: &str| parse(text).unwrap().times.cores.iter().map(|c| c.core).collect::<Vec<_>>();
    assert_eq!(cores("cpu  1 2 3 4\ncpu3 1 1 1 1\ncpu0 1 1 1 1\ncpu1 1 1 1 1\n"), [0, 1, 3]);
    assert_eq!(cores("cpu  1 2 3 4\nintr 5\n"), [0u32; 0]);
}

#[test]
fn converts_other_clocks() {
    for (per_second, ticks, expected) in [
        (100, 1, 10_000),
        (250, 1, 4_000),
        (1_000, 7, 7_000),
        (1_024, 1_024, 1_000_000),
        (1_024, 1, 976),
        (0, 1, 10_000),
    ] {
        let mut stat = Stat::default();
        let text = format!("cpu  {ticks} 0 0 0\n");
        stat::parse(text.as_bytes(), UserClock::new(per_second), &mut stat).unwrap();
        assert_eq!(stat.times.total.get(Mode::User), Micros(expected), "{per_second} a second");
    }
}

#[test]
fn refuses_what_is_no_stat() {
    let cpu = "is not `cpu` and 4 to 10 decimal numbers, such as `cpu  10 0 7 300`";
    let core = "is not `cpu`, a core's number and 4 to 10 decimal numbers, such as `cpu0 10 0 7 300`";
    for (text, expected) in [
        ("", "it is empty".to_owned()),
        ("cpu  1 2 3 4", "it ends too early".to_owned()),
        ("\0\0\0\0", "it ends too early".to_owned()),
        ("\n", format!("line 1 {cpu}")),
        ("hello\n", format!("line 1 {cpu}")),
        ("cpu\n", format!("line 1 {cpu}")),
        ("cpu  \n", format!("line 1 {cpu}")),
        ("cpu  1 2 3\n", format!("line 1 {cpu}")),
        ("cpu  1 2 3 -4\n", format!("line 1 {cpu}")),
        ("cpu  1 2 3 4.5\n", format!("line 1 {cpu}")),
        ("cpu  1 2 3 4 x\n", format!("line 1 {cpu}")),
        ("cpu  1 2 3 4 5 6 7 8 9 10 x\n", format!("line 1 {cpu}")),
        ("cpu\t1 2 3 4\n", format!("line 1 {cpu}")),
        ("cpu0 1 2 3 4\n", format!("line 1 {cpu}")),
        ("intr 1\ncpu  1 2 3 4\n", format!("line 1 {cpu}")),
        ("cpu  1 2 3 18446744073709551616\n", "line 1 has a number that is too large".to_owned()),
        ("cpu  1 2 3 18446744073709551615\n", "line 1 has a number that is too large".to_owned()),
        ("cpu  1 2 3 4\ncpu0 1 2 3\n", format!("line 2 {core}")),
        ("cpu  1 2 3 4\ncpux 1 2 3 4\n", format!("line 2 {core}")),
        ("cpu  1 2 3 4\ncpu  1 2 3 4\n", format!("line 2 {core}")),
        ("cpu  1 2 3 4\ncpu4294967296 1 2 3 4\n", "line 2 has a number that is too large".to_owned()),
        (
            "cpu  1 2 3 4\ncpu1 1 2 3 4\ncpu0 1 2 3 4\ncpu1 1 2 3 4\n",
            "line 4 is not the only one of its core".to_owned(),
        ),
        ("cpu  1 2 3 4\nctxt many\n", "line 2 is not `ctxt` and a decimal number".to_owned()),
        ("cpu  1 2 3 4\nprocs_running -1\n", "line 2 is not `procs_running` and a decimal number".to_owned()),
    ] {
        assert_eq!(parse(text).map_err(|fault| fault.to_string()), Err(expected), "{text:?}");
    }
}

#[test]
fn a_file_cut_off_anywhere_gives_no_wrong_number() {
    let fake = Fake::new();
    let mut source = fake.source();
    fake.rewrite("stat", WHOLE);
    let whole = source.read().unwrap().clone();
    for length in 0..WHOLE.len() {
        fake.rewrite("stat", &WHOLE[..length]);
        match source.read() {
            Ok(reading) => assert_eq!(reading, &whole, "cut off after {length} bytes"),
            Err(error) => assert!(
                matches!(error.fault, Fault::Empty | Fault::Truncated | Fault::Malformed { .. }),
                "cut off after {length} bytes: {error}"
            ),
        }
    }
    fake.rewrite("stat", WHOLE);
    assert_eq!(source.read().unwrap(), &whole);
}

#[test]
fn sees_a_file_that_was_rewritten_or_replaced_at_the_next_reading() {
    let fake = Fake::new();
    let mut source = fake.source();
    let missing = "No such file or directory (os error 2)".to_owned();
    assert_eq!(user_time(&mut source), Err(missing.clone()));
    fake.rewrite("stat", "cpu  1 0 0 0\n");
    assert_eq!(user_time(&mut source), Ok(1));
    fake.rewrite("stat", "cpu  22 0 0 0\n");
    assert_eq!(user_time(&mut source), Ok(22));
    fake.replace("stat", "cpu  3 0 0 0\n");
    assert_eq!(user_time(&mut source), Ok(3));
    fake.replace("stat", "");
    assert_eq!(user_time(&mut source), Err("it is empty".to_owned()));
    fake.rewrite("stat", "cpu  4 0 0 0\n");
    assert_eq!(user_time(&mut source), Ok(4));
    fs::remove_file(fake.path("stat")).unwrap();
    assert_eq!(user_time(&mut source), Err(missing));
    fs::create_dir(fake.path("stat")).unwrap();
    assert_eq!(user_time(&mut source), Err("Is a directory (os error 21)".to_owned()));
    fs::remove_dir(fake.path("stat")).unwrap();
    fake.rewrite("stat", "cpu  5 0 0 0\n");
    assert_eq!(user_time(&mut source), Ok(5));
}

#[test]
fn an_error_names_the_file() {
    let fake = Fake::new();
    let error = fake.source().read().unwrap_err().to_string();
    let path = fake.path("stat");
    assert_eq!(error, format!("cannot read {}: No such file or directory (os error 2)", path.display()));
}

#[test]
fn what_need_not_be_there_is_absent() {
    let fake = Fake::new();
    let mut source = fake.source();
    fake.rewrite("stat", "cpu  1 0 0 0\n");
    let bare = source.read().unwrap();
    assert_eq!((bare.load, bare.pressure_waiting), (None, None));
    assert_eq!((bare.logical_cpus, bare.procs_running, bare.context_switches), (None, None, None));
    fake.rewrite("stat", WHOLE);
    fake.rewrite("loadavg", "0.50 1.00 2.25 1/108 17075\n");
    fake.rewrite("pressure/cpu", "some avg10=1.08 avg60=0.76 avg300=0.75 total=203\n");
    let full = source.read().unwrap();
    assert_eq!(full.load, Some([500_000, 1_000_000, 2_250_000].map(Millionths)));
    assert_eq!(full.pressure_waiting, Some(Micros(203)));
    assert_eq!(
        (full.logical_cpus, full.procs_running, full.context_switches),
        (Some(2), Some(2), Some(1_904_354))
    );
    fake.rewrite("loadavg", "nonsense");
    fake.rewrite("pressure/cpu", "");
    let broken = source.read().unwrap();
    assert_eq!((broken.load, broken.pressure_waiting), (None, None));
}

#[test]
fn a_thousand_cores_and_a_long_interrupt_line_fit() {
    let fake = Fake::new();
    let mut source = fake.source();
    let mut text = "cpu  1024 0 0 0\n".to_owned();
    for core in 0..1_024 {
        text += &format!("cpu{core} {core}00000000 0 0 9 0 0 0 0 0 0\n");
    }
    text += &format!("intr 1{}\nctxt 7\nprocs_running 1\n", " 0".repeat(100_000));
    fake.rewrite("stat", &text);
    let reading = source.read().unwrap();
    assert_eq!((reading.logical_cpus, reading.context_switches), (Some(1_024), Some(7)));
    let last = times(reading).cores.last().unwrap();
    assert_eq!((last.core, ticks(&last.times)[0]), (1_023, 102_300_000_000));

    let mut endless = fs::File::create(fake.path("stat")).unwrap();
    endless.write_all(b"cpu  1 2 3 4\n").unwrap();
    endless.set_len(64 * 1024 * 1024).unwrap();
    assert_eq!(user_time(&mut source), Err("it is larger than 4194304 bytes".to_owned()));
}

#[test]
fn agrees_with_another_reading_of_this_machine() {
    let by_words = || -> Vec<u64> {
        let text = fs::read_to_string("/proc/stat").unwrap();
        let line = text.lines().next().unwrap().to_owned();
        line.split_whitespace().skip(1).take(8).map(|word| word.parse().unwrap()).collect()
    };
    let cpus = fs::read_to_string("/proc/stat").unwrap().lines().filter(|l| l.starts_with("cpu")).count() - 1;
    let mut source = ProcSource::new(Path::new("/proc"));
    for _ in 0..20 {
        let before = by_words();
        let reading = source.read().unwrap();
        let ours = ticks(&times(reading).total);
        assert_eq!(reading.logical_cpus, u32::try_from(cpus).ok());
        assert!(
            reading.load.is_some() && reading.procs_running.is_some() && reading.context_switches.is_some()
        );
        assert_eq!(reading.pressure_waiting.is_some(), Path::new("/proc/pressure/cpu").exists());
        let after = by_words();
        for mode in Mode::ALL {
            let index = mode as usize;
            // One tick for a mode that fell between the readings, as iowait may.
            let (least, most) = (before[index].saturating_sub(1), after[index] + 1);
            assert!(
                (least..=most).contains(&ours[index]),
                "{}: {ours:?} from {before:?} to {after:?}",
                mode.label()
            );
        }
    }
}

#[test]
fn the_kernels_file_stays_open_and_a_copy_does_not() {
    let fake = Fake::new();
    fake.rewrite("stat", WHOLE);
    let mut buffer = Buffer::default();
    for (path, kept) in [(PathBuf::from("/proc/stat"), true), (fake.path("stat"), false)] {
        let mut file = KernelFile::new(path);
        file.read(&mut buffer).unwrap();
        assert_eq!(file.is_kept(), kept, "{}", file.path().display());
        file.distrust();
        assert!(!file.is_kept());
        file.read(&mut buffer).unwrap();
    }
}

proptest! {
    #[test]
    fn never_panics_on_any_bytes(text in prop::collection::vec(any::<u8>(), 0..2_000)) {
        let mut stat = Stat::default();
        let _ = stat::parse(&text, UserClock::new(100), &mut stat);
        let _ = (small::parse_loadavg(&text), small::parse_pressure(&text));
    }

    #[test]
    fn never_panics_near_the_real_thing(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut text = WHOLE.as_bytes().to_vec();
        for (index, byte) in edits {
            let index = index.index(text.len());
            text[index] = byte;
        }
        text.truncate(cut.index(text.len() + 1));
        let mut stat = Stat::default();
        if stat::parse(&text, UserClock::new(100), &mut stat).is_ok() {
            prop_assert!(stat.times.cores.is_sorted_by(|a, b| a.core < b.core));
        }
    }

    #[test]
    fn reads_back_what_was_written(
        total in prop::array::uniform10(0u64..1_000_000_000_000),
        cores in prop::collection::btree_map(any::<u32>(), prop::array::uniform10(0u64..1_000_000_000), 0..40),
    ) {
        let numbers = |values: &[u64; 10]| values.map(|value| value.to_string()).join(" ");
        let mut text = format!("cpu  {}\n", numbers(&total));
        for (core, values) in &cores {
            text += &format!("cpu{core} {}\n", numbers(values));
        }
        text += "ctxt 5\n";
        let micros = |values: &[u64; 10]| {
            let [modes @ .., user, nice] = values.map(|value| Micros(value * 10_000));
            (CpuTimes(modes), GuestTimes { user, nice })
        };
        let expected_cores = cores.iter().map(|(core, values)| {
            let (times, guest) = micros(values);
            CoreTimes { core: *core, times, guest }
        });
        let (total, guest) = micros(&total);
        let expected = Times { total, guest: Some(guest), cores: expected_cores.collect() };
        prop_assert_eq!(parse(&text).unwrap().times, expected);
    }
}
