//! What the machine is, in the terms of uname(2) and `/proc/cpuinfo`. Told to exporters that show it under
//! node_exporter's names.
//!
//! On a machine with many CPUs the kernel asks each of them before it shows that file, which takes milliseconds: it is read
//! once, when somebody wants to know, and not on the thread that samples.

use std::path::Path;

use cpumon_protocol::limits::{CORES_MAX, CPU_MODELS_MAX};
use cpumon_protocol::model::{CpuModel, LogicalCpu, Machine, Uname};

/// What this machine is; its CPUs by the procfs at `procfs`. What is not to be had is left out.
pub fn read(procfs: &Path) -> Machine {
    let cpuinfo = std::fs::read_to_string(procfs.join("cpuinfo")).unwrap_or_default();
    let (models, cpus) = parse(&cpuinfo);
    Machine { uname: uname(), models, cpus }
}

#[cfg(target_os = "linux")]
fn uname() -> Uname {
    let uname = rustix::system::uname();
    let text = |name: &std::ffi::CStr| Some(name.to_string_lossy().into());
    Uname {
        sysname: text(uname.sysname()),
        nodename: text(uname.nodename()),
        release: text(uname.release()),
        version: text(uname.version()),
        machine: text(uname.machine()),
        domainname: text(uname.domainname()),
    }
}

#[cfg(not(target_os = "linux"))]
fn uname() -> Uname {
    use sysinfo::System;

    let text = |name: Result<String, sysinfo::Error>| name.ok().map(Into::into);
    Uname {
        sysname: text(System::name()),
        nodename: text(System::host_name()),
        release: text(System::kernel_version()),
        machine: Some(System::cpu_arch().into()),
        ..Uname::default()
    }
}

/// The kinds of processors, and the CPUs, in a text of paragraphs of `key : value` lines, one for each CPU.
fn parse(cpuinfo: &str) -> (Vec<CpuModel>, Vec<LogicalCpu>) {
    let (mut models, mut cpus) = (Vec::new(), Vec::new());
    for paragraph in cpuinfo.split("\n\n").take(CORES_MAX) {
        let value = |key: &str| {
            let mut lines = paragraph.lines().filter_map(|line| line.split_once(':'));
            let (_, value) = lines.find(|(name, _)| name.trim_end() == key)?;
            Some(value.trim()).filter(|value| !value.is_empty())
        };
        let number = |key| value(key).and_then(|value| value.parse().ok());
        let text = |key| value(key).map(Box::from);
        let Some(cpu) = number("processor") else { continue };
        let kind = CpuModel {
            vendor: text("vendor_id"),
            family: text("cpu family"),
            model: text("model"),
            model_name: text("model name"),
            stepping: text("stepping"),
            microcode: text("microcode"),
            cache_size: text("cache size"),
        };
        let model = match models.iter().position(|known| *known == kind) {
            Some(place) => place,
            None if models.len() == CPU_MODELS_MAX => continue,
            None => {
                models.push(kind);
                models.len() - 1
            }
        };
        cpus.push(LogicalCpu {
            cpu,
            package: number("physical id"),
            core: number("core id"),
            model: model as u32,
        });
    }
    (models, cpus)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO_THREADS: &str = "\
processor\t: 0
vendor_id\t: AuthenticAMD
cpu family\t: 25
model\t\t: 17
model name\t: AMD EPYC 9354P 32-Core Processor
stepping\t: 1
microcode\t: 0xa101144
cpu MHz\t\t: 3249.996
cache size\t: 1024 KB
physical id\t: 0
siblings\t: 2
core id\t\t: 3
flags\t\t: fpu vme de
power management:

processor\t: 1
vendor_id\t: AuthenticAMD
cpu family\t: 25
model\t\t: 17
model name\t: AMD EPYC 9354P 32-Core Processor
stepping\t: 1
microcode\t: 0xa101144
cache size\t: 1024 KB
physical id\t: 0
core id\t\t: 3

";

    #[test]
    fn cpus_of_a_kind_share_its_facts() {
        let (models, cpus) = parse(TWO_THREADS);
        let text = |text: &str| Some(Box::from(text));
        assert_eq!(
            models,
            [CpuModel {
                vendor: text("AuthenticAMD"),
                family: text("25"),
                model: text("17"),
                model_name: text("AMD EPYC 9354P 32-Core Processor"),
                stepping: text("1"),
                microcode: text("0xa101144"),
                cache_size: text("1024 KB"),
            }]
        );
        let cpu = |cpu| LogicalCpu { cpu, package: Some(0), core: Some(3), model: 0 };
        assert_eq!(cpus, [cpu(0), cpu(1)]);
    }

    #[test]
    fn other_processors_say_less() {
        let arm = "processor\t: 0\nBogoMIPS\t: 50.00\nCPU part\t: 0xd0c\n\nprocessor\t: 1\nBogoMIPS\t: 50.00\n\nHardware\t: x\n";
        let cpu = |cpu| LogicalCpu { cpu, ..LogicalCpu::default() };
        assert_eq!(parse(arm), (vec![CpuModel::default()], vec![cpu(0), cpu(1)]));
        assert_eq!(parse(""), (vec![], vec![]));
    }

    #[test]
    fn a_machine_of_many_kinds_is_bounded() {
        let many: String =
            (0..2_000).map(|n| format!("processor : {n}\nstepping : {}\n\n", n % 20)).collect();
        let (models, cpus) = parse(&many);
        assert_eq!(models.len(), CPU_MODELS_MAX);
        assert!(cpus.len() <= CORES_MAX && cpus.iter().all(|cpu| (cpu.model as usize) < CPU_MODELS_MAX));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_machine_is_something() {
        let machine = read(Path::new("/proc"));
        let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
        assert_eq!(machine.uname.release.as_deref(), Some(release.trim()));
        assert_eq!(machine.uname.sysname.as_deref(), Some("Linux"));
        assert!(!machine.cpus.is_empty());
    }
}
