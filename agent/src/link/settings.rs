//! Times of a link.

use cpumon_protocol::model::Micros;

use super::BackoffSettings;

/// How long a link waits, rests and stays.
#[derive(Clone, Copy, Debug)]
pub struct LinkSettings {
    /// The longest wait for a connection, and then for the answer to hello.
    pub connect_timeout: Micros,
    /// The longest wait for the answer to a sample.
    pub ack_timeout: Micros,
    /// The rests between attempts.
    pub backoff: BackoffSettings,
    /// The longest time between two looks for a better exporter; the shortest is half of it.
    pub look_interval: Micros,
}

impl Default for LinkSettings {
    fn default() -> Self {
        Self {
            connect_timeout: Micros::from_secs(3),
            ack_timeout: Micros::from_secs(3),
            backoff: BackoffSettings::default(),
            look_interval: Micros::from_secs(5 * 60),
        }
    }
}
