//! Who this agent is.
//!
//! In this order: the name it was given; in compose the replica's name, as Docker's own DNS knows it; the host
//! name. A host name that is only a container's id names nothing that lasts: it is used with a warning, and it
//! ends with the process.

mod compose;
mod dns;
mod lookup;

use std::fmt;

use cpumon_protocol::model::AgentName;

pub use lookup::{Files, replica_name};

/// A name, and what is to be known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The name.
    pub name: AgentName,
    /// Where it is from.
    pub origin: Origin,
    /// Whether it ends with the process.
    pub ephemeral: bool,
}

/// Where a name is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// `AGENT_NAME`.
    Given,
    /// Docker's DNS.
    Compose,
    /// The host name.
    Host,
    /// The host name, which is a container's id.
    ContainerId,
}

/// There is nothing to make a name of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this machine has no host name to be known by; set AGENT_NAME")]
pub struct Nameless;

impl Identity {
    /// Decides on what is known: the name given, the replica's name, the host name. `ephemeral` says that the
    /// name ends with the process whatever it is.
    ///
    /// # Errors
    ///
    /// When nothing is known.
    pub fn decide(
        given: Option<AgentName>,
        replica: Option<AgentName>,
        hostname: Option<&str>,
        ephemeral: bool,
    ) -> Result<Self, Nameless> {
        let from_host = || {
            let host = hostname.unwrap_or_default();
            let origin = if is_container_id(host) { Origin::ContainerId } else { Origin::Host };
            AgentName::sanitized(host).map(|name| (name, origin))
        };
        let (name, origin) = given
            .map(|name| (name, Origin::Given))
            .or_else(|| replica.map(|name| (name, Origin::Compose)))
            .or_else(from_host)
            .ok_or(Nameless)?;
        Ok(Self { name, origin, ephemeral: ephemeral || origin == Origin::ContainerId })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Given => "AGENT_NAME",
            Self::Compose => "the name of the compose replica",
            Self::Host => "the host name",
            Self::ContainerId => "the container's id",
        })
    }
}

/// Docker calls a container without a name of its own by the first 12 digits of its id; others by all 64.
fn is_container_id(host: &str) -> bool {
    matches!(host.len(), 12 | 64) && host.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_is_known_counts() {
        let name = |text: &str| AgentName::new(text).ok();
        let long_id = "0123456789abcdef".repeat(4);
        for (given, replica, host, expected) in [
            (name("web"), name("agent-3"), Some("host"), Ok(("web", Origin::Given))),
            (None, name("agent-3"), Some("host"), Ok(("agent-3", Origin::Compose))),
            (None, None, Some("host.example"), Ok(("host.example", Origin::Host))),
            (None, None, Some("Anna's Mac"), Ok(("Anna-s-Mac", Origin::Host))),
            (None, None, Some("4f2ab81c90de"), Ok(("4f2ab81c90de", Origin::ContainerId))),
            (None, None, Some(&*long_id), Ok((&*long_id, Origin::ContainerId))),
            (None, None, Some("4f2ab81c90d"), Ok(("4f2ab81c90d", Origin::Host))),
            (None, None, Some("4F2AB81C90DE"), Ok(("4F2AB81C90DE", Origin::Host))),
            // What the user says is meant.
            (name("4f2ab81c90de"), None, None, Ok(("4f2ab81c90de", Origin::Given))),
            (None, None, Some(""), Err(Nameless)),
            (None, None, None, Err(Nameless)),
        ] {
            for wish in [false, true] {
                let got = Identity::decide(given.clone(), replica.clone(), host, wish);
                let expected = expected.map(|(text, origin)| Identity {
                    name: AgentName::new(text).unwrap(),
                    origin,
                    ephemeral: wish || origin == Origin::ContainerId,
                });
                assert_eq!(got, expected, "{given:?} {replica:?} {host:?}");
            }
        }
    }
}
