//! What is wrong with the variables, in the words that the user sees.

use std::fmt;

use crate::escape::Escaping;

/// The longest value that is shown, in bytes.
const SHOWN_MAX: usize = 200;

/// What a variable held when a fault was found in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Held {
    /// A value of the user's.
    Given(String),
    /// Its default.
    Default(String),
    /// Nothing.
    Nothing,
    /// A secret.
    Secret,
}

/// One fault of one variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub(super) variable: String,
    pub(super) held: Held,
    pub(super) refusal: String,
}

impl Fault {
    /// The full name of the variable.
    pub fn variable(&self) -> &str {
        &self.variable
    }
}

impl fmt::Display for Fault {
    /// `NAME=value: what is wrong; what would be right`, on one line whatever the value holds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write;
        let short = |f, text: &str| Escaping::new(f, SHOWN_MAX).write_str(text);
        f.write_str(&self.variable)?;
        match &self.held {
            Held::Given(value) => {
                f.write_str("=")?;
                short(&mut *f, value)?;
            }
            Held::Default(value) => {
                f.write_str("=")?;
                short(&mut *f, value)?;
                f.write_str(" (the default)")?;
            }
            Held::Nothing => f.write_str(" (unset)")?,
            Held::Secret => f.write_str("=***")?,
        }
        f.write_str(": ")?;
        Escaping::new(f, 2 * SHOWN_MAX).write_str(&self.refusal)
    }
}

/// All that is wrong with the variables: at least one fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults(pub(super) Vec<Fault>);

impl Faults {
    /// The faults, in the order of the table.
    pub fn iter(&self) -> impl Iterator<Item = &Fault> {
        self.0.iter()
    }
}

impl fmt::Display for Faults {
    /// One line for each fault.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            let line_break = if index == 0 { "" } else { "\n" };
            write!(f, "{line_break}{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}
