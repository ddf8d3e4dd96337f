//! What serde's derived code lets pass and this protocol does not: an array in an object's place, and a key given
//! twice in a map.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};

/// A struct that is written as an object, never as an array of its fields' values.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<T, M::Error> {
                T::deserialize(MapAccessDeserializer::new(map))
            }
        }

        deserializer.deserialize_map(Fields(PhantomData)).map(Self)
    }
}

/// Reads a struct from an object.
pub(super) fn object<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Object::deserialize(deserializer).map(|Object(value)| value)
}

/// Reads a struct from an object, or from `null` none.
pub(super) fn optional_object<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    let found: Option<Object<T>> = Deserialize::deserialize(deserializer)?;
    Ok(found.map(|Object(value)| value))
}

/// Reads structs from an array of objects.
pub(super) fn objects<'de, T, D>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    let found: Vec<Object<T>> = Deserialize::deserialize(deserializer)?;
    Ok(found.into_iter().map(|Object(value)| value).collect())
}

/// Texts by key.
pub(super) type Texts<'a> = BTreeMap<Cow<'a, str>, Cow<'a, str>>;

/// Reads texts by key, each key once.
pub(super) fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Texts<'de>, D::Error> {
    struct Keys;

    impl<'de> Visitor<'de> for Keys {
        type Value = Texts<'de>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object of texts")
        }

        fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Texts<'de>, M::Error> {
            let mut texts = Texts::new();
            while let Some((key, text)) = map.next_entry()? {
                if texts.insert(key, text).is_some() {
                    return Err(M::Error::custom("a key is given twice"));
                }
            }
            Ok(texts)
        }
    }

    deserializer.deserialize_map(Keys)
}
