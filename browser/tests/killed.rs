//! Whoever is killed while a browser is open leaves none behind.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test's helpers end the test")]

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use cpumon_browser::PATIENCE;
use cpumon_browser::browser::Browser;

/// A process that stays the same one: its number, and when it was started.
type Process = (u32, u64);

/// What the process that is killed says when its browser is open.
const OPEN: &str = "the browser is open";

#[test]
fn a_killed_process_leaves_no_browser_behind() {
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "opens_a_browser_and_waits", "--ignored", "--nocapture"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(victim.stdout.take().unwrap());
    assert!(output.lines().any(|line| line.unwrap().contains(OPEN)));
    let started = descendants(victim.id());
    assert!(started.len() > 3, "chromedriver, Chromium and its helpers: {started:?}");

    victim.kill().unwrap();
    victim.wait().unwrap();
    let begun = Instant::now();
    loop {
        let left: Vec<_> = all().into_iter().filter(|(process, _)| started.contains(process)).collect();
        if left.is_empty() {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "still there: {left:?}");
        sleep(Duration::from_millis(50));
    }
}

/// The process that is killed: it waits for something that does not come.
#[test]
#[ignore = "only as a part of the other test"]
fn opens_a_browser_and_waits() {
    let _browser = Browser::start().unwrap();
    println!("{OPEN}");
    let _ = std::io::stdin().lines().next();
}

/// Every process that `parent` has started, and those that they have.
fn descendants(parent: u32) -> BTreeSet<Process> {
    let all = all();
    let mut parents = vec![parent];
    let mut found = BTreeSet::new();
    while let Some(parent) = parents.pop() {
        for (process, _) in all.iter().filter(|(_, of)| *of == parent) {
            found.insert(*process);
            parents.push(process.0);
        }
    }
    found
}

/// Every process that runs, with the number of its parent. Who has ended and only waits to be noticed does not.
fn all() -> Vec<(Process, u32)> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers.filter_map(process).collect()
}

fn process(number: u32) -> Option<(Process, u32)> {
    let stat = fs::read_to_string(format!("/proc/{number}/stat")).ok()?;
    // The name stands in brackets and may hold any character; what follows is state, parent and, as the 20th, the start.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    if fields.first() == Some(&"Z") {
        return None;
    }
    Some(((number, fields.get(19)?.parse().ok()?), fields.get(1)?.parse().ok()?))
}
