//! `/proc/loadavg` and `/proc/pressure/cpu`: files of a line or two.
//!
//! Neither is needed for a sample, so what cannot be read is simply absent.

use cpumon_protocol::model::{Micros, Millionths};

use super::decimal;

/// Load averages over 1, 5 and 15 minutes; see proc_loadavg(5).
pub(super) fn parse_loadavg(text: &[u8]) -> Option<[Millionths; 3]> {
    let mut words = text.strip_suffix(b"\n")?.split(|&b| b == b' ');
    let load = [words.next()?, words.next()?, words.next()?];
    // The kernel writes `0.07 0.11 0.11 1/108 17075`: without the fourth word the third may be cut short.
    words.next()?;
    let [one, five, fifteen] = load.map(parse_hundredths);
    Some([one?, five?, fifteen?])
}

/// Time in which some task waited for a CPU: `total` of the line `some`; see the kernel's accounting/psi.
pub(super) fn parse_pressure(text: &[u8]) -> Option<Micros> {
    let some = text.split_inclusive(|&b| b == b'\n').find_map(|line| line.strip_prefix(b"some "))?;
    let words = some.strip_suffix(b"\n")?;
    let total = words.split(|&b| b == b' ').find_map(|word| word.strip_prefix(b"total="))?;
    decimal::whole(total).ok().map(Micros)
}

/// `12.34`, with exactly two digits after the point, as the kernel writes it.
fn parse_hundredths(word: &[u8]) -> Option<Millionths> {
    let (whole, rest) = decimal::leading(word).ok()?;
    let [b'.', fraction @ ..] = rest else { return None };
    let hundredths = decimal::whole(fraction).ok().filter(|_| fraction.len() == 2)?;
    whole.checked_mul(1_000_000)?.checked_add(hundredths * 10_000).map(Millionths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loadavg() {
        for (text, expected) in [
            ("0.07 0.11 12.99 1/108 17075\n", Some([70_000, 110_000, 12_990_000])),
            ("10000.00 0.00 0.00 5/9 1\n", Some([10_000_000_000, 0, 0])),
            ("", None),
            ("\n", None),
            ("0.07 0.11 0.11 1/108 17075", None),
            ("0.07 0.11 0.11\n", None),
            ("0.07 0.11 0.1 1/108 17075\n", None),
            ("-0.07 0.11 0.11 1/108 17075\n", None),
            ("0.07 nan 0.11 1/108 17075\n", None),
            ("99999999999999999999.00 0.11 0.11 1/108 17075\n", None),
            ("18446744073709551615.00 0.11 0.11 1/108 17075\n", None),
        ] {
            assert_eq!(parse_loadavg(text.as_bytes()), expected.map(|l| l.map(Millionths)), "{text:?}");
        }
    }

    #[test]
    fn pressure() {
        let full = "full avg10=0.00 avg60=0.00 avg300=0.00 total=7\n";
        for (text, expected) in [
            (format!("some avg10=1.08 avg60=0.76 avg300=0.75 total=20316543\n{full}"), Some(20_316_543)),
            ("some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n".to_owned(), Some(0)),
            (String::new(), None),
            (full.to_owned(), None),
            ("some avg10=1.08 avg60=0.76 avg300=0.75 total=203165".to_owned(), None),
            (format!("some avg10=1.08 avg60=0.76 avg300=0.75 total=\n{full}"), None),
            (format!("some avg10=1.08 avg60=0.76 avg300=0.75 total=-1\n{full}"), None),
        ] {
            assert_eq!(parse_pressure(text.as_bytes()), expected.map(Micros), "{text:?}");
        }
    }
}
