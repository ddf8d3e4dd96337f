//! What a program does at a word besides running.

use std::fmt;

/// A command with one argument.
#[derive(Clone, Copy)]
pub struct Command<C> {
    /// Its name on the command line.
    pub name: &'static str,
    /// What its argument is, in capitals.
    pub argument: &'static str,
    /// What it does, in a few words.
    pub about: &'static str,
    /// What it prints, or in one line what is wrong and what would be right.
    pub run: fn(&C, &str) -> Result<String, String>,
}

impl<C> Command<C> {
    /// Its line in the help of `program`.
    pub(super) fn usage(&self, program: &str) -> String {
        let Self { name, argument, about, .. } = self;
        let call = format!("{name} {argument}");
        format!("  {program} {call:<16} {about}\n")
    }
}

impl<C> fmt::Debug for Command<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
