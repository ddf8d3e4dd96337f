//! An exporter's end that answers as an exporter does, and writes down what it heard.

use cpumon_protocol::limits::REPLY_MAX;
use cpumon_protocol::model::{Cores, Hello, Micros, Ratio, Sample};
use cpumon_protocol::reject::{RejectReason, Rejection};
use cpumon_protocol::session::agent::{AgentSession, Answer};
use cpumon_protocol::session::exporter::{ExporterSession, FrameLimits, Received, acknowledge, echo, refuse};

/// The silence that every welcome here names.
pub(crate) const STALE: Micros = Micros::from_secs(5);

/// What a client said, as a value of its own.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Said {
    Hello(Box<Hello>),
    Sample { seq: u64, sample: Sample },
    Cores { seq: u64, cores: Box<Cores> },
    Bye { seq: Option<u64>, sample: Option<Sample> },
    Original { utilization: Ratio, object: String },
    Unknown(RejectReason),
}

impl From<Received<'_>> for Said {
    fn from(received: Received<'_>) -> Self {
        match received {
            Received::Hello(hello) => Self::Hello(hello),
            Received::Sample { seq, sample } => Self::Sample { seq, sample },
            Received::Cores { seq, cores } => Self::Cores { seq, cores },
            Received::Bye { seq, sample } => Self::Bye { seq, sample },
            Received::Original { utilization, object } => {
                Self::Original { utilization, object: object.to_owned() }
            }
            Received::Unknown(rejection) => Self::Unknown(rejection.reason),
        }
    }
}

/// What became of a stream.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Outcome {
    /// All that was understood, in its order.
    pub(crate) said: Vec<Said>,
    /// All refusals that end a connection, that of the stream's end included. More than one is a fault.
    pub(crate) errors: Vec<Rejection>,
    /// All answers.
    pub(crate) answers: Vec<u8>,
    /// The most memory that a begun frame held.
    pub(crate) held_max: usize,
}

impl Outcome {
    /// The reasons of [`Outcome::errors`].
    pub(crate) fn reasons(&self) -> Vec<RejectReason> {
        self.errors.iter().map(|rejection| rejection.reason).collect()
    }
}

/// Feeds `chunks` to a fresh session, answers each frame at once, and goes on after an error, so that
/// whatever the session still says then is seen. The stream ends with the last chunk.
pub(crate) fn hear<'a>(limits: FrameLimits, chunks: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let mut session = ExporterSession::new(limits);
    let mut outcome = Outcome::default();
    for chunk in chunks {
        let mut input = chunk;
        loop {
            match session.receive(&mut input).map(|received| received.map(Said::from)) {
                Ok(None) => break,
                Ok(Some(said)) => {
                    answer(&mut session, &said, &mut outcome.answers);
                    outcome.said.push(said);
                }
                Err(rejection) => {
                    session.complain(&rejection, &mut outcome.answers);
                    outcome.errors.push(rejection);
                    // A session that takes nothing more off its input must not hold the test for ever.
                    if outcome.errors.len() > 3 {
                        return outcome;
                    }
                }
            }
        }
        assert!(input.is_empty(), "bytes were left over: {input:?}");
        outcome.held_max = outcome.held_max.max(session.held_bytes());
    }
    outcome.errors.extend(session.end().err());
    outcome
}

fn answer(session: &mut ExporterSession, said: &Said, out: &mut Vec<u8>) {
    match said {
        Said::Hello(_) => session.welcome(STALE, out),
        Said::Sample { seq, .. } | Said::Bye { seq: Some(seq), .. } => acknowledge(*seq, false, out),
        Said::Cores { .. } | Said::Bye { seq: None, .. } => {}
        Said::Original { object, .. } => echo(object, out),
        Said::Unknown(reason) => refuse(&Rejection::new(*reason, "unknown"), None, out),
    }
}

/// [`hear`] in one chunk and in chunks of one byte, which must come to the same.
pub(crate) fn hear_whole_and_in_bytes(limits: FrameLimits, stream: &[u8]) -> Outcome {
    let whole = hear(limits, [stream]);
    let bytes = hear(limits, stream.chunks(1));
    assert_eq!(whole.said, bytes.said, "{}", String::from_utf8_lossy(stream));
    assert_eq!(whole.errors, bytes.errors, "{}", String::from_utf8_lossy(stream));
    assert_eq!(whole.answers, bytes.answers, "{}", String::from_utf8_lossy(stream));
    whole
}

/// An agent's session that was welcomed, and its hello.
pub(crate) fn welcomed(hello: &Hello) -> (AgentSession, Vec<u8>) {
    let mut bytes = Vec::new();
    let mut session = AgentSession::start(hello, &mut bytes);
    let mut welcome = Vec::new();
    ExporterSession::new(FrameLimits::default()).welcome(STALE, &mut welcome);
    assert_eq!(session.receive(&mut &*welcome), Ok(Some(Answer::Welcome { stale: STALE })));
    (session, bytes)
}

/// What all chunks of answers say to a session, and why they end, if they do.
pub(crate) fn listen(session: &mut AgentSession, chunks: &[&[u8]]) -> (Vec<Answer>, Option<RejectReason>) {
    let mut answers = Vec::new();
    for chunk in chunks {
        let mut input = *chunk;
        loop {
            match session.receive(&mut input) {
                Ok(Some(answer)) => answers.push(answer),
                Ok(None) => break,
                Err(rejection) => return (answers, Some(rejection.reason)),
            }
        }
        assert_eq!(input, b"", "what is left is asked for more");
        assert!(session.held_bytes() <= 2 * REPLY_MAX, "{} bytes are held", session.held_bytes());
    }
    (answers, None)
}
