//! Real agents: the agent's own code, in a thread of this process.

use std::thread::{self, JoinHandle};

use cpumon_agent::config::Config;
use cpumon_daemon::stop::Stop;
use cpumon_daemon::variables::{Environment, load};

use crate::support::Exporter;

/// An agent that watches this machine; it says bye when this value ends.
pub(crate) struct RealAgent {
    stop: Stop,
    thread: Option<JoinHandle<()>>,
}

impl RealAgent {
    /// An agent of this name, with more variables, or others.
    pub(crate) fn start(exporter: &Exporter, name: &str, more: &[(&str, &str)]) -> Self {
        let ingest = exporter.ingest.to_string();
        let health = format!("@cpumon-node-test-{}-{name}", std::process::id());
        let own = [("AGENT_EXPORTERS", &*ingest), ("AGENT_NAME", name), ("AGENT_HEALTH_SOCKET", &health)];
        // Of a variable that is given twice the first counts.
        let environment: Environment = more.iter().chain(&own).copied().collect();
        let config = load::<Config>(&environment).unwrap_or_else(|faults| panic!("{faults}")).config;
        let stop = Stop::default();
        let asked = stop.clone();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(cpumon_agent::run::run(config, asked)).unwrap();
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for RealAgent {
    fn drop(&mut self) {
        self.stop.request();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
