//! The second look at the variables, where they are held against each other.

use std::{fs::File, io::Read, path::Path};

use super::{
    environment::Environment,
    fault::{Fault, Held},
    secret::Secret,
    table::{Table, Variable},
    value::Refusal,
};

/// The largest file that is read for a secret, in bytes.
const SECRET_FILE_MAX: u64 = 4 * 1024;

/// One variable of the table and the text that counts for it.
struct Setting {
    variable: &'static Variable,
    text: String,
    given: bool,
}

/// The variables as they were given, and the faults found in them so far.
pub struct Review {
    settings: Vec<Setting>,
    faults: Vec<Fault>,
}

impl Review {
    /// Takes the table's variables from the environment, trimmed, with the default where there is none. What
    /// is not UTF-8 or outside its limits is a fault, and the default counts.
    pub(super) fn of(table: &Table, environment: &Environment) -> Self {
        let mut review = Self { settings: Vec::new(), faults: Vec::new() };
        for variable in table.variables() {
            review.take(variable, environment);
        }
        review
    }

    fn take(&mut self, variable: &'static Variable, environment: &Environment) {
        let (text, refusal) = match environment.get(variable.name) {
            None => (String::new(), None),
            Some(value) => match value.to_str() {
                Some(text) => (text.trim().to_owned(), None),
                None => (
                    value.to_string_lossy().into_owned(),
                    Some(Refusal::new("is not UTF-8", "write it in UTF-8")),
                ),
            },
        };
        let refusal = refusal.or_else(|| match text.as_str() {
            "" => None,
            text => variable.limits.check(text).err(),
        });
        let given = !text.is_empty();
        let text = if given { text } else { variable.default.to_owned() };
        self.settings.push(Setting { variable, text, given });
        if let Some(refusal) = refusal {
            self.refuse(variable, refusal.to_string());
        }
    }

    /// The names and texts that fill the configuration's fields: all but the secrets.
    pub(super) fn texts(&self) -> impl Iterator<Item = (String, String)> {
        self.settings
            .iter()
            .filter(|setting| !setting.variable.secret)
            .map(|setting| (setting.variable.name.to_owned(), setting.text.clone()))
    }

    /// Notes a fault in `variable` and lets its default count from here on. False when it already did, which
    /// means that the fault is in the table.
    pub(super) fn refuse(&mut self, variable: &'static Variable, refusal: String) -> bool {
        self.note(variable.name, refusal);
        match self.settings.iter_mut().find(|setting| setting.variable.name == variable.name) {
            Some(setting) if setting.given => {
                setting.given = false;
                variable.default.clone_into(&mut setting.text);
                true
            }
            _ => false,
        }
    }

    /// Notes a fault that no value of the user's explains.
    pub(super) fn note(&mut self, name: &str, refusal: String) {
        self.faults.push(Fault { variable: name.to_owned(), held: self.held(name), refusal });
    }

    /// The faults found, in the order of the table.
    pub(super) fn into_faults(mut self) -> Vec<Fault> {
        let place =
            |fault: &Fault| self.settings.iter().position(|setting| setting.variable.name == fault.variable);
        self.faults.sort_by_key(place);
        self.faults
    }

    /// Whether the user gave `variable` a value that counts. False for one that had a fault.
    pub fn is_given(&self, variable: &str) -> bool {
        self.find(variable).is_some_and(|setting| setting.given)
    }

    /// The value of a variable that the table calls secret; nothing when it is unset.
    pub fn secret(&self, variable: &str) -> Option<Secret> {
        let setting = self.find(variable).filter(|setting| setting.variable.secret && setting.given)?;
        Some(Secret::new(&setting.text))
    }

    /// The secret that stands in `variable` or in the file that `file_variable` names, blanks around it trimmed;
    /// nothing when neither is given. Both, or a file that holds none, is a fault.
    pub fn secret_or_file(
        &mut self,
        variable: &str,
        file_variable: &str,
        path: Option<&Path>,
    ) -> Option<Secret> {
        let given = self.secret(variable);
        let Some(path) = path else { return given };
        if given.is_some() {
            let refusal = Refusal::new(format!("is given beside {file_variable}"), "set one of the two");
            self.fault(&[variable, file_variable], &refusal);
            return None;
        }
        self.secret_in(file_variable, path)
    }

    /// The secret in the file at `path`, which `variable` names.
    pub fn secret_in(&mut self, variable: &str, path: &Path) -> Option<Secret> {
        match read_secret(path) {
            Ok(secret) => Some(secret),
            Err(refusal) => {
                self.fault(&[variable], &refusal);
                None
            }
        }
    }

    /// Adds a fault of the first of `variables`, found by holding it against the others.
    ///
    /// Does nothing when one of them has a fault already: its default would be blamed for the user's value.
    pub fn fault(&mut self, variables: &[&str], refusal: &Refusal) {
        let known = self.faults.iter().any(|fault| variables.contains(&fault.variable.as_str()));
        if let (Some(first), false) = (variables.first(), known) {
            self.note(first, refusal.to_string());
        }
    }

    fn find(&self, name: &str) -> Option<&Setting> {
        self.settings.iter().find(|setting| setting.variable.name == name)
    }

    fn held(&self, name: &str) -> Held {
        match self.find(name) {
            Some(setting) if setting.variable.secret && setting.given => Held::Secret,
            Some(setting) if setting.given => Held::Given(setting.text.clone()),
            Some(setting) if !setting.text.is_empty() => Held::Default(setting.text.clone()),
            _ => Held::Nothing,
        }
    }
}

/// The one line of a file, without the blanks around it.
fn read_secret(path: &Path) -> Result<Secret, Refusal> {
    let right = "name a file with one line in it";
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(SECRET_FILE_MAX + 1).read_to_end(&mut bytes))
        .map_err(|error| Refusal::new(format!("cannot be read ({error})"), right))?;
    if bytes.len() as u64 > SECRET_FILE_MAX {
        return Err(Refusal::new("is larger than 4 KiB", right));
    }
    match str::from_utf8(&bytes).map(str::trim) {
        Ok("") => Err(Refusal::new("is an empty file", right)),
        Ok(text) if text.contains(['\n', '\r']) => Err(Refusal::new("holds more than one line", right)),
        Ok(text) => Ok(Secret::new(text)),
        Err(_) => Err(Refusal::new("is not UTF-8", right)),
    }
}

/// Shows the names of what was given, and no value: some are secrets.
impl std::fmt::Debug for Review {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let given = self.settings.iter().filter(|setting| setting.given);
        f.debug_set().entries(given.map(|setting| setting.variable.name)).finish()
    }
}
