//! The agent's part: a reading of this machine, and what becomes of it.

use std::path::Path;

use cpumon_agent::recorder::{Kept, Recorder};
use cpumon_agent::sampling::Source;
use cpumon_agent::sampling::proc::ProcSource;
use cpumon_protocol::model::Moment;
use divan::Bencher;

#[divan::bench]
fn read(bencher: Bencher<'_, '_>) {
    let mut source = ProcSource::new(Path::new("/proc"));
    bencher.bench_local(|| source.read().is_ok());
}

#[divan::bench]
fn record(bencher: Bencher<'_, '_>) {
    let mut source = ProcSource::new(Path::new("/proc"));
    let mut reading = source.read().expect("a Linux").clone();
    let mut recorder = Recorder::new(Kept::default());
    let mut now = 0;
    bencher.bench_local(|| {
        now += 1_000_000;
        if let cpumon_agent::sampling::Cpu::Times(times) = &mut reading.cpu {
            for time in &mut times.total.0 {
                time.0 += 10_000;
            }
        }
        recorder.tick(Moment(now), Ok(&reading)).result.is_ok()
    });
}
