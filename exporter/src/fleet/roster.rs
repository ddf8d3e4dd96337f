//! What an exporter remembers over its own restart: who was there and when they were last heard. Not one value.

use std::collections::BTreeMap;

use cpumon_protocol::model::{AgentName, WallTime};
use serde::{Deserialize, Serialize};

/// Names, and when they were last heard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roster(pub BTreeMap<AgentName, WallTime>);

/// Why a text is no roster.
#[derive(Debug, thiserror::Error)]
pub enum RosterError {
    /// It is no text.
    #[error("not UTF-8: {0}")]
    NotUtf8(#[from] std::str::Utf8Error),
    /// It is not the JSON of a roster.
    #[error("not a roster: {0}")]
    Json(#[from] serde_json::Error),
    /// Another version of this program wrote it.
    #[error("written in form {0}, and this program reads form 1")]
    Version(u32),
    /// A name is none.
    #[error("the name {0:?} is none")]
    Name(String),
}

/// The form on disk.
#[derive(Serialize, Deserialize)]
struct File {
    version: u32,
    /// Microseconds since the Unix epoch, by name.
    last_heard_us: BTreeMap<String, u64>,
}

impl Roster {
    /// The text to keep.
    pub fn to_json(&self) -> String {
        let last_heard_us = self.0.iter().map(|(name, wall)| (name.to_string(), wall.0)).collect();
        // A map with text for keys always has a JSON form.
        serde_json::to_string(&File { version: 1, last_heard_us }).unwrap_or_default()
    }

    /// The roster that `bytes` keep.
    ///
    /// # Errors
    ///
    /// Says what is wrong with them.
    pub fn from_json(bytes: &[u8]) -> Result<Self, RosterError> {
        let file: File = serde_json::from_str(std::str::from_utf8(bytes)?)?;
        if file.version != 1 {
            return Err(RosterError::Version(file.version));
        }
        let entry = |(name, wall): (String, u64)| match AgentName::new(&name) {
            Ok(name) => Ok((name, WallTime(wall))),
            Err(_) => Err(RosterError::Name(name)),
        };
        file.last_heard_us.into_iter().map(entry).collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_roster_comes_back_from_its_text() {
        let name = |text| AgentName::new(text).unwrap();
        let roster = Roster([(name("a"), WallTime(7)), (name("b.c"), WallTime(u64::MAX))].into());
        assert_eq!(Roster::from_json(roster.to_json().as_bytes()).unwrap(), roster);
        for bad in [
            &b""[..],
            b"{}",
            b"[]",
            br#"{"version":2,"last_heard_us":{}}"#,
            br#"{"version":1,"last_heard_us":{"a b":1}}"#,
            b"{\"version\":1,\"last_heard_us\":{},\"later\":\"\xff\"}",
        ] {
            assert!(Roster::from_json(bad).is_err(), "{bad:?}");
        }
    }
}
