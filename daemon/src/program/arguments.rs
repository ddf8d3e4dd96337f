//! The few words that a program takes on its command line.

use std::ffi::OsString;

use crate::escape::Escaped;

/// What a program is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// No argument.
    Run,
    /// `healthcheck`
    Healthcheck,
    /// `--help`, `-h`
    Help,
    /// `--version`, `-V`
    Version,
}

impl Action {
    /// Reads the arguments after the program's name.
    ///
    /// # Errors
    ///
    /// What is wrong and what would be right, on one line.
    pub(super) fn of(mut arguments: impl Iterator<Item = OsString>) -> Result<Self, String> {
        let Some(first) = arguments.next() else { return Ok(Self::Run) };
        let action = match first.to_str() {
            Some("healthcheck") => Self::Healthcheck,
            Some("--help" | "-h") => Self::Help,
            Some("--version" | "-V") => Self::Version,
            _ => return Err(refuse("unknown argument", &first)),
        };
        match arguments.next() {
            None => Ok(action),
            Some(second) => Err(refuse("one argument too many:", &second)),
        }
    }
}

fn refuse(wrong: &str, argument: &OsString) -> String {
    format!(
        "{wrong} `{}`; write healthcheck, --help, --version or nothing, and set environment variables for all else",
        Escaped(&argument.to_string_lossy())
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments() {
        let check = |arguments: &[&str], expected: Result<Action, &str>| {
            let action = Action::of(arguments.iter().map(OsString::from));
            match expected {
                Ok(expected) => assert_eq!(action, Ok(expected), "{arguments:?}"),
                Err(start) => {
                    let message = action.expect_err("refused");
                    assert!(message.starts_with(start) && !message.contains('\n'), "{message}");
                }
            }
        };
        check(&[], Ok(Action::Run));
        check(&["healthcheck"], Ok(Action::Healthcheck));
        check(&["--help"], Ok(Action::Help));
        check(&["-h"], Ok(Action::Help));
        check(&["--version"], Ok(Action::Version));
        check(&["-V"], Ok(Action::Version));
        check(&["--port=80"], Err("unknown argument `--port=80`; write healthcheck"));
        check(&[""], Err("unknown argument ``;"));
        check(&["a\nb"], Err("unknown argument `a\\nb`;"));
        check(&["healthcheck", "now"], Err("one argument too many: `now`; write"));
    }
}
