//! The busiest commands: which programs the CPU time went to.
//!
//! A look at all processes costs some microseconds for each of them, so it is not part of a tick: it is taken every few
//! seconds, on a thread of its own, and rests for so long after a look that took long that all looks together cost at
//! most one part in `REST` of a core. What is sent in between is the last look's result.
//!
//! A process that begins and ends between two looks is in neither, so what short-lived processes use is missing.

#[cfg(target_os = "linux")]
mod proc;
mod ranking;
mod sysinfo_list;

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cpumon_daemon::clock::Clock;
use cpumon_protocol::model::{Micros, TopProcess};
use tracing::warn;

use ranking::Ranking;

/// The most processes that one look takes in, so that its memory is bounded, too.
const PROCESSES_MAX: usize = 32_768;

/// How much longer a rest is than the look before it, at least.
const REST: u32 = 200;

/// Something that lists processes.
pub trait List: Send {
    /// Tells `ranking` of every process, or of `PROCESSES_MAX` of them.
    ///
    /// # Errors
    ///
    /// When none can be listed.
    fn list(&mut self, ranking: &mut Ranking) -> io::Result<()>;
}

/// How the busiest commands are looked for.
#[derive(Clone, Copy, Debug)]
pub struct Looks {
    /// How many of them are told.
    pub most: usize,
    /// How often; also the time that a figure is of.
    pub every: Micros,
}

/// The busiest commands at the last look.
#[derive(Clone, Debug, Default)]
pub struct TopProcesses(Arc<Mutex<Vec<TopProcess>>>);

impl TopProcesses {
    /// Begins to look, for as long as the runtime lives.
    pub fn watch(list: Box<dyn List>, looks: Looks, clock: Clock) -> Self {
        let top = Self::default();
        tokio::spawn(top.clone().look_on(list, looks, clock));
        top
    }

    /// What the last look found; nothing before the second one, or when it failed.
    pub fn latest(&self) -> Vec<TopProcess> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn look_on(self, list: Box<dyn List>, looks: Looks, clock: Clock) {
        let mut watch = Watch { list, ranking: Ranking::default() };
        let mut failed = false;
        loop {
            let begun = clock.now().mono;
            let looked = tokio::task::spawn_blocking(move || {
                let found = watch.look(begun, looks.most);
                (watch, found)
            });
            let Ok((returned, found)) = looked.await else { return };
            watch = returned;
            if let Err(error) = &found
                && !std::mem::replace(&mut failed, true)
            {
                warn!("the busiest processes are not told (AGENT_TOP_PROCESSES): {error}");
            }
            failed &= found.is_err();
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = found.unwrap_or_default();
            let took = Duration::from(clock.now().mono.since(begun));
            tokio::time::sleep(rest(looks.every, took)).await;
        }
    }
}

/// How long to rest after a look that took so long.
fn rest(every: Micros, took: Duration) -> Duration {
    Duration::from(every).saturating_sub(took).max(took * REST)
}

/// A list, and what it said last.
struct Watch {
    list: Box<dyn List>,
    ranking: Ranking,
}

impl Watch {
    fn look(&mut self, now: cpumon_protocol::model::Moment, most: usize) -> io::Result<Vec<TopProcess>> {
        let listed = self.list.list(&mut self.ranking);
        let ranked = self.ranking.finish(now, most);
        listed.map(|()| ranked)
    }
}

/// This system's list of processes; on Linux that of the procfs at `procfs`.
#[cfg(target_os = "linux")]
pub fn list(procfs: &Path) -> Box<dyn List> {
    Box::new(proc::ProcList::new(procfs))
}

/// This system's list of processes.
#[cfg(not(target_os = "linux"))]
pub fn list(_: &Path) -> Box<dyn List> {
    Box::new(sysinfo_list::SysinfoList::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_cost_a_small_part_of_the_time() {
        let every = Micros::from_secs(10);
        for (took_ms, rest_ms) in [(0, 10_000), (1, 9_999), (49, 9_951), (50, 10_000), (1_000, 200_000)] {
            assert_eq!(rest(every, Duration::from_millis(took_ms)).as_millis(), rest_ms, "{took_ms}");
        }
    }

    /// This process is found by either list, and what it burns is its own.
    #[test]
    fn this_process_is_among_the_busiest() {
        let mut lists: Vec<Box<dyn List>> = vec![Box::new(sysinfo_list::SysinfoList::default())];
        #[cfg(target_os = "linux")]
        lists.push(list(Path::new("/proc")));
        let clock = Clock::start();
        for list in lists {
            let mut watch = Watch { list, ranking: Ranking::default() };
            assert_eq!(watch.look(clock.now().mono, 20).unwrap(), []);
            let begun = clock.now().mono;
            while clock.now().mono.since(begun) < Micros::from_millis(300) {}
            let top = watch.look(clock.now().mono, 20).unwrap();
            let name = std::env::args().next().unwrap();
            let name = Path::new(&name).file_name().unwrap().to_str().unwrap();
            let own = top.iter().find(|process| name.starts_with(&*process.comm));
            assert!(own.is_some_and(|own| own.cores.0 > 50_000), "{name} in {top:?}");
        }
    }
}
