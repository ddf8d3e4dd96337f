//! What an agent shows to be let in.

use std::fmt;

use subtle::ConstantTimeEq;

use crate::limits::TEXT_MAX;

/// A secret that an agent presents in its hello, where an exporter asks for one.
///
/// It has no `Display`, `Debug` hides it, and comparing two takes a time that does not tell where they differ.
#[derive(Clone)]
pub struct Token(Box<str>);

impl Token {
    /// Takes `text` if it can travel in a hello: at most [`TEXT_MAX`] bytes without control characters.
    pub fn new(text: &str) -> Option<Self> {
        let fits = text.len() <= TEXT_MAX && !text.chars().any(char::is_control);
        fits.then(|| Self(text.into()))
    }

    /// The text itself, for whoever sends or checks it. Never hand it to a log, an error or a label.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl PartialEq for Token {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for Token {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_can_travel_and_shows_nothing_of_it() {
        for good in ["", "x", "s3cret \"\\ ünïcode", &"x".repeat(TEXT_MAX)] {
            let token = Token::new(good).unwrap();
            assert_eq!((token.expose(), format!("{token:?}").as_str()), (good, "***"));
        }
        for bad in ["two\nlines", "\u{7f}", &"x".repeat(TEXT_MAX + 1)] {
            assert_eq!(Token::new(bad), None);
        }
    }

    #[test]
    fn equal_texts_are_equal() {
        let token = |text| Token::new(text).unwrap();
        assert_eq!(token("abc"), token("abc"));
        assert!(["", "ab", "abd", "abcd"].map(token).iter().all(|other| *other != token("abc")));
    }
}
