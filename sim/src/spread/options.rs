//! What `cpumon-spread` can be told on its command line.

use anyhow::{Context as _, bail};
use cpumon_protocol::model::Micros;

use super::scenario::Settings;

/// What `--help` says.
pub const HELP: &str = "\
cpumon-spread: spreads agents over exporters with the agent's own code, lets exporters come and go, and counts who
moves, who connects and how long it takes

  --agents N       how many agents (100000)
  --exporters N    how many exporters, at least 3 (10)
  --hellos N       how many hellos an exporter answers in a second (1000)
  --look SECONDS   the longest time between two looks for a better exporter (300)
  --seed N         what random numbers are drawn from (1)

A million agents over 100 exporters take 6 GB of memory and some minutes.
";

/// Reads the arguments; nothing if help is wanted.
///
/// # Errors
///
/// Names the argument that is not understood.
pub fn read(mut arguments: impl Iterator<Item = String>) -> anyhow::Result<Option<Settings>> {
    let mut settings = Settings::default();
    while let Some(argument) = arguments.next() {
        if argument == "--help" {
            return Ok(None);
        }
        let value = arguments.next().with_context(|| format!("{argument} needs a number"))?;
        let number: u64 = value.parse().with_context(|| format!("{argument} {value}: this is no number"))?;
        let limited = |most: u64| {
            (1..=most)
                .contains(&number)
                .then_some(number)
                .with_context(|| format!("{argument} {value}: give a number from 1 to {most}"))
        };
        match argument.as_str() {
            "--agents" => settings.agents = limited(5_000_000)? as usize,
            "--exporters" => settings.exporters = limited(4_000)? as usize,
            "--hellos" => settings.hellos_per_second = limited(1_000_000)? as u32,
            "--look" => settings.look_interval = Micros::from_secs(limited(86_400)?),
            "--seed" => settings.seed = number,
            other => bail!("{other} is not known; --help tells what is"),
        }
    }
    Ok(Some(settings))
}
