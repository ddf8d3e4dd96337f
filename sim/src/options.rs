//! What the program can be told on its command line.

use anyhow::{Context as _, bail};

use crate::plan::Bounds;

/// What `--help` says.
pub const HELP: &str = "\
cpumon-sim: runs agents, exporters and a model of Prometheus through seeded faults and checks every number

  --seeds N        how many seeds to run (200)
  --from N         the first seed (0)
  --seed N         this seed alone
  --trace          tell all that happens in it
  --minutes N      simulated minutes a seed, at least 4 (10)
  --agents A..B    how many agents, drawn from A to B (5..50)
";

/// The options.
#[derive(Clone, Copy, Debug)]
pub struct CommandLine {
    /// The first seed.
    pub from: u64,
    /// How many.
    pub seeds: u64,
    /// Whether to tell all that happens.
    pub trace: bool,
    /// Whether to tell what can be said here.
    pub help: bool,
    /// Bounds of what is drawn.
    pub bounds: Bounds,
}

impl CommandLine {
    /// Reads the arguments.
    ///
    /// # Errors
    ///
    /// Names the argument that is not understood.
    pub fn read(mut arguments: impl Iterator<Item = String>) -> anyhow::Result<Self> {
        let mut line = Self { from: 0, seeds: 200, trace: false, help: false, bounds: Bounds::default() };
        while let Some(argument) = arguments.next() {
            let mut number = || -> anyhow::Result<u64> {
                let value = arguments.next().with_context(|| format!("{argument} needs a number"))?;
                value.parse().with_context(|| format!("{argument} {value}: this is no number"))
            };
            match argument.as_str() {
                "--seeds" => line.seeds = number()?,
                "--from" => line.from = number()?,
                "--seed" => (line.from, line.seeds) = (number()?, 1),
                "--minutes" => line.bounds.minutes = number()?.max(4),
                "--trace" => line.trace = true,
                "--help" => line.help = true,
                "--agents" => {
                    let range = arguments.next().context("--agents needs a range such as 5..50")?;
                    let ends =
                        range.split_once("..").and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
                    let (least, most) =
                        ends.with_context(|| format!("--agents {range}: give a range such as 5..50"))?;
                    if least == 0 || least > most {
                        bail!("--agents {range}: give at least one, and the smaller number first");
                    }
                    (line.bounds.agents_min, line.bounds.agents_max) = (least, most);
                }
                other => bail!("{other} is not known; --help tells what is"),
            }
        }
        Ok(line)
    }
}
