//! What a process was given to read its variables from.

use std::{collections::BTreeMap, ffi::OsString};

/// A copy of an environment. The only place that reads the process's own is [`Environment::of_process`];
/// everything else, tests included, works on the value.
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<OsString, OsString>,
}

impl Environment {
    /// The environment of this process, whatever bytes it holds.
    #[allow(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub fn of_process() -> Self {
        std::env::vars_os().collect()
    }

    /// The value under exactly this name.
    pub(super) fn get(&self, name: &str) -> Option<&OsString> {
        self.variables.get(std::ffi::OsStr::new(name))
    }

    /// The names that begin with `prefix`, in order; what is not UTF-8 in them is replaced.
    pub(super) fn names(&self, prefix: &str) -> impl Iterator<Item = String> {
        self.variables
            .keys()
            .filter(move |name| name.as_encoded_bytes().starts_with(prefix.as_bytes()))
            .map(|name| name.to_string_lossy().into_owned())
    }
}

impl<N: Into<OsString>, V: Into<OsString>> FromIterator<(N, V)> for Environment {
    /// Of variables that are given twice the first counts, as for `getenv`.
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let mut variables = BTreeMap::new();
        for (name, value) in pairs {
            variables.entry(name.into()).or_insert_with(|| value.into());
        }
        Self { variables }
    }
}

/// Shows how many variables there are, and none of them: some hold secrets.
impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Environment({} variables)", self.variables.len())
    }
}
