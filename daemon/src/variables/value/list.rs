//! Comma lists.

use super::{Refusal, Value};

impl<T: Value> Value for Vec<T> {
    /// Items between commas, blanks around them trimmed; none when the variable is unset.
    fn from_text(text: &str) -> Result<Self, Refusal> {
        if text.is_empty() {
            return Ok(Self::new());
        }
        text.split(',').enumerate().map(|(index, item)| item_from(index, item.trim())).collect()
    }
}

fn item_from<T: Value>(index: usize, item: &str) -> Result<T, Refusal> {
    if item.is_empty() {
        let wrong = format!("has nothing as item {}", index + 1);
        return Err(Refusal::new(wrong, "write items with one comma between two"));
    }
    T::from_text(item).map_err(|Refusal { wrong, right }| {
        Refusal::new(format!("has `{item}` as item {}, which {wrong}", index + 1), right)
    })
}

/// `key=value`; both are there, blanks around them trimmed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pair {
    /// What stands before the first `=`.
    pub key: String,
    /// What stands after it.
    pub value: String,
}

impl Value for Pair {
    fn from_text(text: &str) -> Result<Self, Refusal> {
        let refusal = |wrong: &'static str| Refusal::new(wrong, "write key=value");
        let (key, value) = text.split_once('=').ok_or_else(|| refusal("has no `=`"))?;
        match (key.trim(), value.trim()) {
            ("", _) => Err(refusal("has no key")),
            (_, "") => Err(refusal("has no value")),
            (key, value) => Ok(Self { key: key.to_owned(), value: value.to_owned() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::variables::value::check;

    #[test]
    fn lists() {
        check("", Ok(Vec::<u8>::new()));
        check("1", Ok(vec![1_u8]));
        check("1, 2 ,3", Ok(vec![1_u8, 2, 3]));
        check::<Vec<u8>>(
            "1,x",
            Err("has `x` as item 2, which is not a whole number; write a whole number from 0 to 255"),
        );
        for text in [",", "1,,2", "1,", " ,1"] {
            let nth = text.split(',').position(|item| item.trim().is_empty()).unwrap() + 1;
            let message = format!("has nothing as item {nth}; write items with one comma between two");
            check::<Vec<u8>>(text, Err(&message));
        }
    }

    #[test]
    fn pairs() {
        let pair = |key: &str, value: &str| Pair { key: key.into(), value: value.into() };
        check("dc=fra, role = db", Ok(vec![pair("dc", "fra"), pair("role", "db")]));
        check("a=b=c", Ok(pair("a", "b=c")));
        check::<Pair>("dc", Err("has no `=`; write key=value"));
        check::<Pair>("=fra", Err("has no key; write key=value"));
        check::<Pair>("dc=", Err("has no value; write key=value"));
    }
}
