//! Holds a program's table against its configuration. For tests: a program that runs has passed it.

use serde::{
    Deserialize, Deserializer,
    de::{self, Visitor},
    forward_to_deserialize_any,
};

use super::{
    decode::{Configuration, load},
    environment::Environment,
    table::{Table, Variable},
};

/// Checks that names and defaults of `C`'s table are sound, and that the table has exactly the fields of `C`.
/// For the tests of a program.
///
/// # Errors
///
/// Everything that is wrong, a line each.
pub fn check_table<C: Configuration>() -> Result<(), String> {
    let mut wrong: Vec<String> =
        C::TABLE.variables().flat_map(|variable| faults_of(C::TABLE, variable)).collect();
    let mut expected: Vec<String> =
        C::TABLE.variables().filter(|v| !v.secret).map(|v| field_of(C::TABLE, v)).collect();
    let mut fields: Vec<String> = fields_of::<C>().iter().map(|&field| field.to_owned()).collect();
    expected.sort();
    fields.sort();
    if expected != fields {
        wrong.push(format!("the table has {expected:?}, the configuration has {fields:?}"));
    }
    if let Err(faults) = load::<C>(&Environment::default()) {
        wrong.push(faults.to_string());
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

fn field_of(table: &Table, variable: &Variable) -> String {
    variable.name.strip_prefix(table.prefix).unwrap_or(variable.name).to_lowercase()
}

fn faults_of(table: &Table, variable: &Variable) -> Vec<String> {
    let name = variable.name;
    let letters = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    let rules = [
        (name.starts_with(table.prefix), "does not begin with the prefix"),
        (name.chars().all(letters), "has a character other than A-Z 0-9 _"),
        (table.variables().filter(|other| other.name == name).count() == 1, "stands in the table twice"),
        (!variable.secret || variable.default.is_empty(), "is a secret with a default"),
        (variable.default.trim() == variable.default, "has blanks around its default"),
        (!variable.meaning.is_empty() && !variable.meaning.contains('\n'), "needs a meaning on one line"),
        (
            variable.default.is_empty() || variable.limits.check(variable.default).is_ok(),
            "has a default outside its limits",
        ),
    ];
    rules.iter().filter(|(holds, _)| !holds).map(|(_, wrong)| format!("{name} {wrong}")).collect()
}

/// The fields that `C` asks for when it is decoded.
fn fields_of<C: for<'de> Deserialize<'de>>() -> &'static [&'static str] {
    let mut fields: &'static [&'static str] = &[];
    // The answer is always an error; what was asked is what counts.
    let _ = C::deserialize(Asked(&mut fields));
    fields
}

type Unanswered = de::value::Error;

/// Notes the fields of the structure that it is asked for, and gives none.
struct Asked<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Asked<'_> {
    type Error = Unanswered;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Unanswered> {
        Err(de::Error::custom("only asked"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Unanswered> {
        *self.0 = fields;
        Err(de::Error::custom("only asked"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}
