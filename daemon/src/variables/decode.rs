//! From the environment to a program's configuration, with every fault at once.

use serde::{Deserialize, Deserializer, de::DeserializeOwned};

use super::{
    environment::Environment,
    fault::Faults,
    review::Review,
    table::Table,
    unknown::{Unknown, unknown},
};

/// What a program can be told by its variables.
///
/// Each variable of the table that is not secret fills the field of its name, in lower case and without the
/// prefix, through [`text`](super::text); no other field may be filled. `derive(Deserialize)` with
/// `deny_unknown_fields` gives that, and [`check_table`](super::check_table) in a test holds the two together.
pub trait Configuration: DeserializeOwned {
    /// The variables.
    const TABLE: &'static Table;

    /// Holds the variables against each other and fills what none of them fills alone, such as secrets
    /// (`#[serde(skip)]` fields). Runs even when there are faults, which then end the program: the variables
    /// concerned hold their defaults.
    fn complete(&mut self, review: &mut Review) {
        let _ = review;
    }

    /// Reads the files that variables name and that the program cannot begin without: tokens, certificates. Runs
    /// after [`complete`](Configuration::complete), and not for a health check: a file that goes bad while the
    /// program runs must not get it restarted.
    fn open(&mut self, review: &mut Review) {
        let _ = review;
    }
}

/// A configuration, and what was found beside it.
#[derive(Debug)]
pub struct Loaded<C> {
    /// The configuration.
    pub config: C,
    /// Variables with the program's prefix that it does not know. They are no faults: Kubernetes, for one,
    /// injects `EXPORTER_PORT=tcp://...` for a Service called `exporter`.
    pub unknown: Vec<Unknown>,
}

/// Reads the configuration from `environment`.
///
/// # Errors
///
/// Every fault there is: each wrong value is noted and its default read in its place, until the rest is read.
pub fn load<C: Configuration>(environment: &Environment) -> Result<Loaded<C>, Faults> {
    load_and(environment, |config: &mut C, review| {
        config.complete(review);
        config.open(review);
    })
}

/// The same, without the files that variables name.
///
/// # Errors
///
/// As [`load`].
pub fn load_without_files<C: Configuration>(environment: &Environment) -> Result<Loaded<C>, Faults> {
    load_and(environment, C::complete)
}

fn load_and<C: Configuration>(
    environment: &Environment,
    finish: impl FnOnce(&mut C, &mut Review),
) -> Result<Loaded<C>, Faults> {
    let mut review = Review::of(C::TABLE, environment);
    let Some(mut config) = decode::<C>(&mut review) else {
        return Err(Faults(review.into_faults()));
    };
    finish(&mut config, &mut review);
    match review.into_faults() {
        none if none.is_empty() => Ok(Loaded { config, unknown: unknown(C::TABLE, environment) }),
        faults => Err(Faults(faults)),
    }
}

/// Decodes until nothing is refused any more. `None` when the table and the configuration do not fit each
/// other; that is noted as a fault.
fn decode<C: Configuration>(review: &mut Review) -> Option<C> {
    loop {
        let Refused { field, refusal } = match attempt(C::TABLE.prefix, review) {
            Ok(config) => return Some(config),
            Err(refused) => refused,
        };
        // Each turn replaces one more value of the user's by its default, so that this comes to an end.
        match C::TABLE.of_field(&field) {
            Some(variable) if review.refuse(variable, refusal.clone()) => {}
            Some(_) => return None,
            None => {
                let name = format!("{}{}", C::TABLE.prefix, field.to_uppercase());
                review.note(&name, format!("the table of variables is wrong: {refusal}"));
                return None;
            }
        }
    }
}

/// The first value that was refused.
struct Refused {
    field: String,
    refusal: String,
}

/// What envy is asked for. It cannot say which variable a message is about, so the configuration is decoded
/// inside, where the field is known, and a refusal comes out as a value.
struct Attempt<C>(Result<C, Refused>);

impl<'de, C: Deserialize<'de>> Deserialize<'de> for Attempt<C> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(serde_path_to_error::deserialize(deserializer).map_err(|error| Refused {
            field: error.path().to_string(),
            refusal: error.into_inner().to_string(),
        })))
    }
}

/// One pass through envy. What it gets are names of the table only, each once: so it never sees two names
/// that differ in case, nor one from which it would strip the prefix twice.
fn attempt<C: DeserializeOwned>(prefix: &str, review: &Review) -> Result<C, Refused> {
    let attempt: envy::Result<Attempt<C>> = envy::prefixed(prefix).from_iter(review.texts());
    match attempt {
        Ok(Attempt(result)) => result,
        Err(error) => Err(Refused { field: String::new(), refusal: error.to_string() }),
    }
}
