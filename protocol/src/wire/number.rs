//! Percentages without floats: JSON's decimal text to whole millionths and back.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::model::Ratio;

/// A ratio that is written as a percentage, 0 to 100. Four decimals hold all of its millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Percent(pub(crate) Ratio);

/// How the text of an error begins that tells a number out of range from a value of another type. serde hands
/// errors on as text only; what a peer sent never stands at its beginning.
pub(crate) const OUT_OF_RANGE: &str = "the percentage is outside 0 to 100";

impl Serialize for Percent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Exact: a quotient of this size is written as its four decimals (all 1,000,001 are tested).
        serializer.serialize_f64(f64::from(self.0.millionths()) / 10_000.0)
    }
}

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <&RawValue>::deserialize(deserializer)?.get();
        if !text.starts_with(|c: char| c == '-' || c.is_ascii_digit()) {
            return Err(D::Error::custom("the percentage is no number"));
        }
        percent(text).map(Self).ok_or_else(|| D::Error::custom(OUT_OF_RANGE))
    }
}

/// The ratio of a percentage in the form of a JSON number, rounded half up to a millionth; `None` outside 0
/// to 100, judged before rounding. Negative zero is zero.
pub(crate) fn percent(number: &str) -> Option<Ratio> {
    let (negative, number) = match number.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, number),
    };
    let (mantissa, exponent) = match number.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, clamped(exponent)),
        None => (number, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    // The first digit weighs ten to the power `weight`, each further one a tenth of the one before.
    let mut weight = i64::try_from(whole.len()).ok()? - 1 + exponent;
    let mut scaled: u32 = 0;
    let mut rest = Rest::Nothing;
    for digit in whole.bytes().chain(fraction.bytes()).map(|byte| u32::from(byte - b'0')) {
        if weight > 2 && digit != 0 {
            return None;
        }
        if (-4..=2).contains(&weight) {
            scaled += digit * 10u32.pow((weight + 4).try_into().ok()?);
        } else if weight < -4 {
            rest = rest.with(digit, weight);
        }
        weight -= 1;
    }
    let is_zero = scaled == 0 && rest == Rest::Nothing;
    if (negative && !is_zero) || (scaled == Ratio::ONE.millionths() && rest != Rest::Nothing) {
        return None;
    }
    Ratio::from_millionths(scaled.checked_add(u32::from(rest == Rest::HalfOrMore))?)
}

/// What lies below the last millionth.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rest {
    Nothing,
    LessThanHalf,
    HalfOrMore,
}

impl Rest {
    fn with(self, digit: u32, weight: i64) -> Self {
        match self {
            Self::Nothing if weight == -5 && digit >= 5 => Self::HalfOrMore,
            Self::Nothing if digit > 0 => Self::LessThanHalf,
            other => other,
        }
    }
}

/// A JSON exponent; so far out that no mantissa of a frame brings it back, where it does not fit.
fn clamped(exponent: &str) -> i64 {
    const FAR: i64 = 1 << 40;
    let (sign, digits) = match exponent.as_bytes().first() {
        Some(b'-') => (-1, &exponent[1..]),
        Some(b'+') => (1, &exponent[1..]),
        _ => (1, exponent),
    };
    sign * digits.parse::<i64>().map_or(FAR, |value| value.min(FAR))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn golden_numbers() {
        for (text, expect) in [
            ("0", Some(0)),
            ("-0", Some(0)),
            ("-0.0", Some(0)),
            ("-0e9", Some(0)),
            ("0e999999999999999999999", Some(0)),
            ("12.5", Some(125_000)),
            ("1.25e1", Some(125_000)),
            ("125E-1", Some(125_000)),
            ("0.00125e+4", Some(125_000)),
            ("100", Some(1_000_000)),
            ("100.0", Some(1_000_000)),
            ("1e2", Some(1_000_000)),
            ("99.99995", Some(1_000_000)),
            ("99.99994", Some(999_999)),
            ("0.00004", Some(0)),
            ("0.00005", Some(1)),
            ("0.000049999999999999999999", Some(0)),
            ("1e-400", Some(0)),
            ("1e-99999999999999999999", Some(0)),
            ("100.00000000000000000001", None),
            ("-1e-400", None),
            ("-0.1", None),
            ("-5", None),
            ("101", None),
            ("1e3", None),
            ("1e308", None),
            ("1e400", None),
            ("1e99999999999999999999", None),
            ("12345678901234567890", None),
        ] {
            assert_eq!(percent(text).map(Ratio::millionths), expect, "{text}");
        }
        let million = format!("0.{}", "3".repeat(1_000_000));
        assert_eq!(percent(&million).map(Ratio::millionths), Some(3_333));
    }

    #[test]
    fn every_ratio_comes_back_from_its_own_text() {
        for millionths in 0..=1_000_000 {
            let ratio = Ratio::from_millionths(millionths).unwrap();
            let text = serde_json::to_string(&Percent(ratio)).unwrap();
            assert_eq!(serde_json::from_str::<Percent>(&text).unwrap().0, ratio, "{text}");
            assert!(text.len() <= 8, "{text}");
        }
    }

    proptest! {
        // The variable `PROPTEST_CASES` raises them.
        #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.max(20_000)))]

        #[test]
        fn all_doubles_are_judged_as_floats_would_be(bits in any::<u64>()) {
            let value = f64::from_bits(bits);
            if !value.is_finite() {
                return Ok(());
            }
            let judged = percent(&serde_json::to_string(&value).unwrap());
            prop_assert_eq!(judged.is_some(), (0.0..=100.0).contains(&value));
        }

        #[test]
        fn values_in_range_are_rounded(value in 0.0..=100.0f64) {
            let exact = value * 10_000.0;
            let got = f64::from(percent(&serde_json::to_string(&value).unwrap()).unwrap().millionths());
            prop_assert!((got - exact).abs() <= 0.500_001, "{} for {}", got, exact);
        }
    }
}
