//! A scraper that comes again and again, each time over a fresh connection: what strangers hold must not keep it out.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::page::Http;

/// What became of its scrapes.
#[derive(Clone, Debug, Default)]
pub struct Scrapes {
    /// How many were answered.
    pub answered: u64,
    /// How many were not.
    pub failed: u64,
    /// The longest that an answered one took.
    pub longest: Duration,
    /// Why the first of those failed that did.
    pub why: Option<String>,
}

/// A scraper at work.
#[derive(Debug)]
pub struct Scraper {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Scrapes>,
}

impl Scraper {
    /// Scrapes `http` each `every` from now on, and asks for its health in between.
    pub fn start(http: Http, every: Duration) -> Self {
        let stop = Arc::<AtomicBool>::default();
        let thread = {
            let stop = Arc::clone(&stop);
            thread::spawn(move || scrape(&http, every, &stop))
        };
        Self { stop, thread }
    }

    /// Ends it.
    pub fn finish(self) -> Scrapes {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or_default()
    }
}

fn scrape(http: &Http, every: Duration, stop: &AtomicBool) -> Scrapes {
    let mut scrapes = Scrapes::default();
    while !stop.load(Ordering::Relaxed) {
        for path in ["/metrics", "/-/healthy"] {
            let begun = Instant::now();
            match http.get(path) {
                Ok(_) => {
                    scrapes.answered += 1;
                    scrapes.longest = scrapes.longest.max(begun.elapsed());
                }
                // The exporter may have been made to stop meanwhile.
                Err(_) if stop.load(Ordering::Relaxed) => {}
                Err(error) => {
                    scrapes.failed += 1;
                    scrapes.why.get_or_insert_with(|| format!("{path}: {error:#}"));
                }
            }
        }
        thread::sleep(every);
    }
    scrapes
}
