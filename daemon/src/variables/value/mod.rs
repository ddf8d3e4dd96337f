//! How the text of a variable becomes a value.
//!
//! Every field of a configuration is read by [`text`], whatever its type: the type's [`Value`] says what it
//! takes and, when it does not, what is wrong and what would be right.

mod list;
mod network;
pub(super) mod quantity;
mod simple;

use std::{borrow::Cow, fmt, marker::PhantomData};

use serde::{
    Deserializer,
    de::{Error, Visitor},
};

pub use list::Pair;
pub use network::HostPort;
pub use quantity::ByteSize;

/// A type that a variable can have.
pub trait Value: Sized {
    /// Reads the value from the text of a variable, which has no blanks around it.
    ///
    /// # Errors
    ///
    /// Says what is wrong and what would be right.
    fn from_text(text: &str) -> Result<Self, Refusal>;
}

/// Why a text is not the value that it should be: `wrong; right`.
///
/// Both halves read on from the text itself: «has no unit», «write a duration such as 500ms, 1s or 24h».
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    wrong: Cow<'static, str>,
    right: Cow<'static, str>,
}

impl Refusal {
    /// What is wrong, and what would be right.
    pub fn new(wrong: impl Into<Cow<'static, str>>, right: impl Into<Cow<'static, str>>) -> Self {
        Self { wrong: wrong.into(), right: right.into() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.wrong, self.right)
    }
}

impl std::error::Error for Refusal {}

/// Reads a field of a configuration: `#[serde(deserialize_with = "text")]`.
///
/// # Errors
///
/// The [`Refusal`] of the type.
pub fn text<'de, D: Deserializer<'de>, T: Value>(deserializer: D) -> Result<T, D::Error> {
    struct Text<T>(PhantomData<T>);

    impl<T: Value> Visitor<'_> for Text<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("the text of a variable")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
            T::from_text(text).map_err(E::custom)
        }
    }

    deserializer.deserialize_str(Text(PhantomData))
}

#[cfg(test)]
pub(super) fn check<T: Value + fmt::Debug + PartialEq>(text: &str, expected: Result<T, &str>) {
    let read = T::from_text(text);
    match expected {
        Ok(value) => assert_eq!(read, Ok(value), "{text:?}"),
        Err(message) => {
            assert_eq!(read.map_err(|refusal| refusal.to_string()), Err(message.to_owned()), "{text:?}")
        }
    }
}
