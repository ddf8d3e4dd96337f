//! Variables that carry the program's prefix and that it does not know.

use std::fmt;

use super::{environment::Environment, table::Table};
use crate::escape::Escaping;

/// The longest name that is shown, in bytes.
const SHOWN_MAX: usize = 100;

/// A variable that the program does not know. Its value is not kept: a mistyped name may hold a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// Its name, fit to be shown.
    pub name: String,
    /// The known name that is most like it.
    pub nearest: &'static str,
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown variable {} is ignored; the nearest known one is {}", self.name, self.nearest)
    }
}

/// The variables of `environment` that carry the prefix of `table` and are not in it, in order.
pub(super) fn unknown(table: &Table, environment: &Environment) -> Vec<Unknown> {
    environment
        .names(table.prefix)
        .filter(|name| table.find(name).is_none())
        .filter_map(|name| Some(Unknown { nearest: nearest(table, &name)?, name: shown(&name) }))
        .collect()
}

fn shown(name: &str) -> String {
    use fmt::Write;
    let mut shown = String::new();
    // Writing to a `String` cannot fail.
    let _ = Escaping::new(&mut shown, SHOWN_MAX).write_str(name);
    shown
}

/// The name in `table` with the fewest slips of the finger between it and `name`; of equal ones the first.
fn nearest(table: &Table, name: &str) -> Option<&'static str> {
    // Beyond this length nothing is a slip of the finger, and the comparison would take long.
    let name: String = name.to_uppercase().chars().take(2 * SHOWN_MAX).collect();
    table.variables().map(|known| known.name).min_by_key(|known| strsim::osa_distance(known, &name))
}
