//! The original's dialect, held against an ordinary JSON parser.

use std::fmt;

use cpumon_protocol::session::exporter::{ExporterSession, FrameLimits, Received, echo};
use serde_json::value::RawValue;

const LIMITS: FrameLimits = FrameLimits { greeting: 4096, frame: 4096 };

const KEY: &str = "The Percentage Of CPU USAGE";

/// The input is a stream of objects, of which each is judged anew.
pub(crate) fn run(input: &[u8]) {
    let mut session = ExporterSession::new(LIMITS);
    let mut rest = input;
    loop {
        let before = rest;
        match session.receive(&mut rest) {
            Ok(None) => break assert!(rest.is_empty()),
            Ok(Some(Received::Original { utilization, object })) => {
                let percent = oracle(object.as_bytes());
                let expected = percent.map(|percent| percent * 10_000.0).unwrap_or(f64::NAN);
                let got = f64::from(utilization.millionths());
                assert!((got - expected).abs() <= 0.501, "{got} millionths of {object}");
                let mut answer = Vec::new();
                echo(object, &mut answer);
                assert_eq!(answer, object.to_ascii_uppercase().as_bytes());
            }
            // Hello is the other dialect, and another target's.
            Ok(Some(_)) => return,
            Err(rejection) => {
                assert!(!rejection.message.is_empty());
                assert!(rejection.message.len() <= 200);
                // It began with the first byte that was not taken yet, and nothing after it is looked at.
                // A number below zero or above 100 that a float rounds to that is none of a percentage all the same.
                let has_to_be_taken = oracle(whole_object(before))
                    .is_some_and(|percent| percent.is_sign_positive() && percent < 100.0);
                assert!(!(session.is_original() && has_to_be_taken), "{rejection}");
                assert!(matches!(session.receive(&mut rest), Ok(None)));
                break;
            }
        }
    }
}

/// The percentage of an object that has to be taken.
fn oracle(object: &[u8]) -> Option<f64> {
    let Object(fields) = serde_json::from_slice(object).ok()?;
    let mut percents = fields.iter().filter(|(key, _)| key.eq_ignore_ascii_case(KEY));
    let (_, value) = percents.next()?;
    let is_one = percents.next().is_none();
    let is_original = !fields.iter().any(|(key, _)| key == "v");
    let is_number = value.get().starts_with(|first: char| first == '-' || first.is_ascii_digit());
    let percent: f64 = value.get().parse().ok().filter(|_| is_number)?;
    let is_one = is_one && (0.0..=100.0).contains(&percent);
    (is_one && is_original && object.len() <= LIMITS.frame).then_some(percent)
}

/// The first object of `stream`, as an ordinary parser sees it.
fn whole_object(stream: &[u8]) -> &[u8] {
    let trimmed = stream.trim_ascii_start();
    let mut values = serde_json::Deserializer::from_slice(trimmed).into_iter::<serde::de::IgnoredAny>();
    match values.next() {
        Some(Ok(_)) if trimmed.starts_with(b"{") => trimmed.get(..values.byte_offset()).unwrap_or_default(),
        _ => &[],
    }
}

/// An object with all its fields, those with the same key too. Values are kept as they stand: a number that no float holds
/// is one all the same.
struct Object(Vec<(String, Box<RawValue>)>);

impl<'de> serde::Deserialize<'de> for Object {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> serde::de::Visitor<'de> for Fields {
            type Value = Object;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<M: serde::de::MapAccess<'de>>(self, mut map: M) -> Result<Object, M::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Object(fields))
            }
        }
        deserializer.deserialize_map(Fields)
    }
}
