//! `cpumon-bench`: runs the benchmarks and prints the table. `--quick` for a first impression, `--restart` for
//! restarts of the exporter alone.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Instant;

use cpumon_bench::extent::Extent;
use cpumon_bench::table::Table;
use cpumon_bench::{agent, fleet, images, machine, progress, restart, start, visible};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let begun = Instant::now();
    let measured = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => measure(&Extent::full()),
        ["--quick"] => measure(&Extent::quick()),
        ["--restart"] => measure_restarts(&Extent::restarts()),
        _ => {
            progress(format_args!("cpumon-bench: the only arguments are --quick and --restart"));
            return ExitCode::from(64);
        }
    };
    match measured {
        Ok(table) => {
            let minutes = begun.elapsed().as_secs_f64() / 60.0;
            let told = write!(
                io::stdout(),
                "\n{}\n\n{table}\nmeasured in {minutes:.1} minutes\n",
                machine::describe()
            );
            if told.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            progress(format_args!("cpumon-bench: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn measure(extent: &Extent) -> anyhow::Result<Table> {
    let mut table = Table::default();
    progress(format_args!("agent"));
    agent::measure(extent, &mut table)?;
    fleet::measure(extent, &mut table)?;
    progress(format_args!("from push to visible"));
    visible::measure(extent, &mut table)?;
    progress(format_args!("start"));
    start::measure(extent, &mut table)?;
    restart::measure(extent, &mut table)?;
    images::measure(&mut table);
    Ok(table)
}

fn measure_restarts(extent: &Extent) -> anyhow::Result<Table> {
    let mut table = Table::default();
    restart::measure(extent, &mut table)?;
    Ok(table)
}
