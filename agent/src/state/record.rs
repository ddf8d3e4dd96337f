//! The content of the file: one JSON object, padded to a fixed size, so that a write replaces all of it.

use std::io::{self, Read, Seek};

use cpumon_protocol::model::histogram::{BOUNDS, BUCKETS};
use cpumon_protocol::model::{CpuTimes, GuestTimes, Histogram, Micros, Millionths, Mode};
use serde::{Deserialize, Serialize};

use crate::recorder::Kept;

/// The size of the file in bytes. All numbers at their largest fit.
pub(super) const SIZE: usize = 1_024;

/// Changes with the form or the meaning of the content.
const VERSION: u32 = 2;

/// The content. Integers only: a float that comes back one step lower is a counter that fell.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    version: u32,
    boot: Box<str>,
    /// Upper bounds of the buckets: of other bounds the counts mean nothing.
    bounds: [u32; BOUNDS.len()],
    buckets: [u64; BUCKETS],
    sum_millionths: u64,
    missed: u64,
    /// By mode, in the kernel's order.
    cpu_us: Option<[u64; Mode::ALL.len()]>,
    /// User and nice.
    guest_us: Option<[u64; 2]>,
}

/// Why a content is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// It is not what this program writes.
    #[error("it is not a record of this program")]
    NotARecord,
    /// Another version of this program wrote it.
    #[error("another version of this program wrote it")]
    OtherVersion,
    /// Its numbers contradict each other.
    #[error("its numbers contradict each other")]
    Contradiction,
}

/// What is written for `kept`.
pub(super) fn encode(kept: Kept, boot: &str) -> io::Result<[u8; SIZE]> {
    let record = Record {
        version: VERSION,
        boot: boot.into(),
        bounds: BOUNDS,
        buckets: kept.histogram.buckets,
        sum_millionths: kept.histogram.sum.0,
        missed: kept.missed,
        cpu_us: kept.cpu_times.map(|CpuTimes(times)| times.map(|Micros(us)| us)),
        guest_us: kept.guest_times.map(|guest| [guest.user.0, guest.nice.0]),
    };
    let mut bytes = [b' '; SIZE];
    serde_json::to_writer(&mut bytes[..SIZE - 1], &record)?;
    bytes[SIZE - 1] = b'\n';
    Ok(bytes)
}

/// What `file` holds of this `boot`: nothing when it is empty or of another.
pub(super) fn read(file: &mut (impl Read + Seek), boot: &str) -> io::Result<Result<Option<Kept>, Unusable>> {
    let mut text = Vec::with_capacity(SIZE);
    file.rewind()?;
    file.take(SIZE as u64 + 1).read_to_end(&mut text)?;
    Ok(decode(&text, boot))
}

fn decode(text: &[u8], boot: &str) -> Result<Option<Kept>, Unusable> {
    /// What every version has.
    #[derive(Deserialize)]
    struct AnyVersion {
        version: u32,
    }
    if text.is_empty() {
        return Ok(None);
    }
    let AnyVersion { version } = serde_json::from_slice(text).map_err(|_| Unusable::NotARecord)?;
    if version != VERSION {
        return Err(Unusable::OtherVersion);
    }
    let record: Record = serde_json::from_slice(text).map_err(|_| Unusable::NotARecord)?;
    if record.bounds != BOUNDS {
        return Err(Unusable::OtherVersion);
    }
    if *record.boot != *boot {
        return Ok(None);
    }
    let histogram = Histogram { buckets: record.buckets, sum: Millionths(record.sum_millionths) };
    if !is_possible(&histogram) {
        return Err(Unusable::Contradiction);
    }
    Ok(Some(Kept {
        histogram,
        missed: record.missed,
        cpu_times: record.cpu_us.map(|times| CpuTimes(times.map(Micros))),
        guest_times: record
            .guest_us
            .map(|[user, nice]| GuestTimes { user: Micros(user), nice: Micros(nice) }),
    }))
}

