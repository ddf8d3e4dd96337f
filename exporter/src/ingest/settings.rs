//! Limits of ingest.

use cpumon_protocol::model::Micros;
use cpumon_protocol::session::exporter::FrameLimits;

use super::access::Access;

/// Limits of ingest, each with a variable and a counter that moves when it bites.
#[derive(Clone, Debug)]
pub struct IngestSettings {
    /// The largest frames, in bytes.
    pub frame_limits: FrameLimits,
    /// The most frames a second that are read from one connection; a burst of as many comes on top.
    pub frame_rate: u32,
    /// The longest time from connecting to the first whole object.
    pub hello_timeout: Micros,
    /// The longest time from the first byte of an object to its last.
    pub frame_timeout: Micros,
    /// The longest silence of a v1 agent, unless it has promised less than one sample in that time.
    pub idle_timeout: Micros,
    /// The longest silence of a client of the original.
    pub original_idle_timeout: Micros,
    /// The longest time that answers may lie unread.
    pub write_timeout: Micros,
    /// The most connections.
    pub max_connections: usize,
    /// The most connections from one address; none when off.
    pub max_connections_per_address: Option<usize>,
    /// The most connections that have said nothing whole yet; one more ends the oldest of them.
    pub max_ungreeted: usize,
    /// The most TLS handshakes at once; one more waits for its turn.
    pub max_tls_handshakes: usize,
    /// What is asked of those who connect.
    pub access: Access,
}

impl Default for IngestSettings {
    fn default() -> Self {
        Self {
            frame_limits: FrameLimits::default(),
            frame_rate: 20,
            hello_timeout: Micros::from_secs(5),
            frame_timeout: Micros::from_secs(5),
            idle_timeout: Micros::from_secs(15),
            original_idle_timeout: Micros::from_secs(60),
            write_timeout: Micros::from_secs(5),
            max_connections: 12_000,
            max_connections_per_address: None,
            max_ungreeted: 512,
            max_tls_handshakes: 128,
            access: Access::default(),
        }
    }
}
