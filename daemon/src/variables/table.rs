//! The one table of a program's variables: decoding, `--help` and the documentation all come from it.

use super::limits::Limits;

/// Every variable of one program, in the order in which they are shown.
#[derive(Debug)]
pub struct Table {
    /// What all names begin with, such as `AGENT_`.
    pub prefix: &'static str,
    /// The variables, by what they are about.
    pub groups: &'static [Group],
}

/// Variables that are about the same thing.
#[derive(Debug)]
pub struct Group {
    /// What they are about, as a heading.
    pub heading: &'static str,
    /// The variables.
    pub variables: &'static [Variable],
}

/// One variable.
#[derive(Clone, Copy, Debug)]
pub struct Variable {
    /// The full name, such as `AGENT_INTERVAL`.
    pub name: &'static str,
    /// What counts when it is unset, as a user would write it; empty when nothing does.
    pub default: &'static str,
    /// What it is for, on one line, in Markdown that also reads well as plain text.
    pub meaning: &'static str,
    /// What its value must lie within.
    pub limits: Limits,
    /// Whether its value must never be shown.
    pub secret: bool,
}

impl Variable {
    /// A variable that is not secret and whose type alone says what it may be.
    pub const fn new(name: &'static str, default: &'static str, meaning: &'static str) -> Self {
        Self { name, default, meaning, limits: Limits::None, secret: false }
    }

    /// The same, within `limits`.
    pub const fn within(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// The same, with a value that is never shown, and that reaches the program as a
    /// [`Secret`](super::Secret) only.
    pub const fn secret(self) -> Self {
        Self { secret: true, ..self }
    }
}

impl Table {
    /// All variables, in order.
    pub fn variables(&self) -> impl Iterator<Item = &'static Variable> {
        self.groups.iter().flat_map(|group| group.variables)
    }

    /// The variable called `name`.
    pub fn find(&self, name: &str) -> Option<&'static Variable> {
        self.variables().find(|variable| variable.name == name)
    }

    /// The variable that fills the field called `field`.
    pub(super) fn of_field(&self, field: &str) -> Option<&'static Variable> {
        self.variables().find(|variable| {
            variable.name.strip_prefix(self.prefix).is_some_and(|rest| rest.eq_ignore_ascii_case(field))
        })
    }
}
