//! The command line of `cpumon-chaos`.

use std::ffi::OsString;
use std::path::PathBuf;

use lexopt::prelude::*;

/// What `--help` prints.
pub const HELP: &str = "\
cpumon-chaos: strikes a stack of its own with faults, and compares what Prometheus holds with the truth

It is run by scripts/chaos (make chaos), which prepares the compose project and brings it down.

usage: cpumon-chaos --project NAME --subnet A.B.C --directory PATH [options]

  --project NAME       the compose project
  --subnet A.B.C       the first three numbers of its agents' addresses
  --directory PATH     where the agents' /proc/stat files are to be, as the containers have them mounted
  --faults COUNT       how many faults (30, at most 1000)
  --seed SEED          what they are drawn from (1)
  --truth FILE         write what every agent has measured into this file
  --plan               only print the faults
  --help               print this
";

/// The most faults.
const FAULTS_MAX: usize = 1_000;

/// What to do.
#[derive(Debug)]
pub enum Request {
    /// Print [`HELP`].
    Help,
    /// Print the plan.
    Plan(Options),
    /// Run.
    Run(Options),
}

/// A run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The compose project.
    pub project: String,
    /// The first three numbers of the agents' addresses.
    pub subnet: String,
    /// Where the machines' files go.
    pub directory: PathBuf,
    /// Where to write the truth.
    pub truth: Option<PathBuf>,
    /// How many faults.
    pub faults: usize,
    /// What they are drawn from.
    pub seed: u64,
}

/// Why a command line is refused.
#[derive(Debug, thiserror::Error)]
pub enum OptionsError {
    /// It is not one of this program's.
    #[error("{0}; see --help")]
    Malformed(#[from] lexopt::Error),
    /// One is missing.
    #[error("{0} is missing; see --help")]
    Missing(&'static str),
    /// There are too many faults, or none.
    #[error("--faults {0} is out of range; give 1 to 1000")]
    Faults(usize),
}

impl Request {
    /// Reads a command line, without the program's own name.
    ///
    /// # Errors
    ///
    /// Says which option is wrong and what would be right.
    pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, OptionsError> {
        let mut options = Options { faults: 30, seed: 1, ..Options::default() };
        let mut plan_only = false;
        let mut parser = lexopt::Parser::from_args(arguments);
        while let Some(argument) = parser.next()? {
            match argument {
                Long("project") => options.project = parser.value()?.string()?,
                Long("subnet") => options.subnet = parser.value()?.string()?,
                Long("directory") => options.directory = parser.value()?.into(),
                Long("faults") => options.faults = parser.value()?.parse()?,
                Long("seed") => options.seed = parser.value()?.parse()?,
                Long("truth") => options.truth = Some(parser.value()?.into()),
                Long("plan") => plan_only = true,
                Long("help") | Short('h') => return Ok(Self::Help),
                other => return Err(other.unexpected().into()),
            }
        }
        if !(1..=FAULTS_MAX).contains(&options.faults) {
            return Err(OptionsError::Faults(options.faults));
        }
        if plan_only {
            return Ok(Self::Plan(options));
        }
        let missing = [
            ("--project", options.project.is_empty()),
            ("--subnet", options.subnet.is_empty()),
            ("--directory", options.directory.as_os_str().is_empty()),
        ];
        match missing.iter().find(|(_, is_missing)| *is_missing) {
            Some((option, _)) => Err(OptionsError::Missing(option)),
            None => Ok(Self::Run(options)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Request, String> {
        Request::parse(line.split_whitespace().map(OsString::from)).map_err(|error| error.to_string())
    }

    #[test]
    fn good_lines() {
        let line = "--project p --subnet 10.1.2 --directory /tmp/x --faults 7 --seed=9 --truth t";
        let Ok(Request::Run(options)) = parse(line) else { panic!("{line}") };
        let expected = Options {
            project: "p".to_owned(),
            subnet: "10.1.2".to_owned(),
            directory: "/tmp/x".into(),
            truth: Some("t".into()),
            faults: 7,
            seed: 9,
        };
        assert_eq!(options, expected);
        assert!(matches!(parse("--plan"), Ok(Request::Plan(Options { faults: 30, seed: 1, .. }))));
        assert!(matches!(parse("--help"), Ok(Request::Help)));
    }

    #[test]
    fn bad_lines_say_what_is_wrong() {
        for (line, expected) in [
            ("", "--project is missing; see --help"),
            ("--project p --directory d", "--subnet is missing"),
            ("--project p --subnet s", "--directory is missing"),
            ("--plan --faults 0", "--faults 0 is out of range; give 1 to 1000"),
            ("--plan --faults 1001", "--faults 1001 is out of range"),
            ("--fault 3", "--fault"),
        ] {
            let error = parse(line).unwrap_err();
            assert!(error.contains(expected), "{line}: {error}");
        }
    }
}