/// Whether the sum can be that of samples in these buckets.
fn is_possible(histogram: &Histogram) -> bool {
    let lower = std::iter::once(0).chain(BOUNDS);
    let upper = BOUNDS.into_iter().chain([1_000_000]);
    let sum_of = |edges: &mut dyn Iterator<Item = u32>| -> u128 {
        histogram.buckets.iter().zip(edges).map(|(&count, edge)| u128::from(count) * u128::from(edge)).sum()
    };
    let sum = u128::from(histogram.sum.0);
    (sum_of(&mut lower.into_iter())..=sum_of(&mut upper.into_iter())).contains(&sum)
}

#[cfg(test)]
mod tests {
    use cpumon_protocol::model::Ratio;
    use proptest::prelude::*;

    use super::*;

    fn kept(samples: &[u32], missed: u64) -> Kept {
        let cpu_times = Some(CpuTimes([Micros(7); Mode::ALL.len()]));
        let mut kept = Kept { missed, cpu_times, ..Kept::default() };
        samples.iter().for_each(|&sample| kept.histogram.observe(Ratio::from_millionths(sample).unwrap()));
        kept
    }

    #[test]
    fn the_largest_numbers_fit() {
        let histogram = Histogram { buckets: [u64::MAX; BUCKETS], sum: Millionths(u64::MAX) };
        let most = Micros(u64::MAX);
        let kept = Kept {
            histogram,
            missed: u64::MAX,
            cpu_times: Some(CpuTimes([most; Mode::ALL.len()])),
            guest_times: Some(GuestTimes { user: most, nice: most }),
        };
        let record = encode(kept, &"b".repeat(72)).unwrap();
        assert!(record[..SIZE - 1].ends_with(b" ") && record.ends_with(b"\n"));
    }

    #[test]
    fn what_is_of_no_use() {
        let good = String::from_utf8(encode(kept(&[500_000, 999_999], 3), "boot").unwrap().to_vec()).unwrap();
        let changed = |from: &str, to: &str| {
            assert!(good.contains(from), "{from}");
            good.replacen(from, to, 1)
        };
        for (text, expected) in [
            (good.clone(), Ok(Some(kept(&[500_000, 999_999], 3)))),
            (String::new(), Ok(None)),
            (changed("\"boot\":\"boot\"", "\"boot\":\"other\""), Ok(None)),
            (changed("\"version\":2", "\"version\":1"), Err(Unusable::OtherVersion)),
            (changed("50000,100000", "50000,110000"), Err(Unusable::OtherVersion)),
            (changed("1499999", "1.5"), Err(Unusable::NotARecord)),
            (changed("1499999", "-1"), Err(Unusable::NotARecord)),
            (changed("1499999", "1"), Err(Unusable::Contradiction)),
            (changed("1499999", "2000001"), Err(Unusable::Contradiction)),
            (changed("\"missed\":3", "\"missed\":3,\"more\":4"), Err(Unusable::NotARecord)),
            ("\0".repeat(SIZE), Err(Unusable::NotARecord)),
            (good[..100].to_owned(), Err(Unusable::NotARecord)),
            (good.clone() + &good, Err(Unusable::NotARecord)),
        ] {
            assert_eq!(decode(text.as_bytes(), "boot"), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn comes_back_as_it_was(
            samples in prop::collection::vec(0u32..=1_000_000, 0..200),
            missed: u64,
            times: Option<[u64; Mode::ALL.len()]>,
        ) {
            let cpu_times = times.map(|times| CpuTimes(times.map(Micros)));
            let guest_times = times.map(|[user, nice, ..]| GuestTimes { user: Micros(user), nice: Micros(nice) });
            let kept = Kept { cpu_times, guest_times, ..kept(&samples, missed) };
            prop_assert_eq!(decode(&encode(kept, "b").unwrap(), "b"), Ok(Some(kept)));
        }

        #[test]
        fn never_panics(text in prop::collection::vec(any::<u8>(), 0..SIZE)) {
            let _ = decode(&text, "b");
        }
    }
}
