//! What happens on the link, for logs and the terminal.

use std::net::SocketAddr;

use cpumon_protocol::model::Micros;

/// A change of state, or an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The exporter said welcome; after a silence of `stale` this agent counts as gone.
    Welcome {
        /// The silence.
        stale: Micros,
    },
    /// The other end is the original's server: from now on it gets bare original objects.
    FellBack,
    /// A sample was answered.
    Acked {
        /// From its departure to its answer.
        rtt: Micros,
    },
    /// The exporter refused.
    Refused {
        /// Its word for the reason.
        code: Box<str>,
        /// Its words.
        message: Box<str>,
        /// The next attempt comes after this rest.
        rest: Micros,
    },
    /// An exporter that this agent prefers takes the samples from now on.
    Moved {
        /// Its address.
        to: SocketAddr,
        /// As in [`Event::Welcome`].
        stale: Micros,
    },
    /// The agent stays where it is: one that it prefers does not take it.
    Stayed {
        /// The address of the other.
        away_from: SocketAddr,
        /// What kept it away.
        why: Failure,
    },
    /// The connection, or the attempt to make one, failed.
    Lost {
        /// What failed.
        why: Failure,
        /// The next attempt comes after this rest.
        rest: Micros,
    },
}

/// Why a connection or an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The operating system's words, or those of the name's resolution.
    #[error("{0}")]
    Io(Box<str>),
    /// The other end closed.
    #[error("the exporter closed the connection")]
    Closed,
    /// No connection in time.
    #[error("no connection within {}ms", .0.as_millis())]
    ConnectTimeout(Micros),
    /// No answer to hello in time.
    #[error("no answer to hello within {}ms", .0.as_millis())]
    WelcomeTimeout(Micros),
    /// No answer to a sample in time.
    #[error("no answer to a sample within {}ms", .0.as_millis())]
    AckTimeout(Micros),
    /// It refuses this agent.
    #[error("the exporter refused ({code}): {message}")]
    Refused {
        /// Its word for the reason.
        code: Box<str>,
        /// Its words.
        message: Box<str>,
    },
    /// It is a server of the original, which knows less than an exporter.
    #[error("it is a server of the original")]
    Original,
    /// An answer that is no frame, or has no place here.
    #[error("the exporter's answer makes no sense: {0}")]
    Nonsense(Box<str>),
}
