//! The command line of `cpumon-hostile`.

use std::ffi::OsString;
use std::path::PathBuf;

use lexopt::prelude::*;

use crate::case::{Case, Form};
use crate::cases;

/// What `--help` prints.
pub const HELP: &str = "\
usage: cpumon-hostile [options] [CASE...]

Runs strangers, floods and broken peers against a real exporter, each case beside 100 honest agents and a scraper, and
prints a table. All on loopback. Ends with status 1 if a case misses its mark. Without CASE: all.

options:
  --short              as much as a test of every change can wait for
  --jobs COUNT         how many cases run at once (1)
  --programs DIRECTORY where cpumon-exporter and cpumon-agent are (beside this program)
  --list               print the cases
  --help               print this
";

/// What to do.
#[derive(Debug)]
pub enum Request {
    /// Print [`HELP`].
    Help,
    /// Print the cases.
    List,
    /// Run.
    Run(Options),
}

/// A run.
#[derive(Clone, Debug)]
pub struct Options {
    /// How much is done.
    pub form: Form,
    /// How many cases run at once.
    pub jobs: usize,
    /// Where the programs are, if not beside this one.
    pub programs: Option<PathBuf>,
    /// What is run.
    pub cases: Vec<Case>,
}

/// Why a command line is refused.
#[derive(Debug, thiserror::Error)]
pub enum OptionsError {
    /// It is not one of this program's.
    #[error("{0}; see --help")]
    Malformed(#[from] lexopt::Error),
    /// There is no such case.
    #[error("there is no case {0:?}; see --list")]
    Unknown(String),
}

impl Request {
    /// Reads a command line, without the program's own name.
    ///
    /// # Errors
    ///
    /// Says what is wrong.
    pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, OptionsError> {
        let mut options = Options { form: Form::Full, jobs: 1, programs: None, cases: Vec::new() };
        let mut parser = lexopt::Parser::from_args(arguments);
        while let Some(argument) = parser.next()? {
            match argument {
                Value(id) => {
                    let id = id.string()?;
                    let case = cases::ALL.iter().find(|case| case.id.eq_ignore_ascii_case(&id));
                    options.cases.push(*case.ok_or(OptionsError::Unknown(id))?);
                }
                Long("short") => options.form = Form::Short,
                Long("jobs") => options.jobs = parser.value()?.parse::<usize>()?.clamp(1, 16),
                Long("programs") => options.programs = Some(parser.value()?.into()),
                Long("list") => return Ok(Self::List),
                Long("help") | Short('h') => return Ok(Self::Help),
                other => return Err(other.unexpected().into()),
            }
        }
        if options.cases.is_empty() {
            options.cases = cases::ALL.to_vec();
        }
        Ok(Self::Run(options))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_are_named_in_any_case_and_unknown_ones_refused() {
        let parse = |line: &str| Request::parse(line.split_whitespace().map(OsString::from));
        let Ok(Request::Run(options)) = parse("--short b2 H1") else { panic!() };
        assert_eq!(options.cases.iter().map(|case| case.id).collect::<Vec<_>>(), ["B2", "H1"]);
        assert_eq!(options.form, Form::Short);
        assert!(parse("B99").unwrap_err().to_string().contains("there is no case \"B99\""));
        assert!(matches!(parse(""), Ok(Request::Run(options)) if options.cases.len() == cases::ALL.len()));
    }
}
