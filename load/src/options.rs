//! The command line of `cpumon-load`.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::time::Duration;

use cpumon_protocol::model::Micros;
use lexopt::prelude::*;

use crate::client::Dialect;
use crate::crowd::{CrowdSettings, Pace};

/// What `--help` prints.
pub const HELP: &str = "\
cpumon-load: agents of a fleet that does not exist, for measuring an exporter

usage: cpumon-load [options] [ADDRESS]

  ADDRESS              the exporter's port for agents (127.0.0.1:8080)
  --agents COUNT       how many agents (1000)
  --seconds COUNT      how long to run, counted from when all agents are answered (10, at most 3600)
  --frames COUNT       end after so many answered samples, if that is sooner
  --rate HZ            samples a second and agent (1); 0 is as fast as they are answered, for which
                       the exporter needs a large EXPORTER_MAX_FRAME_RATE
  --original           speak the original's dialect
  --name PREFIX        what the agents' names begin with (load-)
  --pid PID            also tell what this process, the exporter, costs
  --restart            wait for the exporter to go away and come back, and tell how long it takes until all agents
                       are answered again
  --allow-remote       let ADDRESS be one that is not of this machine
  --help               print this
";

/// The longest run.
const SECONDS_MAX: u64 = 3_600;

/// What to do.
#[derive(Debug)]
pub enum Request {
    /// Print [`HELP`].
    Help,
    /// Run.
    Run(Options),
}

/// A run.
#[derive(Clone, Debug)]
pub struct Options {
    /// The agents.
    pub crowd: CrowdSettings,
    /// The longest time to run, from when all agents are answered.
    pub span: Micros,
    /// After how many answered samples to end.
    pub frames: Option<u64>,
    /// The exporter's process.
    pub pid: Option<u32>,
    /// Whether to measure a restart of the exporter.
    pub restart: bool,
}

/// Why a command line is refused.
#[derive(Debug, thiserror::Error)]
pub enum OptionsError {
    /// It is not one of this program's.
    #[error("{0}; see --help")]
    Malformed(#[from] lexopt::Error),
    /// A value is out of range.
    #[error("{option} {value} is out of range; give {right}")]
    OutOfRange {
        /// The option's name.
        option: &'static str,
        /// What was given.
        value: String,
        /// What would be right.
        right: &'static str,
    },
    /// The address is not of this machine.
    #[error("{0} is not an address of this machine; if you mean it, say --allow-remote")]
    Remote(SocketAddr),
}

impl Request {
    /// Reads a command line, without the program's own name.
    ///
    /// # Errors
    ///
    /// Says which option is wrong and what would be right.
    pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, OptionsError> {
        let mut options = Options {
            crowd: CrowdSettings {
                exporter: SocketAddr::from(([127, 0, 0, 1], 8080)),
                agents: 1_000,
                dialect: Dialect::V1,
                pace: Pace::Every(Micros::from_secs(1)),
                name: "load-".to_owned(),
                token: None,
            },
            span: Micros::from_secs(10),
            frames: None,
            pid: None,
            restart: false,
        };
        let mut allow_remote = false;
        let mut parser = lexopt::Parser::from_args(arguments);
        while let Some(argument) = parser.next()? {
            match argument {
                Value(address) => options.crowd.exporter = address.parse()?,
                Long("agents") => options.crowd.agents = parser.value()?.parse()?,
                Long("seconds") => options.span = seconds(parser.value()?.parse()?)?,
                Long("frames") => options.frames = Some(parser.value()?.parse()?),
                Long("rate") => options.crowd.pace = pace(parser.value()?.parse()?)?,
                Long("original") => options.crowd.dialect = Dialect::Original,
                Long("name") => options.crowd.name = parser.value()?.string()?,
                Long("pid") => options.pid = Some(parser.value()?.parse()?),
                Long("restart") => options.restart = true,
                Long("allow-remote") => allow_remote = true,
                Long("help") | Short('h') => return Ok(Self::Help),
                other => return Err(other.unexpected().into()),
            }
        }
        let address = options.crowd.exporter;
        if !allow_remote && !address.ip().to_canonical().is_loopback() {
            return Err(OptionsError::Remote(address));
        }
        Ok(Self::Run(options))
    }
}

fn seconds(count: u64) -> Result<Micros, OptionsError> {
    if (1..=SECONDS_MAX).contains(&count) {
        Ok(Micros::from_secs(count))
    } else {
        Err(OptionsError::OutOfRange { option: "--seconds", value: count.to_string(), right: "1 to 3600" })
    }
}

fn pace(hertz: f64) -> Result<Pace, OptionsError> {
    if hertz == 0.0 {
        return Ok(Pace::FullSpeed);
    }
    match Duration::try_from_secs_f64(1.0 / hertz) {
        Ok(period) if (0.01..=1_000.0).contains(&hertz) => Ok(Pace::Every(period.into())),
        _ => Err(OptionsError::OutOfRange {
            option: "--rate",
            value: hertz.to_string(),
            right: "0, or 0.01 to 1000",
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, String> {
        match Request::parse(line.split_whitespace().map(OsString::from)) {
            Ok(Request::Run(options)) => Ok(options),
            Ok(Request::Help) => Err("help".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn good_lines() {
        let options = parse("--agents 5 --seconds 7 --rate 4 --frames=9 --original [::1]:99").unwrap();
        assert_eq!(options.crowd.agents, 5);
        assert_eq!(options.span, Micros::from_secs(7));
        assert_eq!(options.crowd.pace, Pace::Every(Micros::from_millis(250)));
        assert_eq!(options.frames, Some(9));
        assert_eq!(options.crowd.dialect, Dialect::Original);
        assert_eq!(options.crowd.exporter, "[::1]:99".parse().unwrap());
        assert_eq!(parse("--rate 0").unwrap().crowd.pace, Pace::FullSpeed);
        assert!(parse("--allow-remote 192.0.2.1:8080").is_ok());
        assert!(parse("[::ffff:127.0.0.1]:8080").is_ok());
    }

    #[test]
    fn bad_lines_say_what_is_wrong() {
        for (line, expected) in [
            ("--help", "help"),
            ("--agent 5", "--agent"),
            ("--seconds 0", "--seconds 0 is out of range; give 1 to 3600"),
            ("--seconds 3601", "out of range"),
            ("--rate -1", "--rate -1 is out of range; give 0, or 0.01 to 1000"),
            ("--rate 1e9", "out of range"),
            ("--rate nan", "out of range"),
            ("here", "here"),
            ("192.0.2.1:8080", "192.0.2.1:8080 is not an address of this machine"),
            ("0.0.0.0:8080", "--allow-remote"),
        ] {
            let error = parse(line).unwrap_err();
            assert!(error.contains(expected), "{line}: {error}");
        }
    }
}
