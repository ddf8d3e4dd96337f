//! `cpumon-spread`: the program.

use std::io::{self, Write};

use cpumon_sim::spread::{options, scenario};

fn main() -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    let Some(settings) = options::read(std::env::args().skip(1))? else {
        write!(out, "{}", options::HELP)?;
        return Ok(());
    };
    writeln!(
        out,
        "{} agents, {} exporters that each answer {} hellos a second, a look every {} to {} s, seed {}",
        settings.agents,
        settings.exporters,
        settings.hellos_per_second,
        settings.look_interval.as_millis() / 2_000,
        settings.look_interval.as_millis() / 1_000,
        settings.seed
    )?;
    scenario::run(&settings, |figures| drop(writeln!(out, "{figures}")))
}
