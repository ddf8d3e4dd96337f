//! The name under which a machine is known through reconnects, restarts and moves.

use std::fmt;

/// What an agent is called: 1 to 128 characters of `A-Z a-z 0-9 . _ -`.
///
/// The value of the label `agent`. A client of the original has no name but its `ip:port`, a form that no
/// `AgentName` can take.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AgentName(Box<str>);

/// Why a text is no agent name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// There is no character at all.
    #[error("is empty; give 1 to {} characters of A-Z a-z 0-9 . _ -", AgentName::MAX_LEN)]
    Empty,
    /// There are more than [`AgentName::MAX_LEN`] characters.
    #[error("is longer than {} characters", AgentName::MAX_LEN)]
    TooLong,
    /// A character is outside `A-Z a-z 0-9 . _ -`.
    #[error("has a character other than A-Z a-z 0-9 . _ -")]
    Character,
}

impl AgentName {
    /// The longest name, in characters.
    pub const MAX_LEN: usize = 128;

    /// Checks `text` and takes it as a name.
    pub fn new(text: &str) -> Result<Self, NameError> {
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if text.len() > Self::MAX_LEN {
            return Err(NameError::TooLong);
        }
        if !text.chars().all(Self::allows) {
            return Err(NameError::Character);
        }
        Ok(Self(text.into()))
    }

    /// Makes a name of any text: other characters become `-`, what is too long is cut.
    /// `None` when nothing is left.
    pub fn sanitized(text: &str) -> Option<Self> {
        let clean: String =
            text.chars().take(Self::MAX_LEN).map(|c| if Self::allows(c) { c } else { '-' }).collect();
        Self::new(&clean).ok()
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn allows(c: char) -> bool {
        c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
    }
}

impl fmt::Display for AgentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for AgentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_and_refuses() {
        for good in ["a", "web-1", "a.b_c-D9", &"x".repeat(128)] {
            assert_eq!(AgentName::new(good).map(|n| n.to_string()), Ok(good.to_string()));
        }
        for (bad, why) in [
            ("", NameError::Empty),
            (&*"x".repeat(129), NameError::TooLong),
            ("a b", NameError::Character),
            ("10.0.0.1:80", NameError::Character),
            ("naïve", NameError::Character),
            ("a\n", NameError::Character),
            ("a\"", NameError::Character),
        ] {
            assert_eq!(AgentName::new(bad), Err(why), "{bad:?}");
        }
    }

    #[test]
    fn sanitizes_host_names() {
        let clean = |text| AgentName::sanitized(text).map(|n| n.to_string());
        assert_eq!(clean("Anna's MacBook"), Some("Anna-s-MacBook".to_string()));
        assert_eq!(clean(""), None);
    }
}
