//! Integers as decimals. No float is formatted on the way from a total to its line.

use cpumon_protocol::model::{Micros, Millionths, Ratio, WallTime};

use super::sink::Sink;

/// A value of a series: an integer and how many of its digits stand behind the point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Number {
    pub(super) digits: u64,
    pub(super) decimals: u32,
}

impl Number {
    /// A count.
    pub(super) const fn count(count: u64) -> Self {
        Self { digits: count, decimals: 0 }
    }

    /// A ratio as a percentage, 0 to 100.
    pub(super) const fn percent(ratio: Ratio) -> Self {
        Self { digits: ratio.millionths() as u64, decimals: 4 }
    }

    /// Appends the shortest decimal of this value.
    #[inline(always)]
    pub(super) fn write(self, out: &mut impl Sink) {
        // Known divisors, because dividing by an unknown one takes several times as long.
        let (whole, fraction) = match self.decimals {
            0 => return write_whole(self.digits, out),
            4 => (self.digits / 10_000, self.digits % 10_000 * 10_000),
            _ => (self.digits / 1_000_000, self.digits % 1_000_000 * 100),
        };
        write_whole(whole, out);
        write_fraction(fraction, out);
    }
}

/// How many digits are made at once.
const EIGHT: u64 = 100_000_000;

#[inline(always)]
fn write_whole(number: u64, out: &mut impl Sink) {
    if number < 10 {
        return out.append(&[b'0' + number as u8]);
    }
    if number < EIGHT {
        return Digits::of(number).without_leading_zeros().append_to(out);
    }
    let high = number / EIGHT;
    if high < EIGHT {
        Digits::of(high).without_leading_zeros().append_to(out);
    } else {
        Digits::of(high / EIGHT).without_leading_zeros().append_to(out);
        Digits::of(high % EIGHT).append_to(out);
    }
    Digits::of(number % EIGHT).append_to(out);
}

/// Appends a point and what is behind it, `fraction` being in hundred-millionths; nothing when it is zero.
#[inline(always)]
fn write_fraction(fraction: u64, out: &mut impl Sink) {
    if fraction != 0 {
        out.append(b".");
        Digits::of(fraction).without_trailing_zeros().append_to(out);
    }
}

/// Up to eight digits in one register, the first one in its lowest byte. They are computed all together: digits
/// that are stored one by one and then copied make the processor wait for its own stores, which took as long as all
/// else on a line.
#[derive(Clone, Copy)]
struct Digits {
    values: u64,
    length: u32,
}

impl Digits {
    /// The eight digits of a number below [`EIGHT`]. Each step splits every number in the register into two of half the
    /// digits, dividing by a multiplication and a shift that are exact for numbers of that size.
    const fn of(number: u64) -> Self {
        let fours = (number / 10_000) | ((number % 10_000) << 32);
        let hundreds = ((fours * 10_486) >> 20) & 0x0000_007f_0000_007f;
        let pairs = hundreds | ((fours - hundreds * 100) << 16);
        let tens = ((pairs * 103) >> 10) & 0x000f_000f_000f_000f;
        Self { values: tens | ((pairs - tens * 10) << 8), length: 8 }
    }

    /// One digit stays, whatever it is.
    const fn without_leading_zeros(self) -> Self {
        let zeros = self.values.trailing_zeros() / 8;
        let zeros = if zeros > 7 { 7 } else { zeros };
        Self { values: self.values >> (8 * zeros), length: self.length - zeros }
    }

    const fn without_trailing_zeros(self) -> Self {
        Self { length: self.length - self.values.leading_zeros() / 8, ..self }
    }

    #[inline(always)]
    fn append_to(self, out: &mut impl Sink) {
        let text = (self.values | 0x3030_3030_3030_3030).to_le_bytes();
        out.append_first(self.length as usize, &text);
    }
}

impl From<Micros> for Number {
    /// In seconds.
    fn from(Micros(us): Micros) -> Self {
        Self { digits: us, decimals: 6 }
    }
}

impl From<WallTime> for Number {
    /// In seconds since the Unix epoch.
    fn from(WallTime(us): WallTime) -> Self {
        Self { digits: us, decimals: 6 }
    }
}

impl From<Millionths> for Number {
    fn from(Millionths(ppm): Millionths) -> Self {
        Self { digits: ppm, decimals: 6 }
    }
}

impl From<Ratio> for Number {
    fn from(ratio: Ratio) -> Self {
        Millionths::from(ratio).into()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(number: Number) -> String {
        let mut out = Vec::new();
        number.write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_shortest_decimal() {
        for (us, expect) in [
            (0, "0"),
            (1, "0.000001"),
            (1_000_000, "1"),
            (1_500_000, "1.5"),
            (10_010_000, "10.01"),
            (123_456_789, "123.456789"),
            (u64::MAX, "18446744073709.551615"),
        ] {
            assert_eq!(text(Micros(us).into()), expect);
        }
        assert_eq!(text(Number::percent(Ratio::ONE)), "100");
        assert_eq!(text(Number::percent(Ratio::from_millionths(125_001).unwrap())), "12.5001");
    }

    #[test]
    fn eight_digits_of_every_number_that_a_step_divides() {
        // Every four digits, in both halves: all that the steps after the first ever see.
        for four in 0..10_000 {
            for number in [four, four * 10_000, four * 10_001] {
                let digits = Digits::of(number).values.to_le_bytes();
                assert_eq!(
                    digits.map(|digit| char::from(b'0' + digit)).iter().collect::<String>(),
                    format!("{number:08}")
                );
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn a_count_as_the_standard_library_writes_it(bits in any::<u64>(), shift in 0..64u32) {
            let count = bits >> shift;
            prop_assert_eq!(text(Number::count(count)), count.to_string());
        }

        #[test]
        fn the_same_text_as_the_floats_own(us in 0..1u64 << 52) {
            // Up to 142 years of microseconds: as far as a double tells them apart.
            prop_assert_eq!(text(Micros(us).into()), format!("{}", us as f64 / 1e6));
        }
    }
}
