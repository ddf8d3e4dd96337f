//! How the tables write an input down, and the bytes that it becomes.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

/// Where on a connection an input comes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum At {
    /// As the first bytes.
    Start,
    /// After hello and welcome.
    Live,
    /// After an object of the original.
    Original,
}

impl At {
    /// What was sent before.
    pub(crate) fn before(self) -> Vec<u8> {
        match self {
            Self::Start => Vec::new(),
            Self::Live => object(&HELLO),
            Self::Original => Input::Bare("0").bytes(),
        }
    }
}

/// An input. Values of fields are JSON.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Input {
    /// These bytes.
    Raw(&'static [u8]),
    /// This text.
    Text(&'static str),
    /// A text, the next one so many times, and the last one.
    Repeat(&'static str, &'static str, usize, &'static str),
    /// An object of the original with this value.
    Bare(&'static str),
    /// A good hello but for this field's value.
    Hello(&'static str, &'static str),
    /// A good hello without this field.
    HelloLess(&'static str),
    /// A good hello and more text before its last brace.
    HelloPlus(&'static str),
    /// A good hello with a text in this field that repeats this one so many times.
    HelloRepeat(&'static str, &'static str, usize),
    /// A good sample but for this field's value.
    Sample(&'static str, &'static str),
    /// A good sample without this field.
    SampleLess(&'static str),
    /// A good sample and more text before its last brace.
    SamplePlus(&'static str),
    /// A good sample with so many top processes.
    TopCount(usize),
    /// A good frame of per-core totals but for this field's value.
    Cores(&'static str, &'static str),
    /// A good frame of per-core totals with so many cores.
    CoreCount(usize),
    /// A good bye but for this field's value.
    Bye(&'static str, &'static str),
}

impl Input {
    /// The bytes on the wire.
    pub(crate) fn bytes(self) -> Vec<u8> {
        match self {
            Self::Raw(bytes) => bytes.to_vec(),
            Self::Text(text) => text.into(),
            Self::Repeat(head, unit, times, tail) => [head, &unit.repeat(times), tail].concat().into(),
            Self::Bare(value) => object(&[(PERCENT, value)]),
            Self::Hello(field, value) => object(&with(&HELLO, field, value)),
            Self::HelloLess(field) => object(&without(&HELLO, field)),
            Self::HelloPlus(more) => plus(&HELLO, more),
            Self::HelloRepeat(field, unit, times) => {
                let value = format!("{:?}", unit.repeat(times));
                object(&with(&HELLO, field, &value))
            }
            Self::Sample(field, value) => object(&with(&SAMPLE, field, value)),
            Self::SampleLess(field) => object(&without(&SAMPLE, field)),
            Self::SamplePlus(more) => plus(&SAMPLE, more),
            Self::TopCount(count) => object(&with(&SAMPLE, "top", &list(TOP, count))),
            Self::Cores(field, value) => object(&with(&CORES, field, value)),
            Self::CoreCount(count) => object(&with(&CORES, "cores", &list(CORE, count))),
            Self::Bye(field, value) => object(&with(&BYE, field, value)),
        }
    }

    /// Whether it is an object, as JSON goes, that gives no version: one of the original's dialect.
    pub(crate) fn is_object_without_version(self) -> bool {
        serde_json::from_slice(&self.bytes())
            .is_ok_and(|object: BTreeMap<String, &RawValue>| !object.contains_key("v"))
    }
}

/// The original's key.
pub(crate) const PERCENT: &str = "The Percentage Of CPU USAGE";

type Field<'a> = (&'a str, &'a str);

const HELLO: [Field<'_>; 5] =
    [("v", "1"), ("t", "\"hello\""), ("agent", "\"web-1\""), ("run", "\"r1\""), (PERCENT, "12.5")];
const SAMPLE: [Field<'_>; 4] = [("v", "1"), ("t", "\"sample\""), ("seq", "1"), (PERCENT, "12.5")];
const CORES: [Field<'_>; 4] = [("v", "1"), ("t", "\"cores\""), ("seq", "1"), ("cores", "[]")];
const BYE: [Field<'_>; 3] = [("v", "1"), ("t", "\"bye\""), ("reason", "\"stop\"")];
const TOP: &str = r#"{"comm":"sh","cores_ppm":1}"#;
const CORE: &str = concat!(
    r#"{"core":0,"guest_us":{"user":0,"nice":0},"cpu_us":"#,
    r#"{"user":1,"nice":2,"system":3,"idle":4,"iowait":5,"irq":6,"softirq":7,"steal":8}}"#,
);

fn object(fields: &[Field<'_>]) -> Vec<u8> {
    let fields: Vec<_> = fields.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", fields.join(",")).into()
}

fn plus(fields: &[Field<'_>], more: &str) -> Vec<u8> {
    let mut bytes = object(fields);
    bytes.pop();
    bytes.extend_from_slice(format!(",{more}}}").as_bytes());
    bytes
}

fn without<'a>(fields: &[Field<'a>], field: &str) -> Vec<Field<'a>> {
    let rest: Vec<_> = fields.iter().copied().filter(|(name, _)| *name != field).collect();
    assert_ne!(rest.len(), fields.len(), "there is no field {field:?}");
    rest
}

/// `fields` with this field's value in its place, or at the end.
fn with<'a>(fields: &[Field<'a>], field: &'a str, value: &'a str) -> Vec<Field<'a>> {
    let mut fields = fields.to_vec();
    match fields.iter_mut().find(|(name, _)| *name == field) {
        Some(found) => found.1 = value,
        None => fields.push((field, value)),
    }
    fields
}

fn list(unit: &str, count: usize) -> String {
    format!("[{}]", vec![unit; count].join(","))
}
