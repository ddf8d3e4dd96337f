//! What the HTTP side shows, as a trait: the only thing that it knows of the exporter.

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;

use super::Feed;

/// An agent's page, when it is ready.
pub type PageOf<'a> = Pin<Box<dyn Future<Output = AgentPage> + Send + 'a>>;

/// What there is of one agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AgentPage {
    /// Its page, in the text format 0.0.4.
    Shown(Vec<u8>),
    /// It is known, but gone.
    Gone,
    /// It is not known.
    Unknown,
}

/// A document that is made step by step. Each step takes less than a millisecond, or a few: other connections are served
/// in between.
pub trait Document: Send {
    /// Makes some more of it.
    fn next(&mut self) -> Step;
}

/// What a step has brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The next part. It is sent as it is, at once.
    Part(Bytes),
    /// Nothing yet.
    Nothing,
    /// The document's end.
    End,
}

/// The content behind the endpoints. Headers, compression and sharing are not its business.
pub trait Site: Send + Sync + 'static {
    /// Everything for `/metrics`, in the text format 0.0.4, as it is from now on. One document is made at a time.
    fn metrics(&self) -> Box<dyn Document>;

    /// The JSON for `/api/agents`.
    fn agents(&self) -> Box<dyn Document>;

    /// The agents as targets at `host`, as JSON for Prometheus's HTTP service discovery; nothing while it is not known
    /// who is there. Called on a blocking thread.
    fn targets(&self, host: &str) -> Option<Vec<u8>>;

    /// The page of one agent under node_exporter's names, after waiting for what is asked of the agent for no longer
    /// than `patience`.
    fn agent_page<'a>(&'a self, agent: &'a str, patience: Duration) -> PageOf<'a>;

    /// The JSON for `/api/agents/NAME`; none when nobody of that name is known. Called on an async thread, so it must
    /// not wait.
    fn agent(&self, name: &str) -> Option<Vec<u8>>;

    /// What `/events` tells, from now on. Called on a blocking thread, when the first comes to listen.
    fn feed(&self) -> Box<dyn Feed>;

    /// Whether this process can do its work; called on an async thread, so it must not wait.
    ///
    /// # Errors
    ///
    /// The reason why not, in one line for a human.
    fn ready(&self) -> Result<(), String>;
}
