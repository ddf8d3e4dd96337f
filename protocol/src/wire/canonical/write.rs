//! Writes a sample in the form that is read here, without a general serializer.
//!
//! An agent writes one a second, with code and tables that have left the processor's caches since the last one. So
//! what counts is how much of both there is: loops over names and numbers in place of a serializer for each field,
//! and no float.

use crate::model::{CpuTimes, GuestTimes, Histogram, Micros, Mode, Ratio, Sample};

/// Appends a sample and its line end; false, and nothing appended, where it has what is not written here: a control
/// group, processes.
pub(crate) fn sample(seq: u64, sample: &Sample, out: &mut Vec<u8>) -> bool {
    if sample.cgroup.is_some() || !sample.top_processes.is_empty() {
        return false;
    }
    let ratio = |ratio: Option<Ratio>| ratio.map(|ratio| u64::from(ratio.millionths()));
    let micros = |time: Option<Micros>| time.map(|Micros(us)| us);
    out.extend_from_slice(br#"{"v":1,"t":"sample""#);
    field(",\"seq\":", Some(seq), out);
    out.extend_from_slice(br#","The Percentage Of CPU USAGE":"#);
    percent(sample.utilization, out);
    field(",\"max_ppm\":", ratio(sample.utilization_max), out);
    field(",\"hottest_core_ppm\":", ratio(sample.hottest_core), out);
    if let Some(Histogram { buckets, sum }) = &sample.histogram {
        out.extend_from_slice(br#","histogram":{"buckets":"#);
        array(buckets.iter().copied(), out);
        field(",\"sum_ppm\":", Some(sum.0), out);
        out.push(b'}');
    }
    if let Some(CpuTimes(times)) = &sample.cpu_times {
        out.extend_from_slice(br#","cpu_us":"#);
        object(Mode::ALL.iter().zip(times), out);
    }
    if let Some(GuestTimes { user, nice }) = &sample.guest_times {
        out.extend_from_slice(br#","guest_us":"#);
        object([&Mode::User, &Mode::Nice].into_iter().zip([user, nice]), out);
    }
    field(",\"cpus\":", sample.logical_cpus.map(u64::from), out);
    if let Some(load) = sample.load {
        out.extend_from_slice(br#","load_ppm":"#);
        array(load.iter().map(|load| load.0), out);
    }
    for (key, value) in [
        (",\"procs_running\":", sample.procs_running),
        (",\"context_switches\":", sample.context_switches),
        (",\"pressure_us\":", micros(sample.pressure_waiting)),
        (",\"missed\":", sample.missed_samples),
        (",\"skipped\":", sample.skipped_frames),
        (",\"rtt_us\":", micros(sample.rtt)),
    ] {
        field(key, value, out);
    }
    out.extend_from_slice(b"}\n");
    true
}

/// A field with comma, name and colon, if it has a value.
fn field(key: &str, value: Option<u64>, out: &mut Vec<u8>) {
    if let Some(value) = value {
        out.extend_from_slice(key.as_bytes());
        number(value, out);
    }
}

fn number(number: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

fn array(numbers: impl Iterator<Item = u64>, out: &mut Vec<u8>) {
    let mut before = b'[';
    for value in numbers {
        out.push(before);
        number(value, out);
        before = b',';
    }
    out.push(b']');
}

fn object<'a>(times: impl Iterator<Item = (&'a Mode, &'a Micros)>, out: &mut Vec<u8>) {
    let mut before = b'{';
    for (mode, time) in times {
        out.push(before);
        out.push(b'"');
        out.extend_from_slice(mode.label().as_bytes());
        out.extend_from_slice(b"\":");
        number(time.0, out);
        before = b',';
    }
    out.push(b'}');
}

/// A percentage with as many decimals as it needs, one at least.
fn percent(ratio: Ratio, out: &mut Vec<u8>) {
    let millionths = u64::from(ratio.millionths());
    number(millionths / 10_000, out);
    out.push(b'.');
    let mut rest = millionths % 10_000;
    loop {
        // A digit: less than ten.
        out.push(b'0' + (rest / 1_000) as u8);
        rest = rest % 1_000 * 10;
        if rest == 0 {
            break;
        }
    }
}
