//! `cpumon-page`: measures the live page in a real browser, or takes pictures of it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use cpumon_browser::{bench, pictures};

/// What it says when it is not told what to do.
const USAGE: &str = "usage: cpumon-page bench [--quick] | cpumon-page pictures DIRECTORY [--all]\n";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["bench"] => bench(Duration::from_secs(120)),
        ["bench", "--quick"] => bench(Duration::from_secs(20)),
        ["pictures", directory] => sibling("cpumon-exporter")
            .and_then(|binary| pictures::of_the_documentation(&binary, Path::new(directory))),
        ["pictures", directory, "--all"] => sibling("cpumon-exporter")
            .and_then(|binary| pictures::of_everything(&binary, Path::new(directory))),
        _ => {
            let _ = std::io::stderr().write_all(USAGE.as_bytes());
            return ExitCode::from(64);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "cpumon-page: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn bench(span: Duration) -> anyhow::Result<()> {
    let binary = sibling("cpumon-exporter")?;
    writeln!(std::io::stdout(), "{}", bench::ten_thousand(&binary, span)?)?;
    writeln!(std::io::stdout(), "{}", bench::hundred_pages(&binary, span / 4)?)?;
    Ok(())
}

/// The path of a program that was built together with this one.
fn sibling(name: &str) -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("cannot tell where this program is")?;
    let path = own.with_file_name(name);
    if !path.exists() {
        bail!("{} is not there; build it as scripts/bench-page does", path.display());
    }
    Ok(path)
}
