//! The names of the files, and those that are left over.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use cpumon_protocol::model::AgentName;

/// What the names of all files end with.
const SUFFIX: &str = ".json";

/// A file of another boot is kept as long as this after its last write: a directory may be shared with
/// another machine, and a living agent writes each second.
const OLD: Duration = Duration::from_secs(24 * 60 * 60);

/// The file of an agent for a boot. Neither text has a character that leads out of the directory.
pub(super) fn file_of(directory: &Path, name: &AgentName, boot: &str) -> PathBuf {
    directory.join(format!("{name}.{boot}{SUFFIX}"))
}

/// Renames the file at `path` out of the way; gives its new name.
pub(super) fn put_aside(path: &Path) -> io::Result<PathBuf> {
    let aside = path.with_extension("unusable");
    fs::rename(path, &aside)?;
    Ok(aside)
}

/// Removes the files that other boots left for this name. What cannot be removed does no harm.
pub(super) fn remove_old(directory: &Path, name: &AgentName, boot: &str, now: SystemTime) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        let file_name = entry.file_name();
        let is_other = file_name.to_str().is_some_and(|file| is_of_other_boot(file, name, boot));
        let written = entry.metadata().and_then(|metadata| metadata.modified());
        let is_old = written.is_ok_and(|written| now.duration_since(written).is_ok_and(|age| age > OLD));
        if is_other && is_old {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn is_of_other_boot(file: &str, name: &AgentName, boot: &str) -> bool {
    let rest = file.strip_prefix(name.as_str()).and_then(|rest| rest.strip_prefix('.'));
    let other = rest.and_then(|rest| rest.strip_suffix(SUFFIX));
    // No boot has a dot in it, the names of other agents may.
    other.is_some_and(|other| other != boot && !other.contains('.'))
}
