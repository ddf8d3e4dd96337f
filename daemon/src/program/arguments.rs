//! The few words that a program takes on its command line.

use std::ffi::OsString;

use crate::escape::Escaped;

/// What a program is asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// No argument.
    Run,
    /// `healthcheck`
    Healthcheck,
    /// One of the program's own commands, by its place among them.
    Command {
        /// Which one.
        index: usize,
        /// Its argument.
        argument: String,
    },
    /// `--help`, `-h`
    Help,
    /// `--version`, `-V`
    Version,
}

impl Action {
    /// Reads the arguments after the name of a program that knows `commands`.
    ///
    /// # Errors
    ///
    /// What is wrong and what would be right, on one line.
    pub(super) fn of(
        commands: &[&str],
        mut arguments: impl Iterator<Item = OsString>,
    ) -> Result<Self, String> {
        let Some(first) = arguments.next() else { return Ok(Self::Run) };
        let command = commands.iter().position(|&command| first == command);
        let action = match first.to_str() {
            Some(name) if let Some(index) = command => match arguments.next().map(OsString::into_string) {
                Some(Ok(argument)) => Self::Command { index, argument },
                _ => return Err(format!("`{name}` needs one argument; --help says which")),
            },
            Some("healthcheck") => Self::Healthcheck,
            Some("--help" | "-h") => Self::Help,
            Some("--version" | "-V") => Self::Version,
            _ => return Err(refuse(commands, "unknown argument", &first)),
        };
        match arguments.next() {
            None => Ok(action),
            Some(second) => Err(refuse(commands, "one argument too many:", &second)),
        }
    }
}

fn refuse(commands: &[&str], wrong: &str, argument: &OsString) -> String {
    let commands: String = commands.iter().map(|command| format!("{command}, ")).collect();
    format!(
        "{wrong} `{}`; write {commands}healthcheck, --help, --version or nothing, and set environment variables for all else",
        Escaped(&argument.to_string_lossy())
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments() {
        let check = |arguments: &[&str], expected: Result<Action, &str>| {
            let action = Action::of(&["token"], arguments.iter().map(OsString::from));
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
        check(&["--port=80"], Err("unknown argument `--port=80`; write token, healthcheck"));
        check(&[""], Err("unknown argument ``;"));
        check(&["a\nb"], Err("unknown argument `a\\nb`;"));
        check(&["token", "web-1"], Ok(Action::Command { index: 0, argument: "web-1".to_owned() }));
        check(&["token"], Err("`token` needs one argument;"));
        check(&["token", "web-1", "web-2"], Err("one argument too many: `web-2`; write"));
        check(&["healthcheck", "now"], Err("one argument too many: `now`; write"));
    }
}
