//! Integers as decimals. No float is formatted on the way from a total to its line.

use cpumon_protocol::model::{Micros, Millionths, Ratio, WallTime};

/// A value of a series: an integer and how many of its digits stand behind the point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Number {
    digits: u64,
    decimals: u32,
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
    pub(super) fn write(self, out: &mut Vec<u8>) {
        let scale = 10u64.pow(self.decimals);
        let (whole, mut fraction) = (self.digits / scale, self.digits % scale);
        let mut buffer = itoa::Buffer::new();
        out.extend_from_slice(buffer.format(whole).as_bytes());
        if fraction == 0 {
            return;
        }
        let mut decimals = self.decimals as usize;
        while fraction.is_multiple_of(10) {
            fraction /= 10;
            decimals -= 1;
        }
        let text = buffer.format(fraction).as_bytes();
        out.push(b'.');
        out.extend_from_slice(&b"000000"[..decimals - text.len()]);
        out.extend_from_slice(text);
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

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn the_same_text_as_the_floats_own(us in 0..1u64 << 52) {
            // Up to 142 years of microseconds: as far as a double tells them apart.
            prop_assert_eq!(text(Micros(us).into()), format!("{}", us as f64 / 1e6));
        }
    }
}
