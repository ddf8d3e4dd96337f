//! A hundred honest agents, once a second each.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::thread::{self, JoinHandle};

use anyhow::{Context, anyhow, ensure};
use cpumon_load::client::Dialect;
use cpumon_load::crowd::{Crowd, CrowdSettings, Pace};
use cpumon_load::tally::{Counts, Latencies};
use cpumon_protocol::model::{Micros, Token};

/// How many there are.
pub const AGENTS: usize = 100;

/// What their names begin with.
pub const NAME: &str = "honest-";

/// The longest until all of them are there.
const START_MAX: Micros = Micros::from_secs(30);

/// How long they run before they look whether they shall stop.
const ROUND: Micros = Micros::from_millis(100);

/// How long the last answers may take.
const PATIENCE: Micros = Micros::from_secs(5);

/// What they have to tell.
#[derive(Clone, Debug)]
pub struct Told {
    /// What they did from the moment when all were there.
    pub counts: Counts,
    /// Samples answered since the beginning.
    pub acked: u64,
    /// How long answers took.
    pub latencies: Latencies,
    /// How many samples their machines have measured, those before the agents were there included.
    pub measured: u64,
}

/// They, at work.
#[derive(Debug)]
pub struct Honest {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<anyhow::Result<(Crowd, Told)>>,
}

impl Honest {
    /// Lets them come, each with this token, and waits until each was answered.
    ///
    /// # Errors
    ///
    /// When that never happens.
    pub fn start(exporter: SocketAddr, token: Option<Token>) -> anyhow::Result<Self> {
        let stop = Arc::<AtomicBool>::default();
        let (tell, ready) = channel();
        let thread = {
            let stop = Arc::clone(&stop);
            thread::spawn(move || {
                let mut crowd = Crowd::new(&CrowdSettings {
                    exporter,
                    agents: AGENTS,
                    dialect: Dialect::V1,
                    pace: Pace::Every(Micros::from_secs(1)),
                    name: NAME.to_owned(),
                    token,
                })?;
                crowd.run(START_MAX, |crowd| crowd.answered() == AGENTS)?;
                ensure!(
                    crowd.answered() == AGENTS,
                    "only {} of the honest agents were answered",
                    crowd.answered()
                );
                let before = crowd.counts();
                crowd.take_latencies();
                let _ = tell.send(());
                while !stop.load(Ordering::Relaxed) {
                    crowd.run(ROUND, |_| false)?;
                }
                crowd.settle(PATIENCE)?;
                let told = Told {
                    counts: crowd.counts() - before,
                    acked: crowd.counts().acked,
                    latencies: crowd.take_latencies(),
                    measured: crowd.measured(),
                };
                Ok((crowd, told))
            })
        };
        let honest = Self { stop, thread };
        match ready.recv() {
            Ok(()) => Ok(honest),
            Err(_) => Err(honest.finish().err().unwrap_or_else(|| anyhow!("the honest agents never came"))),
        }
    }

    /// Lets them measure nothing more and waits for their last answers. They stay connected as long as the crowd that
    /// is given back lives.
    ///
    /// # Errors
    ///
    /// When they could not go on.
    pub fn finish(self) -> anyhow::Result<(Crowd, Told)> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread
            .join()
            .map_err(|_| anyhow!("the honest agents' thread panicked"))?
            .context("the honest agents")
    }
}
