//! Processes by the library sysinfo, for systems whose own list this program does not read.

use std::io;

use cpumon_protocol::model::Micros;
use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, RefreshKind, System};

use super::List;
use super::ranking::{Process, Ranking};

/// The library's list.
#[derive(Default)]
#[cfg_attr(target_os = "linux", allow(dead_code, reason = "there it is only tested"))]
pub(super) struct SysinfoList {
    system: Option<System>,
}

impl List for SysinfoList {
    fn list(&mut self, ranking: &mut Ranking) -> io::Result<()> {
        let what = ProcessRefreshKind::nothing().with_cpu().without_tasks();
        let system = match &mut self.system {
            Some(system) => {
                system.refresh_processes_specifics(ProcessesToUpdate::All, true, what);
                system
            }
            empty => {
                let system = System::new_with_specifics(RefreshKind::nothing().with_processes(what));
                empty.insert(system.map_err(|error| io::Error::other(error.to_string()))?)
            }
        };
        if system.processes().is_empty() {
            return Err(io::Error::other("this system lists no processes"));
        }
        for (pid, process) in system.processes() {
            let has_room = ranking.add(Process {
                pid: pid.as_u32(),
                begun: process.start_time(),
                comm: process.name().as_encoded_bytes(),
                is_kernel: false,
                used: Micros::from_millis(process.accumulated_cpu_time()),
            });
            if !has_room {
                break;
            }
        }
        Ok(())
    }
}
