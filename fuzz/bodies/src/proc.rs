//! The readers of the kernel's files, and what the recorder makes of what they read.

use std::cell::RefCell;
use std::fs;
use std::io;

use cpumon_agent::recorder::{Kept, Recorder};
use cpumon_agent::sampling::proc::ProcSource;
use cpumon_agent::sampling::{Cpu, Reading, Source};
use cpumon_protocol::model::{Mode, Moment, Sample};
use tempfile::TempDir;

/// Two moments of three files each.
const FILES: [&str; 3] = ["stat", "loadavg", "pressure/cpu"];

thread_local! {
    static ROOT: RefCell<Option<TempDir>> = const { RefCell::new(None) };
}

/// The input is the files one after the other, with a byte between them that no text has.
pub(crate) fn run(input: &[u8]) {
    let outcome = ROOT.with_borrow_mut(|root| {
        let root = match root {
            Some(root) => root,
            None => root.insert(new_root()?),
        };
        read(root, input)
    });
    assert!(outcome.is_ok(), "cannot lay out the files: {outcome:?}");
}

fn new_root() -> io::Result<TempDir> {
    let root = TempDir::new()?;
    fs::create_dir(root.path().join("pressure"))?;
    Ok(root)
}

fn read(root: &TempDir, input: &[u8]) -> io::Result<()> {
    let mut parts = input.split(|byte| *byte == 0xff);
    let mut source = ProcSource::new(root.path());
    let mut recorder = Recorder::new(Kept::default());
    let mut last: Option<Sample> = None;
    for tick in 1..=3 {
        for file in FILES {
            // What the input leaves out stays as it was.
            if let Some(content) = parts.next() {
                fs::write(root.path().join(file), content)?;
            }
        }
        let reading = source.read();
        if let Ok(reading) = &reading {
            check_reading(reading);
        }
        if let Err(error) = &reading {
            let text = error.to_string();
            assert!(text.len() < 1_000 && !text.contains('\n'), "{text:?}");
        }
        let outcome = recorder.tick(Moment(tick * 1_000_000), reading);
        if let Ok(sample) = outcome.result {
            check_sample(&sample, last.as_ref());
            last = Some(sample);
        }
    }
    for file in FILES {
        let _ = fs::remove_file(root.path().join(file));
    }
    Ok(())
}

fn check_reading(reading: &Reading) {
    if let Cpu::Times(times) = &reading.cpu {
        assert!(times.cores.is_sorted_by(|a, b| a.core < b.core), "each core once, in order");
        assert!(
            Mode::ALL.iter().try_fold(0u64, |sum, mode| sum.checked_add(times.total.get(*mode).0)).is_some()
        );
    }
    assert_ne!(reading.logical_cpus, Some(0));
}

/// A sample is within its ranges, and no total falls.
fn check_sample(sample: &Sample, last: Option<&Sample>) {
    for ratio in [Some(sample.utilization), sample.utilization_max, sample.hottest_core].into_iter().flatten()
    {
        assert!(ratio.millionths() <= 1_000_000);
    }
    let Some(last) = last else { return };
    let (Some(now), Some(before)) = (&sample.histogram, &last.histogram) else { return };
    assert!(now.count() >= before.count() && now.sum >= before.sum);
}
