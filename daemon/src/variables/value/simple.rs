//! Numbers, switches, shares, texts, and what may be absent.

use std::path::PathBuf;

use cpumon_protocol::model::{AgentName, Ratio};

use super::{Refusal, Value};

macro_rules! whole_numbers {
    ($($number:ty),*) => {$(
        impl Value for $number {
            /// Digits alone.
            fn from_text(text: &str) -> Result<Self, Refusal> {
                let right = || format!("write a whole number from 0 to {}", Self::MAX);
                if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
                    return Err(Refusal::new("is not a whole number", right()));
                }
                text.parse().map_err(|_| Refusal::new("is too large", right()))
            }
        }
    )*};
}

whole_numbers!(u8, u16, u32, u64, usize);

impl Value for bool {
    /// A switch, in the words that people use, in any case.
    fn from_text(text: &str) -> Result<Self, Refusal> {
        match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => Ok(true),
            "false" | "no" | "off" | "0" => Ok(false),
            _ => Err(Refusal::new("is neither yes nor no", "write true or false")),
        }
    }
}

impl Value for Ratio {
    /// A share from 0 to 1 with at most six decimals.
    fn from_text(text: &str) -> Result<Self, Refusal> {
        let refusal = |wrong: &'static str| Refusal::new(wrong, "write a share from 0 to 1 such as 0.8");
        let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(decimals) {
            return Err(refusal("is not a number"));
        }
        let decimals = decimals.trim_end_matches('0');
        if decimals.len() > 6 {
            return Err(refusal("has more than six decimals"));
        }
        // Both parse: digits only; `{:0<6}` makes millionths of the decimals.
        let whole: Option<u32> = whole.parse().ok();
        let decimals: Option<u32> = format!("{decimals:0<6}").parse().ok();
        whole
            .and_then(|whole| whole.checked_mul(Self::ONE.millionths()))
            .and_then(|whole| whole.checked_add(decimals?))
            .and_then(Self::from_millionths)
            .ok_or_else(|| refusal("is above 1"))
    }
}

impl Value for String {
    /// Any text.
    fn from_text(text: &str) -> Result<Self, Refusal> {
        Ok(text.to_owned())
    }
}

impl Value for PathBuf {
    /// A path, to be looked at when it is used.
    fn from_text(text: &str) -> Result<Self, Refusal> {
        if text.is_empty() {
            return Err(Refusal::new("is empty", "write a path"));
        }
        Ok(text.into())
    }
}

impl Value for AgentName {
    fn from_text(text: &str) -> Result<Self, Refusal> {
        Self::new(text).map_err(|_| {
            let wrong = if text.len() > Self::MAX_LEN { "is too long" } else { "is no name" };
            Refusal::new(wrong, format!("write 1 to {} characters of A-Z a-z 0-9 . _ -", Self::MAX_LEN))
        })
    }
}

impl<T: Value> Value for Option<T> {
    /// Nothing when the variable is unset and has no default.
    fn from_text(text: &str) -> Result<Self, Refusal> {
        if text.is_empty() { Ok(None) } else { T::from_text(text).map(Some) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::variables::value::check;

    #[test]
    fn whole_numbers() {
        check("0", Ok(0_u8));
        check("255", Ok(255_u8));
        check("007", Ok(7_u16));
        check("18446744073709551615", Ok(u64::MAX));
        check::<u8>("256", Err("is too large; write a whole number from 0 to 255"));
        for text in ["", "-1", "+1", "1.5", "1e3", "0x10", "1_000", "١"] {
            check::<u8>(text, Err("is not a whole number; write a whole number from 0 to 255"));
        }
    }

    #[test]
    fn switches() {
        for text in ["true", "TRUE", "True", "yes", "on", "On", "1"] {
            check(text, Ok(true));
        }
        for text in ["false", "FALSE", "no", "No", "off", "0"] {
            check(text, Ok(false));
        }
        for text in ["", "2", "y", "truee", "tru e"] {
            check::<bool>(text, Err("is neither yes nor no; write true or false"));
        }
    }

    #[test]
    fn shares() {
        let share = |millionths| Ok(Ratio::from_millionths(millionths).unwrap());
        for (text, millionths) in [
            ("0", 0),
            ("1", 1_000_000),
            ("1.0", 1_000_000),
            ("0.8", 800_000),
            ("0.95", 950_000),
            ("0.000001", 1),
            ("00.80000000000", 800_000),
        ] {
            check(text, share(millionths));
        }
        for (text, wrong) in [
            ("", "is not a number"),
            (".8", "is not a number"),
            ("1.", "is not a number"),
            ("-0.1", "is not a number"),
            ("0,8", "is not a number"),
            ("80%", "is not a number"),
            ("1e-1", "is not a number"),
            ("NaN", "is not a number"),
            ("0.0000001", "has more than six decimals"),
            ("1.000001", "is above 1"),
            ("80", "is above 1"),
            ("99999999999999999999", "is above 1"),
        ] {
            check::<Ratio>(text, Err(&format!("{wrong}; write a share from 0 to 1 such as 0.8")));
        }
    }

    #[test]
    fn texts_and_what_may_be_absent() {
        check("", Ok(None::<u8>));
        check("7", Ok(Some(7_u8)));
        check("/a b", Ok(PathBuf::from("/a b")));
        check::<PathBuf>("", Err("is empty; write a path"));
        check("web-1", Ok(AgentName::new("web-1").unwrap()));
        check::<AgentName>("a b", Err("is no name; write 1 to 128 characters of A-Z a-z 0-9 . _ -"));
        check::<AgentName>(
            &"x".repeat(129),
            Err("is too long; write 1 to 128 characters of A-Z a-z 0-9 . _ -"),
        );
    }
}
