//! The file, on a real disk.

use std::time::Duration;

use cpumon_protocol::model::Ratio;
use tempfile::TempDir;

use super::*;

fn name(text: &str) -> AgentName {
    AgentName::new(text).unwrap()
}

fn kept(samples: u64, missed: u64) -> Kept {
    let mut kept = Kept { missed, ..Kept::default() };
    (0..samples).for_each(|_| kept.histogram.observe(Ratio::ONE));
    kept
}

fn open(directory: &TempDir, boot: &str) -> Result<Restored, StateError> {
    StateFile::open(directory.path(), &name("web-1"), boot, SystemTime::now())
}

fn files(directory: &TempDir) -> Vec<String> {
    let entries = fs::read_dir(directory.path()).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn goes_on_where_it_was_however_it_ended() {
    let directory = TempDir::new().unwrap();
    let mut first = open(&directory, "boot-1").unwrap();
    assert_eq!(first.kept, Kept::default());
    for samples in 1..=3 {
        first.file.save(kept(samples, 7)).unwrap();
    }
    // No farewell: this is what a killed process leaves.
    drop(first);
    let mut second = open(&directory, "boot-1").unwrap();
    assert_eq!(second.kept, kept(3, 7));
    second.file.save(kept(4, 7)).unwrap();
    drop(second);
    assert_eq!(open(&directory, "boot-1").unwrap().kept, kept(4, 7));
    assert_eq!(files(&directory), ["web-1.boot-1.json"]);
    assert_eq!(fs::metadata(directory.path().join("web-1.boot-1.json")).unwrap().len(), record::SIZE as u64);
}

#[test]
fn another_boot_and_another_name_start_anew() {
    let directory = TempDir::new().unwrap();
    open(&directory, "boot-1").unwrap().file.save(kept(3, 0)).unwrap();
    assert_eq!(open(&directory, "boot-2").unwrap().kept, Kept::default());
    let other = StateFile::open(directory.path(), &name("web-2"), "boot-1", SystemTime::now()).unwrap();
    assert_eq!(other.kept, Kept::default());
}

#[test]
fn old_files_of_other_boots_go_and_no_others() {
    let directory = TempDir::new().unwrap();
    let others = ["web-1.boot-1.json", "web-1.db.boot-1.json", "web-10.boot-1.json", "web-1.txt", "notes"];
    for file in others {
        fs::write(directory.path().join(file), "x").unwrap();
    }
    drop(open(&directory, "boot-2").unwrap());
    assert_eq!(files(&directory).len(), others.len() + 1, "none is a day old");
    let later = SystemTime::now() + Duration::from_secs(25 * 60 * 60);
    drop(StateFile::open(directory.path(), &name("web-1"), "boot-2", later).unwrap());
    let left = ["notes", "web-1.boot-2.json", "web-1.db.boot-1.json", "web-1.txt", "web-10.boot-1.json"];
    assert_eq!(files(&directory), left);
}

#[test]
fn an_unusable_file_is_put_aside() {
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("web-1.boot-1.json"), "half a rec").unwrap();
    let restored = open(&directory, "boot-1").unwrap();
    assert_eq!(restored.kept, Kept::default());
    let (aside, why) = restored.put_aside.unwrap();
    assert_eq!(why.to_string(), "it is not a record of this program");
    assert_eq!(fs::read_to_string(aside).unwrap(), "half a rec");
    assert_eq!(files(&directory), ["web-1.boot-1.json", "web-1.boot-1.unusable"]);
}

#[test]
fn two_agents_do_not_share_a_file() {
    let directory = TempDir::new().unwrap();
    let first = open(&directory, "boot-1").unwrap();
    let error = open(&directory, "boot-1").unwrap_err().to_string();
    let path = first.file.path().display();
    let expected =
        format!("{path} is in use by another agent of the same name; give each its own AGENT_NAME");
    assert_eq!(error, expected);
    drop(first);
    open(&directory, "boot-1").unwrap();
}

#[test]
fn a_directory_that_is_not_there_is_named() {
    let directory = TempDir::new().unwrap();
    let missing = directory.path().join("missing");
    let error = StateFile::open(&missing, &name("a"), "b", SystemTime::now()).unwrap_err().to_string();
    let path = missing.join("a.b.json");
    assert_eq!(error, format!("cannot use {}: No such file or directory (os error 2)", path.display()));
}

#[cfg(target_os = "linux")]
#[test]
fn after_a_failed_write_nothing_is_taken_from_the_file() {
    let directory = TempDir::new().unwrap();
    let mut restored = open(&directory, "boot-1").unwrap();
    restored.file.save(kept(3, 0)).unwrap();
    // A file that takes no byte, in place of the disk that failed.
    restored.file.file = File::options().write(true).open("/dev/full").unwrap();
    restored.file.save(kept(4, 0)).unwrap_err();
    drop(restored);
    assert_eq!(open(&directory, "boot-1").unwrap().kept, Kept::default());
}
