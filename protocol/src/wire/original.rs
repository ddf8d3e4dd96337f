//! The dialect of the original: `{"The Percentage Of CPU USAGE": 12.5}`, answered by its own text in upper case.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::PERCENT_KEY;
use super::number::Percent;

/// An object of the original. Its key matches whatever the case, once; other keys are ignored, but `v` makes it
/// one of the other dialect.
pub(crate) struct Original(pub(crate) Percent);

/// How the text of an error begins that tells an object of the other dialect.
pub(crate) const OTHER_DIALECT: &str = "a connection keeps the dialect of its first object";

impl<'de> Deserialize<'de> for Original {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Original;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "an object with the key {PERCENT_KEY:?}")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Original, M::Error> {
                let mut found = None;
                while let Some(Key(key)) = map.next_key()? {
                    if key == "v" {
                        return Err(de::Error::custom(OTHER_DIALECT));
                    }
                    if !key.eq_ignore_ascii_case(PERCENT_KEY) {
                        map.next_value::<IgnoredAny>()?;
                    } else if found.replace(map.next_value::<Percent>()?).is_some() {
                        return Err(de::Error::duplicate_field(PERCENT_KEY));
                    }
                }
                found.map(Original).ok_or_else(|| de::Error::missing_field(PERCENT_KEY))
            }
        }

        deserializer.deserialize_map(Object)
    }
}

/// A key, borrowed unless it has escapes.
struct Key<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl<'de> Visitor<'de> for Text {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(key)))
            }

            fn visit_str<E>(self, key: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(key.to_owned())))
            }
        }

        deserializer.deserialize_str(Text)
    }
}

/// Appends the answer to an object: its own text in upper case (ASCII letters only, as Python's `bytes.upper`).
pub(crate) fn write_answer(object: &str, out: &mut Vec<u8>) {
    out.extend(object.bytes().map(|byte| byte.to_ascii_uppercase()));
}
