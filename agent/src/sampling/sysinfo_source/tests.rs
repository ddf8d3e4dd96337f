//! The library behind the trait, on this machine, and the figures it may give.

use std::time::Duration;

use super::*;

#[test]
fn figures_become_ratios() {
    for (figures, expected) in [
        (&[12.5, 25.0, 0.0][..], Some((125_000, Some(250_000)))),
        (&[0.0, 0.0], Some((0, Some(0)))),
        // Rounding of 32-bit floats may leave the range by a little.
        (&[100.000_01, 100.000_01], Some((1_000_000, Some(1_000_000)))),
        (&[-0.000_01, 1.0], Some((0, Some(10_000)))),
        (&[f32::NAN, 1.0], None),
        (&[1.0, f32::NAN, 2.0], Some((10_000, Some(20_000)))),
        (&[1.0], Some((10_000, None))),
        (&[], None),
    ] {
        let got = usage(figures).map(|u| (u.utilization.millionths(), u.hottest_core.map(Ratio::millionths)));
        assert_eq!(got, expected, "{figures:?}");
    }
}

#[test]
fn a_reading_too_soon_is_no_reading() {
    let mut source = SysinfoSource::default();
    source.read().unwrap();
    let error = source.read().unwrap_err();
    assert_eq!(error.to_string(), "cannot read the CPU usage of this system: there is no new figure");
}

#[test]
fn follows_this_machines_load() {
    let mut source = SysinfoSource::default();
    let cpus = std::thread::available_parallelism().unwrap().get();
    let read = |source: &mut SysinfoSource| {
        burn(MINIMUM_CPU_UPDATE_INTERVAL + Duration::from_millis(100));
        let reading = source.read().unwrap();
        assert_eq!(reading.load.is_some(), !cfg!(windows));
        assert!(reading.logical_cpus.is_some_and(|listed| listed as usize >= cpus));
        match reading.cpu {
            Cpu::Usage(usage) => usage,
            Cpu::Times(_) => panic!("the library has no times"),
        }
    };
    read(&mut source);
    let busy = read(&mut source);
    // This thread kept one core busy, whatever else ran; half of one is asked for, as others may share it.
    let cores_busy = f64::from(busy.utilization.millionths()) / 1e6 * cpus as f64;
    assert!(cores_busy >= 0.5, "{busy:?} of {cpus}");
    assert!(busy.hottest_core.is_some(), "{busy:?}");
}

/// Keeps one core busy for this long.
fn burn(span: Duration) {
    let start = Instant::now();
    while start.elapsed() < span {
        std::hint::black_box(start.elapsed());
    }
}
