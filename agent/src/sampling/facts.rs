//! What is known of the machine: read once, at the start.

use cpumon_protocol::limits::TEXT_MAX;
use cpumon_protocol::model::{Boot, HostFacts};
use sysinfo::{CpuRefreshKind, RefreshKind, System};

/// The longest identifier of a boot, in bytes: twice what Linux has.
const BOOT_MAX: usize = 72;

/// The facts of this machine, with the agent's own version. What the system does not tell is `None`.
pub fn read(version: &str) -> HostFacts {
    HostFacts {
        hostname: System::host_name().ok().and_then(|text| tidy(&text)),
        version: tidy(version),
        os: System::long_os_version().ok().and_then(|text| tidy(&text)),
        kernel: System::kernel_version().ok().and_then(|text| tidy(&text)),
        arch: tidy(&System::cpu_arch()),
        cpu_model: cpu_model(),
    }
}

/// Which boot of the machine this is: on Linux the kernel's random identifier, elsewhere the second it started.
pub fn boot() -> Option<Boot> {
    let identifier = match std::fs::read_to_string("/proc/sys/kernel/random/boot_id") {
        Ok(text) => text,
        Err(_) => System::boot_time().ok()?.to_string(),
    };
    let identifier = identifier.trim();
    let is_plain = identifier.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    ((1..=BOOT_MAX).contains(&identifier.len()) && is_plain).then(|| identifier.into())
}

fn cpu_model() -> Option<Box<str>> {
    let names = RefreshKind::nothing().with_cpu(CpuRefreshKind::nothing());
    let system = System::new_with_specifics(names).ok()?;
    tidy(system.cpus().first()?.brand())
}

/// `text` on one line, without blanks around it, cut to what the protocol takes; none when nothing is left.
fn tidy(text: &str) -> Option<Box<str>> {
    let clean: String = text.chars().filter(|c| !c.is_control()).collect();
    let clean = clean.trim();
    let cut = clean.get(..clean.floor_char_boundary(TEXT_MAX)).unwrap_or_default().trim_end();
    (!cut.is_empty()).then(|| cut.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tidies_texts() {
        let long = "é".repeat(TEXT_MAX);
        for (text, expected) in [
            ("Debian GNU/Linux 13", Some("Debian GNU/Linux 13")),
            (" Intel(R)\tXeon(R)\n", Some("Intel(R)Xeon(R)")),
            ("a\u{1b}[31mb\u{85}", Some("a[31mb")),
            ("\0\n ", None),
            ("", None),
            (&format!("x{long}"), Some(&*format!("x{}", "é".repeat(63)))),
        ] {
            assert_eq!(tidy(text).as_deref(), expected, "{text:?}");
        }
    }

    #[test]
    fn this_machine_has_facts() {
        let facts = read("1.2.3");
        assert_eq!(facts.version.as_deref(), Some("1.2.3"));
        assert!(facts.arch.is_some() && facts.kernel.is_some() && facts.hostname.is_some(), "{facts:?}");
        assert_eq!(boot(), boot());
        assert!(boot().is_some());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn linux_facts_are_the_kernels() {
        let from = |path| std::fs::read_to_string(path).map(|text| text.trim().to_owned()).ok();
        let facts = read("1.2.3");
        assert_eq!(facts.hostname.as_deref(), from("/proc/sys/kernel/hostname").as_deref());
        assert_eq!(facts.kernel.as_deref(), from("/proc/sys/kernel/osrelease").as_deref());
        assert_eq!(boot().as_deref(), from("/proc/sys/kernel/random/boot_id").as_deref());
    }
}
