//! `cpumon-hostile`: the program.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use anyhow::{Context, ensure};
use cpumon_hostile::cases;
use cpumon_hostile::options::{HELP, Options, Request};
use cpumon_hostile::report::Report;
use cpumon_hostile::runner::{Row, Runner};
use cpumon_load::descriptors;

/// The most connections that a case holds.
const CONNECTIONS_MAX: usize = 12_000;

fn main() -> ExitCode {
    let outcome = match Request::parse(std::env::args_os().skip(1)) {
        Ok(Request::Help) => write!(io::stdout(), "{HELP}").map(|()| true).map_err(anyhow::Error::from),
        Ok(Request::List) => list().map(|()| true).map_err(anyhow::Error::from),
        Ok(Request::Run(options)) => run(&options),
        Err(error) => {
            let _ = writeln!(io::stderr(), "cpumon-hostile: {error}");
            return ExitCode::from(64);
        }
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(io::stderr(), "cpumon-hostile: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn list() -> io::Result<()> {
    cases::ALL.iter().try_for_each(|case| writeln!(io::stdout(), "{:4} {}", case.id, case.title))
}

/// Runs the cases; whether all have passed.
fn run(options: &Options) -> anyhow::Result<bool> {
    let room = descriptors::room();
    ensure!(
        room >= CONNECTIONS_MAX || options.form == cpumon_hostile::case::Form::Short,
        "this needs {CONNECTIONS_MAX} connections and may have {room}; raise the limit: ulimit -n"
    );
    let own = std::env::current_exe().context("cannot tell where this program is")?;
    let program = |name: &str| match &options.programs {
        Some(directory) => directory.join(name),
        None => own.with_file_name(name),
    };
    let runner =
        Runner { exporter: program("cpumon-exporter"), agent: program("cpumon-agent"), form: options.form };
    let next = AtomicUsize::new(0);
    let rows: Mutex<Vec<(usize, anyhow::Result<Row>)>> = Mutex::default();
    thread::scope(|scope| {
        for _ in 0..options.jobs {
            scope.spawn(|| {
                while let (index, Some(case)) = {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    (index, options.cases.get(index))
                } {
                    let row = runner.run(*case).with_context(|| format!("case {}", case.id));
                    rows.lock().unwrap_or_else(PoisonError::into_inner).push((index, row));
                }
            });
        }
    });
    let mut rows = rows.into_inner().unwrap_or_else(PoisonError::into_inner);
    rows.sort_by_key(|(index, _)| *index);
    let mut report = Report::default();
    let mut is_whole = true;
    for (_, row) in rows {
        match row {
            Ok(row) => report.0.push(row),
            Err(error) => {
                is_whole = false;
                writeln!(io::stderr(), "cpumon-hostile: {error:#}")?;
            }
        }
    }
    write!(io::stdout(), "{report}")?;
    Ok(is_whole && report.is_passed())
}
