//! What the HTTP side shows, as a trait: the only thing that it knows of the exporter.

use bytes::Bytes;

/// The content behind the endpoints.
///
/// The two `render_` methods run on a blocking thread, at most one call of each at a time, and append
/// the document in any number of segments: they are sent in order, none is copied or joined.
/// Headers, compression and sharing are not their business.
pub trait Site: Send + Sync + 'static {
    /// Appends everything for `/metrics`, in the text format 0.0.4.
    fn render_metrics(&self, segments: &mut Vec<Bytes>);

    /// Appends the JSON for `/api/agents`.
    fn render_agents(&self, segments: &mut Vec<Bytes>);

    /// Whether this process can do its work; called on an async thread, so it must not wait.
    ///
    /// # Errors
    ///
    /// The reason why not, in one line for a human.
    fn ready(&self) -> Result<(), String>;
}
