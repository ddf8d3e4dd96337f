//! The frame of a program's `main`: arguments, variables, logs, run, exit status.

mod arguments;
mod command;

use std::{
    io::{self, Write},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, anyhow};
use tokio::runtime::Runtime;
use tracing::{error, info, warn};

use crate::{
    escape::Escaped,
    logs,
    stop::Stop,
    variables::{self, Configuration, Environment, Faults, Loaded},
};
use arguments::Action;
pub use command::Command;

/// The status of a program that was called or configured wrongly (`EX_USAGE` of sysexits).
const USAGE: u8 = 64;

/// The longest that a health check may take.
const HEALTHCHECK_MAX: Duration = Duration::from_secs(5);

/// How many unknown variables are warned about one by one.
const UNKNOWN_MAX: usize = 20;

/// A program: what it is called, and what it needs before it can run.
#[derive(Clone, Copy, Debug)]
pub struct Program<C> {
    /// The name of the binary.
    pub name: &'static str,
    /// Its version: `env!("CARGO_PKG_VERSION")`.
    pub version: &'static str,
    /// What it does, in one sentence without a final stop.
    pub about: &'static str,
    /// Makes the runtime that it runs on, with all drivers enabled.
    pub runtime: fn() -> io::Result<Runtime>,
    /// What its configuration says about logs.
    pub logs: fn(&C) -> logs::Settings,
}

impl<C: Configuration> Program<C> {
    /// The whole of a `main`.
    ///
    /// - `--help` and `--version` print and end; any argument but these and `healthcheck` is status 64.
    /// - Faults in the variables are printed on stderr, a line each: status 64.
    /// - `healthcheck` runs `healthcheck` for at most five seconds: status 0, or 1 and one line with the
    ///   reason (also for faults in the variables: 64 means nothing to whoever asks for health).
    /// - Else `run` runs until it ends by itself; SIGTERM and SIGINT ask it to, through the [`Stop`]. Status 0,
    ///   or 1 and one line in the log with the whole chain of its error.
    pub fn main(
        self,
        healthcheck: impl AsyncFnOnce(C) -> anyhow::Result<()>,
        run: impl AsyncFnOnce(C, Stop) -> anyhow::Result<()>,
    ) -> ExitCode {
        self.main_with(&[], healthcheck, run)
    }

    /// The same, for a program that knows `commands` besides: each prints its result on stdout, status 0, or one
    /// line with what was wrong, status 64.
    pub fn main_with(
        self,
        commands: &[Command<C>],
        healthcheck: impl AsyncFnOnce(C) -> anyhow::Result<()>,
        run: impl AsyncFnOnce(C, Stop) -> anyhow::Result<()>,
    ) -> ExitCode {
        let names: Vec<_> = commands.iter().map(|command| command.name).collect();
        let action = match Action::of(&names, std::env::args_os().skip(1)) {
            Ok(action) => action,
            Err(refusal) => {
                complain(format_args!("{}: {refusal}", self.name));
                return ExitCode::from(USAGE);
            }
        };
        match action {
            Action::Help => print(&self.help(commands)),
            Action::Version => print(&format!("{} {}\n", self.name, self.version)),
            Action::Healthcheck => self.healthcheck(healthcheck),
            Action::Command { index, argument } => self.obey(commands.get(index), &argument),
            Action::Run => self.run(run),
        }
    }

    fn load(&self) -> Result<Loaded<C>, Faults> {
        variables::load(&Environment::of_process()).inspect_err(|faults| complain(faults))
    }

    fn run(&self, run: impl AsyncFnOnce(C, Stop) -> anyhow::Result<()>) -> ExitCode {
        let Ok(Loaded { config, unknown }) = self.load() else { return ExitCode::from(USAGE) };
        if let Err(error) = logs::start(&(self.logs)(&config)) {
            complain(format_args!("{}: cannot start the log: {error}", self.name));
            return ExitCode::FAILURE;
        }
        info!(version = self.version, "{} starts", self.name);
        for unknown in unknown.iter().take(UNKNOWN_MAX) {
            warn!("{unknown}");
        }
        if let Some(more @ 1..) = unknown.len().checked_sub(UNKNOWN_MAX) {
            warn!("{more} more unknown variables are ignored");
        }

        let ended = self.block_on(async || {
            let stop = Stop::default();
            stop.on_signals().context("cannot listen for signals")?;
            run(config, stop).await
        });
        match ended {
            Ok(()) => {
                info!("{} ends", self.name);
                ExitCode::SUCCESS
            }
            Err(error) => {
                error!("{} failed: {error:#}", self.name);
                ExitCode::FAILURE
            }
        }
    }

    fn obey(&self, command: Option<&Command<C>>, argument: &str) -> ExitCode {
        let (Some(command), Ok(Loaded { config, .. })) = (command, self.load()) else {
            return ExitCode::from(USAGE);
        };
        match (command.run)(&config, argument) {
            Ok(result) => print(&format!("{result}\n")),
            Err(refusal) => {
                complain(format_args!("{}: {}", self.name, Escaped(&refusal)));
                ExitCode::from(USAGE)
            }
        }
    }

    fn healthcheck(&self, healthcheck: impl AsyncFnOnce(C) -> anyhow::Result<()>) -> ExitCode {
        let loaded = variables::load_without_files(&Environment::of_process());
        let Ok(Loaded { config, .. }) = loaded.inspect_err(|faults| complain(faults)) else {
            return ExitCode::FAILURE;
        };
        let checked = self.block_on(async || {
            let checked = tokio::time::timeout(HEALTHCHECK_MAX, healthcheck(config)).await;
            checked.unwrap_or_else(|_| Err(anyhow!("no answer within {HEALTHCHECK_MAX:?}")))
        });
        match checked {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                let reason = format!("{error:#}");
                complain(format_args!("{} is not healthy: {}", self.name, Escaped(&reason)));
                ExitCode::FAILURE
            }
        }
    }

    fn block_on<T>(&self, work: impl AsyncFnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
        let runtime = (self.runtime)().context("cannot start the runtime")?;
        let result = runtime.block_on(work());
        // Not dropped: that would wait for a name look-up that takes its time.
        runtime.shutdown_background();
        result
    }

    fn help(&self, commands: &[Command<C>]) -> String {
        let Self { name, version, about, .. } = self;
        let commands: String = commands.iter().map(|command| command.usage(name)).collect();
        let variables = variables::help(C::TABLE);
        format!(
            "{name} {version}: {about}

usage:
  {name}                  run until SIGTERM or SIGINT
  {name} healthcheck      exit with 0 when it is healthy here, else with 1
{commands}  {name} --help, -h       print this
  {name} --version, -V    print the version

All else is set by environment variables. Empty means unset; durations carry a unit (500ms, 1s, 24h).
{variables}"
        )
    }
}

/// Prints on stdout. A reader that has gone away has read enough.
fn print(text: &str) -> ExitCode {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            complain(format_args!("cannot write to stdout: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Prints a line on stderr. Where that cannot be, the exit status has to do.
fn complain(line: impl std::fmt::Display) {
    let _ = writeln!(io::stderr(), "{line}");
}

#[cfg(test)]
mod tests;
