//! Whole numbers out of the kernel's text, without going through `str`.

/// Why there is no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sampling) enum NoNumber {
    /// Something else than digits stands there, or nothing at all.
    NotDigits,
    /// The number does not fit into 64 bits.
    TooLarge,
}

/// The number at the start of `text` and what follows it; ends at the first byte that is no digit.
pub(in crate::sampling) fn leading(text: &[u8]) -> Result<(u64, &[u8]), NoNumber> {
    let mut value = 0u64;
    let mut rest = text;
    while let [digit @ b'0'..=b'9', tail @ ..] = rest {
        let digit = u64::from(digit - b'0');
        value = value.checked_mul(10).and_then(|v| v.checked_add(digit)).ok_or(NoNumber::TooLarge)?;
        rest = tail;
    }
    if rest.len() == text.len() { Err(NoNumber::NotDigits) } else { Ok((value, rest)) }
}

/// The number that `text` is, with nothing before or after it.
pub(in crate::sampling) fn whole(text: &[u8]) -> Result<u64, NoNumber> {
    match leading(text)? {
        (value, []) => Ok(value),
        _ => Err(NoNumber::NotDigits),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_whole_numbers_only() {
        for (text, expected) in [
            ("0", Ok(0)),
            ("007", Ok(7)),
            ("18446744073709551615", Ok(u64::MAX)),
            ("18446744073709551616", Err(NoNumber::TooLarge)),
            ("99999999999999999999999999", Err(NoNumber::TooLarge)),
            ("", Err(NoNumber::NotDigits)),
            ("-1", Err(NoNumber::NotDigits)),
            ("+1", Err(NoNumber::NotDigits)),
            ("1.5", Err(NoNumber::NotDigits)),
            ("1 ", Err(NoNumber::NotDigits)),
            ("0x10", Err(NoNumber::NotDigits)),
        ] {
            assert_eq!(whole(text.as_bytes()), expected, "{text:?}");
        }
    }
}
