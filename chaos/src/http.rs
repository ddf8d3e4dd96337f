//! Questions by HTTP.

use std::net::SocketAddr;
use std::time::Duration;

/// How long an answer may take. A frozen exporter gives none.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks, over a new connection each time: the other end may have been replaced.
#[derive(Clone, Debug)]
pub struct Client(ureq::Agent);

impl Default for Client {
    fn default() -> Self {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .max_idle_connections(0)
            .proxy(None)
            .build();
        Self(config.into())
    }
}

impl Client {
    /// What is at `path`, with these parameters.
    ///
    /// # Errors
    ///
    /// When there is no answer in time, or another one than success.
    pub fn get(
        &self,
        server: SocketAddr,
        path: &str,
        parameters: &[(&str, &str)],
    ) -> Result<String, ureq::Error> {
        let request = self.0.get(format!("http://{server}{path}"));
        let request = parameters.iter().fold(request, |request, (name, value)| request.query(name, value));
        request.call()?.body_mut().with_config().limit(64 * 1024 * 1024).read_to_string()
    }
}
