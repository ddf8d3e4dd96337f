//! What the exporter's process uses, under the names that every client library of Prometheus gives it.
//!
//! The `prometheus` crate's own collector counts CPU time in whole seconds: of an exporter that needs a hundredth of a core
//! that is nothing for a minute and a half, and then all at once. And it takes six times as long, as it reads files of `/proc` for what
//! a system call tells, while a page waits for it.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus::{Counter, Gauge, IntGauge, Registry};
use rustix::fs::stat;
use rustix::param::page_size;
use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};

use super::own::registered;

/// Metrics of this process.
#[derive(Debug)]
pub(super) struct ProcessMetrics {
    cpu: Counter,
    open_fds: IntGauge,
    max_fds: IntGauge,
    virtual_memory: IntGauge,
    resident_memory: IntGauge,
    threads: IntGauge,
}

impl ProcessMetrics {
    /// Metrics in `registry`; the process is taken to have started now.
    pub(super) fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let gauge = |name: &str, help: &str| registered(registry, IntGauge::new(name, help)?);
        let start =
            Gauge::new("process_start_time_seconds", "When the process started, in seconds since 1970.")?;
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        registered(registry, start)?.set(since_1970.as_millis() as f64 / 1e3);
        Ok(Self {
            cpu: registered(
                registry,
                Counter::new("process_cpu_seconds_total", "CPU time of the process, user and system.")?,
            )?,
            open_fds: gauge("process_open_fds", "Open file descriptors.")?,
            max_fds: gauge("process_max_fds", "How many file descriptors may be open.")?,
            virtual_memory: gauge("process_virtual_memory_bytes", "Size of the address space.")?,
            resident_memory: gauge("process_resident_memory_bytes", "Memory that is resident.")?,
            threads: gauge("process_threads", "Threads of the process.")?,
        })
    }

    /// Looks at the process. What cannot be seen stays as it was.
    pub(super) fn observe(&self) {
        let cpu = clock_gettime(ClockId::ProcessCPUTime);
        let cpu = cpu.tv_sec as f64 + cpu.tv_nsec as f64 / 1e9;
        self.cpu.inc_by((cpu - self.cpu.get()).max(0.0));
        // No limit is shown as the highest number that there is.
        self.max_fds.set(gauge(getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)));
        if let Some(open) = open_fds() {
            self.open_fds.set(gauge(open));
        }
        if let Some([virtual_memory, resident_memory]) = memory() {
            self.virtual_memory.set(gauge(virtual_memory));
            self.resident_memory.set(gauge(resident_memory));
        }
        if let Ok(tasks) = stat("/proc/self/task") {
            // A directory's links: its name, its dot, and each directory in it.
            self.threads.set(gauge(tasks.st_nlink.saturating_sub(2)));
        }
    }
}

/// How many descriptors are open: Linux 6.2 and later tell it as the size of the directory (`proc_pid_fd(5)`), without
/// listing tens of thousands.
fn open_fds() -> Option<u64> {
    let directory = "/proc/self/fd";
    match stat(directory).ok()?.st_size {
        // The one that lists them is among them.
        0 => Some((fs::read_dir(directory).ok()?.count() as u64).saturating_sub(1)),
        open => u64::try_from(open).ok(),
    }
}

/// Virtual and resident memory in bytes: the first two fields of `proc_pid_statm(5)`, in pages.
fn memory() -> Option<[u64; 2]> {
    let statm = fs::read_to_string("/proc/self/statm").ok()?;
    let mut bytes = statm.split(' ').map(|pages| Some(pages.parse::<u64>().ok()? * page_size() as u64));
    Some([bytes.next()??, bytes.next()??])
}

fn gauge(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;

    use super::*;

    #[test]
    fn what_the_process_uses_is_seen() {
        let process = ProcessMetrics::new(&Registry::new()).unwrap();
        process.observe();
        let (cpu, open_fds, resident) =
            (process.cpu.get(), process.open_fds.get(), process.resident_memory.get());
        let files: Vec<_> = (0..50).map(|_| fs::File::open("/dev/null").unwrap()).collect();
        let memory = black_box(vec![1_u8; 64 << 20]);
        let (told, end) = std::sync::mpsc::channel::<()>();
        let waiting = std::thread::spawn(move || end.recv());
        process.observe();
        // Other tests of this process open and close files meanwhile, and end.
        assert!(process.open_fds.get() > open_fds + 25, "{open_fds} to {}", process.open_fds.get());
        assert!(process.resident_memory.get() > resident + (32 << 20));
        assert!(process.virtual_memory.get() >= process.resident_memory.get());
        assert!(process.threads.get() >= 2);
        // Memory was written, so time has passed; a whole second has not.
        assert!((cpu..cpu + 60.0).contains(&process.cpu.get()) && process.cpu.get() > cpu);
        drop((files, memory, told));
        assert!(waiting.join().unwrap().is_err());
    }

    #[test]
    fn descriptors_and_threads_are_as_many_as_are_listed() {
        let listed = |directory: &str| fs::read_dir(directory).unwrap().count();
        let process = ProcessMetrics::new(&Registry::new()).unwrap();
        // Others come and go meanwhile: at some moment nothing does.
        for _ in 0..10_000 {
            let before = (listed("/proc/self/fd") - 1, listed("/proc/self/task"));
            process.observe();
            if before == (process.open_fds.get() as usize, process.threads.get() as usize) {
                return;
            }
        }
        panic!("{process:?}");
    }
}
