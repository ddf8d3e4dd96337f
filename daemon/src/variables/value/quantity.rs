//! Numbers with a unit: durations and sizes, in exact integers.
//!
//! Both come from one reader of our own. humantime 2.4 panics on `18446744073709551615s1000ms`, and bytesize
//! 2.7 rounds through floats and takes an overflow for the largest size.

use std::{fmt, time::Duration};

use cpumon_protocol::model::Micros;

use super::{Refusal, Value};

/// A unit's names, the first for printing, and how many of the base unit it holds.
type Unit = (&'static [&'static str], u64);

const SPANS: &[Unit] = &[
    (&["us", "µs", "μs"], 1),
    (&["ms"], 1_000),
    (&["s", "sec"], 1_000_000),
    (&["m", "min"], 60_000_000),
    (&["h"], 3_600_000_000),
    (&["d"], 86_400_000_000),
];

const SIZES: &[Unit] = &[
    (&["", "B"], 1),
    (&["kB", "KB"], 1_000),
    (&["KiB"], 1 << 10),
    (&["MB"], 1_000_000),
    (&["MiB"], 1 << 20),
    (&["GB"], 1_000_000_000),
    (&["GiB"], 1 << 30),
];

/// Why a text is not a number with a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    NotANumber,
    NoUnit,
    UnknownUnit,
    TooFine,
    TooLarge,
}

impl Wrong {
    fn refusal(self, right: &'static str) -> Refusal {
        let wrong = match self {
            Self::NotANumber => "does not begin with a number",
            Self::NoUnit => "has no unit",
            Self::UnknownUnit => "has an unknown unit",
            Self::TooFine => "has more decimals than can be kept",
            Self::TooLarge => "is too large",
        };
        Refusal::new(wrong, right)
    }
}

/// Reads one number and its unit from the front of `text`: the quantity in base units, and what follows.
fn take<'a>(text: &'a str, units: &[Unit]) -> Result<(u64, &'a str), Wrong> {
    let (whole, rest) = split_digits(text);
    let (decimals, rest) = match rest.strip_prefix('.').map(split_digits) {
        None => ("", rest),
        Some(("", _)) => return Err(Wrong::NotANumber),
        Some(split) => split,
    };
    if whole.is_empty() {
        return Err(Wrong::NotANumber);
    }
    let rest = rest.trim_start();
    let (name, rest) = rest.split_at(rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len()));
    let &(_, scale) = units.iter().find(|(names, _)| names.contains(&name)).ok_or(match name {
        "" => Wrong::NoUnit,
        _ => Wrong::UnknownUnit,
    })?;

    let whole: u64 = whole.parse().map_err(|_| Wrong::TooLarge)?;
    let quantity = whole.checked_mul(scale).ok_or(Wrong::TooLarge)?;
    Ok((quantity.checked_add(part_of(scale, decimals)?).ok_or(Wrong::TooLarge)?, rest))
}

/// `0.decimals` of `scale`, when that is whole.
fn part_of(scale: u64, decimals: &str) -> Result<u64, Wrong> {
    let decimals = decimals.trim_end_matches('0');
    if decimals.is_empty() {
        return Ok(0);
    }
    // 10^19 fits into 64 bits, and no scale can be divided as finely as that.
    let power = 10_u64.checked_pow(decimals.len().try_into().unwrap_or(u32::MAX)).ok_or(Wrong::TooFine)?;
    let part: u64 = decimals.parse().map_err(|_| Wrong::TooFine)?;
    let product = u128::from(part) * u128::from(scale);
    if !product.is_multiple_of(u128::from(power)) {
        return Err(Wrong::TooFine);
    }
    // Below `scale`, as `part` is below `power`.
    u64::try_from(product / u128::from(power)).map_err(|_| Wrong::TooLarge)
}

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

/// Prints `quantity` in the largest unit of `units` that divides it.
fn print(quantity: u64, units: &[Unit], zero: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let largest =
        units.iter().filter(|(_, scale)| quantity.is_multiple_of(*scale)).max_by_key(|(_, scale)| scale);
    match largest {
        Some((names, scale)) if quantity > 0 => {
            write!(f, "{}{}", quantity / scale, names.first().unwrap_or(&""))
        }
        _ => f.write_str(zero),
    }
}

impl Value for Micros {
    /// A duration: numbers with a unit each, added up (`1h30m`).
    fn from_text(text: &str) -> Result<Self, Refusal> {
        const RIGHT: &str = "write a duration such as 500ms, 1s, 15m or 24h";
        let mut sum = Self::ZERO;
        let mut rest = text;
        loop {
            let (span, after) = take(rest, SPANS).map_err(|wrong| wrong.refusal(RIGHT))?;
            sum = Self(sum.0.checked_add(span).ok_or_else(|| Wrong::TooLarge.refusal(RIGHT))?);
            rest = after.trim_start();
            if rest.is_empty() {
                return Ok(sum);
            }
        }
    }
}

