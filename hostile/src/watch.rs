//! What happens to the exporter's memory meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use cpumon_load::process::Process;

/// How often it is looked at.
const EVERY: Duration = Duration::from_millis(50);

/// Follows a process's resident memory.
#[derive(Debug)]
pub struct Watch {
    stop: Arc<AtomicBool>,
    most: Arc<AtomicU64>,
    thread: JoinHandle<()>,
}

impl Watch {
    /// Follows the process `pid` from now on.
    pub fn start(pid: u32) -> Self {
        let (stop, most) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let thread = {
            let (stop, most) = (Arc::clone(&stop), Arc::clone(&most));
            thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    // It may have ended.
                    most.fetch_max(Process::new(pid).resident().unwrap_or(0), Ordering::Relaxed);
                    thread::sleep(EVERY);
                }
            })
        };
        Self { stop, most, thread }
    }

    /// The most that it had since, in bytes.
    pub fn finish(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.join();
        self.most.load(Ordering::Relaxed)
    }
}
