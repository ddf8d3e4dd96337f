//! A fleet of honest agents and a scraper, to stand beside whatever a test does to the exporter.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Agent, Exporter, Exposition, Page, sample};

/// How many agents there are.
const AGENTS: usize = 20;

/// How often each sends: half of what the exporter allows.
const EVERY: Duration = Duration::from_millis(100);

/// How often the scraper comes.
const SCRAPE_EVERY: Duration = Duration::from_millis(200);

/// After that time an agent gives up on an answer and its sample is lost.
const ACK_LIMIT: Duration = Duration::from_secs(3);

/// The fleet, as long as it is sending.
#[derive(Debug)]
pub(crate) struct HonestFleet {
    is_over: Arc<AtomicBool>,
    agents: Vec<JoinHandle<Agent>>,
    scraper: JoinHandle<usize>,
}

impl HonestFleet {
    /// Returns when every agent is there.
    pub(crate) fn start(exporter: &Exporter) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let agents: Vec<_> = (0..AGENTS).map(|index| Agent::join(exporter, &name(index))).collect();
        let spawn = |agent| {
            let is_over = Arc::clone(&is_over);
            thread::spawn(move || send_until(&is_over, agent))
        };
        let agents = agents.into_iter().map(spawn).collect();
        let (http, over) = (exporter.http, Arc::clone(&is_over));
        let scraper = thread::spawn(move || scrape_until(&over, http));
        Self { is_over, agents, scraper }
    }

    /// Ends the sending and holds the exporter to it: nothing was lost. Returns how many samples there were.
    pub(crate) fn finish(self, exporter: &Exporter) -> u64 {
        self.is_over.store(true, SeqCst);
        assert!(self.scraper.join().unwrap() > 0, "there was a scrape");
        let agents: Vec<_> = self.agents.into_iter().map(|agent| agent.join().unwrap()).collect();
        let metrics = exporter.metrics();
        assert_all_up(&metrics);
        for (index, agent) in agents.iter().enumerate() {
            for (series, value) in
                [("cpumon_utilization_sample_ratio_count", agent.seq), ("cpumon_agent_connections_total", 1)]
            {
                let selector = format!("{series}{{agent={:?}}}", name(index));
                assert_eq!(metrics.value(&selector), Some(value as f64), "{selector}");
            }
        }
        agents.iter().map(|agent| agent.seq).sum()
    }
}

fn name(index: usize) -> String {
    format!("honest-{index}")
}

/// Sends samples at a steady pace, each answered in time.
fn send_until(is_over: &AtomicBool, mut agent: Agent) -> Agent {
    agent.client.stream().set_read_timeout(Some(ACK_LIMIT)).unwrap();
    let mut due = Instant::now();
    loop {
        let next = agent.seq + 1;
        agent.send(with_totals(next));
        if is_over.load(SeqCst) {
            return agent;
        }
        due += EVERY;
        thread::sleep(due.saturating_duration_since(Instant::now()));
    }
}

/// The sample `seq` of an agent that has counted every second.
fn with_totals(seq: u64) -> Value {
    let mut frame = sample(seq);
    frame["histogram"] =
        json!({"buckets": [0, 0, seq, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], "sum_ppm": 125_000 * seq});
    frame
}

/// Scrapes at a steady pace: every page is well formed and shows every honest agent. Returns how many there were.
fn scrape_until(is_over: &AtomicBool, http: SocketAddr) -> usize {
    let mut scrapes = 0;
    while !is_over.load(SeqCst) {
        let page = Page::get(http, "/metrics", "");
        assert_all_up(&Exposition::parse(page.text()).unwrap());
        scrapes += 1;
        thread::sleep(SCRAPE_EVERY);
    }
    scrapes
}

fn assert_all_up(metrics: &Exposition) {
    let up = metrics.family("cpumon_agent_up").unwrap().series.iter();
    let up = up.filter(|series| series.labels["agent"].starts_with("honest-") && series.value == 1.0);
    assert_eq!(up.count(), AGENTS, "every honest agent is up");
}