impl Value for Duration {
    /// As [`Micros`].
    fn from_text(text: &str) -> Result<Self, Refusal> {
        Micros::from_text(text).map(Self::from)
    }
}

/// Prints a duration as a user would write it.
pub(in super::super) struct Span(pub(in super::super) Micros);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print(self.0.0, SPANS, "0s", f)
    }
}

/// A size in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(pub u64);

impl ByteSize {
    /// The size in bytes, as an index; the largest one where that is smaller.
    pub fn bytes(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl Value for ByteSize {
    /// A number of bytes, alone or with `B`, `kB`, `KiB`, `MB`, `MiB`, `GB` or `GiB`.
    fn from_text(text: &str) -> Result<Self, Refusal> {
        const RIGHT: &str = "write a size such as 4096, 64KiB or 1MiB";
        match take(text, SIZES) {
            Ok((bytes, "")) => Ok(Self(bytes)),
            Ok(_) => Err(Wrong::UnknownUnit.refusal(RIGHT)),
            Err(wrong) => Err(wrong.refusal(RIGHT)),
        }
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print(self.0, SIZES, "0", f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::variables::value::check;

    #[test]
    fn durations() {
        for (text, micros) in [
            ("0s", 0),
            ("1us", 1),
            ("1µs", 1),
            ("500ms", 500_000),
            ("1s", 1_000_000),
            ("1.5s", 1_500_000),
            ("1.000001s", 1_000_001),
            ("1.50000000000000000000000000s", 1_500_000),
            ("90 s", 90_000_000),
            ("15m", 900_000_000),
            ("15min", 900_000_000),
            ("24h", 86_400_000_000),
            ("1h30m", 5_400_000_000),
            ("1h 30m", 5_400_000_000),
            ("7d", 604_800_000_000),
            ("18446744073709551615us", u64::MAX),
        ] {
            check(text, Ok(Micros(micros)));
            check(text, Ok(Duration::from_micros(micros)));
        }
        let right = "write a duration such as 500ms, 1s, 15m or 24h";
        for (text, wrong) in [
            ("", "does not begin with a number"),
            ("s", "does not begin with a number"),
            ("-1s", "does not begin with a number"),
            ("+1s", "does not begin with a number"),
            (".5s", "does not begin with a number"),
            ("1.s", "does not begin with a number"),
            ("1s,", "does not begin with a number"),
            ("5", "has no unit"),
            ("1.5", "has no unit"),
            ("1h30", "has no unit"),
            ("1S", "has an unknown unit"),
            ("1e3s", "has an unknown unit"),
            ("1 second", "has an unknown unit"),
            ("1ns", "has an unknown unit"),
            ("1.5us", "has more decimals than can be kept"),
            ("0.00000000000000000000000000001s", "has more decimals than can be kept"),
            ("18446744073709551616us", "is too large"),
            ("18446744073709551615s1000ms", "is too large"),
            ("18446744073709551615us1us", "is too large"),
            ("999999999999999999999999s", "is too large"),
        ] {
            check::<Micros>(text, Err(&format!("{wrong}; {right}")));
        }
    }

    #[test]
    fn sizes() {
        for (text, bytes) in [
            ("0", 0),
            ("4096", 4_096),
            ("10B", 10),
            ("64KiB", 65_536),
            ("64 KiB", 65_536),
            ("1.5KiB", 1_536),
            ("1kB", 1_000),
            ("1MB", 1_000_000),
            ("1MiB", 1_048_576),
            ("2GiB", 2_147_483_648),
            ("18446744073709551615", u64::MAX),
        ] {
            check(text, Ok(ByteSize(bytes)));
        }
        let right = "write a size such as 4096, 64KiB or 1MiB";
        for (text, wrong) in [
            ("", "does not begin with a number"),
            ("KiB", "does not begin with a number"),
            ("-1", "does not begin with a number"),
            ("64K", "has an unknown unit"),
            ("64kib", "has an unknown unit"),
            ("1KiB2", "has an unknown unit"),
            ("0.5", "has more decimals than can be kept"),
            ("99999999999GiB", "is too large"),
        ] {
            check::<ByteSize>(text, Err(&format!("{wrong}; {right}")));
        }
    }

    #[test]
    fn prints_as_a_user_would_write() {
        for text in ["0s", "1us", "1500ms", "90s", "1m", "25h", "1d"] {
            assert_eq!(Micros::from_text(text).map(|span| Span(span).to_string()), Ok(text.to_owned()));
        }
        for text in ["0", "10", "4KiB", "1MiB", "1500kB", "3GB"] {
            assert_eq!(ByteSize::from_text(text).map(|size| size.to_string()), Ok(text.to_owned()));
        }
    }
}
