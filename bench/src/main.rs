//! `cpumon-bench`: runs the benchmarks and prints the table. `--quick` for a first impression, `--only NAME` for one
//! of the measurements, `--restart` for restarts of the exporter alone, `--peers` for other programs beside ours.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Instant;

use cpumon_bench::extent::Extent;
use cpumon_bench::table::Table;
use cpumon_bench::{agent, fleet, images, machine, peers, progress, restart, start, visible};

/// One of the measurements: its name, what it adds to the table.
type Measurement = (&'static str, fn(&Extent, &mut Table) -> anyhow::Result<()>);

const MEASUREMENTS: [Measurement; 7] = [
    ("agent", agent::measure),
    ("fleets", fleet::measure),
    ("calls", fleet::count_system_calls),
    ("visible", visible::measure),
    ("start", start::measure),
    RESTART,
    ("images", images::measure),
];

const RESTART: Measurement = ("restart", restart::measure);
const PEERS: Measurement = ("peers", peers::measure);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let chosen = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => Some((Extent::full(), MEASUREMENTS.to_vec())),
        ["--quick"] => Some((Extent::quick(), MEASUREMENTS.to_vec())),
        ["--restart"] => Some((Extent::restarts(), vec![RESTART])),
        ["--peers"] => Some((Extent::full(), vec![PEERS])),
        ["--only", name] => {
            MEASUREMENTS.iter().find(|(known, _)| known == name).map(|&one| (Extent::full(), vec![one]))
        }
        _ => None,
    };
    let Some((extent, measurements)) = chosen else {
        let names = MEASUREMENTS.map(|(name, _)| name).join(", ");
        progress(format_args!(
            "cpumon-bench: the only arguments are --quick, --restart, --peers, --only with one of {names}"
        ));
        return ExitCode::from(64);
    };
    let begun = Instant::now();
    let (table, is_whole) = measure(&extent, &measurements);
    let minutes = begun.elapsed().as_secs_f64() / 60.0;
    let told =
        write!(io::stdout(), "\n{}\n\n{table}\nmeasured in {minutes:.1} minutes\n", machine::describe());
    if told.is_ok() && is_whole { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The table, and whether all that was to be measured could be.
fn measure(extent: &Extent, measurements: &[Measurement]) -> (Table, bool) {
    let mut table = Table::default();
    let mut is_whole = true;
    for (name, measure) in measurements {
        progress(format_args!("{name}"));
        if let Err(error) = measure(extent, &mut table) {
            progress(format_args!("cpumon-bench: {name}: {error:#}"));
            table.not_measured(name, &format!("{error:#}"));
            is_whole = false;
        }
    }
    (table, is_whole)
}
