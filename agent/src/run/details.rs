//! What goes with a sample only where it was asked for: totals of cores, the busiest commands.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use cpumon_protocol::model::{Cores, Machine, Sample, WallTime};

use crate::link::Link;
use crate::recorder::Recorder;
use crate::sampling::machine;
use crate::sampling::processes::TopProcesses;

/// What was asked for, by the user or by who looks.
#[derive(Debug)]
pub(super) struct Details {
    /// Whether the user wants totals of each core on `/metrics`.
    pub(super) per_core: bool,
    /// The busiest commands, if the user wants them.
    pub(super) top: Option<TopProcesses>,
    /// Where the kernel says what the machine is.
    pub(super) procfs: PathBuf,
    /// What the machine is: begun to be read when it is first wanted.
    pub(super) machine: Option<Arc<OnceLock<Box<Machine>>>>,
}

impl Details {
    /// Adds what belongs to the sample of this tick. Costs nothing where nothing was asked for.
    pub(super) fn add(
        &mut self,
        sample: &mut Sample,
        recorder: &mut Recorder,
        link: &mut Link,
        (wall, boot_time): (WallTime, Option<WallTime>),
    ) {
        if let Some(top) = &self.top {
            sample.top_processes = top.latest();
        }
        if !self.per_core && !link.wants_cores() {
            recorder.forget_cores();
            link.set_cores(None);
            return;
        }
        if !link.has_machine()
            && let Some(machine) = self.machine()
        {
            link.set_machine(machine);
        }
        link.set_cores(Some(Cores {
            asked: !self.per_core,
            wall: Some(wall),
            boot_time,
            times: recorder.cores().to_vec(),
            machine: None,
        }));
    }

    /// What the machine is, as soon as that is read.
    fn machine(&mut self) -> Option<Box<Machine>> {
        let known = self.machine.get_or_insert_with(|| {
            let known = Arc::new(OnceLock::new());
            let (to, procfs) = (Arc::clone(&known), self.procfs.clone());
            tokio::task::spawn_blocking(move || drop(to.set(Box::new(machine::read(&procfs)))));
            known
        });
        known.get().cloned()
    }
}
