//! Bytes into objects: any chunking of any stream comes to the same, within the limits, in linear time.
#![cfg(test)]

mod support;

use std::time::{Duration, Instant};

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value};

use cpumon_protocol::framing::Framer;
use cpumon_protocol::limits::DEPTH_MAX;
use cpumon_protocol::reject::RejectReason;

use support::values::{chunks, cuts, noise, whitespace};

/// What a framer makes of a stream.
#[derive(Debug, Default, PartialEq)]
struct Cut {
    objects: Vec<Vec<u8>>,
    ended: Option<RejectReason>,
    inside: bool,
    held_max: usize,
}

fn cut<'a>(chunks: impl IntoIterator<Item = &'a [u8]>, limit: usize) -> Cut {
    let mut framer = Framer::default();
    let mut cut = Cut::default();
    for chunk in chunks {
        let mut input = chunk;
        loop {
            match framer.next(&mut input, limit) {
                Ok(Some(object)) => cut.objects.push(object.to_vec()),
                Ok(None) => break,
                Err(rejection) => {
                    cut.ended = Some(rejection.reason);
                    return cut;
                }
            }
        }
        assert_eq!(input, b"", "what is left is asked for more");
        cut.held_max = cut.held_max.max(framer.held_bytes());
    }
    cut.inside = framer.is_inside();
    cut
}

/// A JSON object of any shape, not too deep.
fn object() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[ -~é\n]{0,8}|[\"\\\\{}]{0,6}".prop_map(Value::from),
    ];
    let value = leaf.prop_recursive(4, 16, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Value::from),
            vec(("[a-z{}\"\\\\]{0,3}", inner), 0..3).prop_map(Value::from_iter),
        ]
    });
    vec(("[a-z{}\"\\\\]{0,3}", value), 0..4).prop_map(|fields| Value::from(Map::from_iter(fields)))
}

proptest! {
    #![proptest_config(support::cases(5_000))]

    #[test]
    fn any_chunking_of_any_objects_gives_the_same_objects(
        stream in vec((whitespace(), object(), any::<bool>()), 0..6),
        end in whitespace(),
        cuts in cuts(),
    ) {
        let mut bytes = Vec::new();
        let mut expected = Vec::new();
        for (space, object, pretty) in &stream {
            let text = if *pretty { format!("{object:#}") } else { object.to_string() };
            bytes.extend(space.as_bytes());
            bytes.extend(text.as_bytes());
            expected.push(text.into_bytes());
        }
        bytes.extend(end.as_bytes());
        for outcome in [cut([&*bytes], 1 << 16), cut(chunks(&bytes, &cuts), 1 << 16), cut(bytes.chunks(1), 1 << 16)] {
            prop_assert_eq!(&outcome.objects, &expected);
            prop_assert_eq!((outcome.ended, outcome.inside), (None, false));
        }
    }

    #[test]
    fn the_limit_is_exact_however_the_object_arrives(object in object(), less in 0..40usize, cuts in cuts()) {
        let text = object.to_string();
        let limit = (text.len() + 20).saturating_sub(less);
        let fits = text.len() <= limit;
        for outcome in [cut([text.as_bytes()], limit), cut(chunks(text.as_bytes(), &cuts), limit)] {
            prop_assert_eq!(outcome.objects.len(), usize::from(fits));
            prop_assert_eq!(outcome.ended, (!fits).then_some(RejectReason::TooLarge));
            prop_assert!(outcome.held_max <= 2 * limit.max(8), "{} bytes for {limit}", outcome.held_max);
        }
    }
}

proptest! {
    #![proptest_config(support::cases(20_000))]

    #[test]
    fn any_chunking_of_any_bytes_comes_to_the_same(bytes in noise(), limit in 0..400usize, cuts in cuts()) {
        let whole = cut([&*bytes], limit);
        for outcome in [cut(chunks(&bytes, &cuts), limit), cut(bytes.chunks(1), limit)] {
            prop_assert_eq!(&outcome.objects, &whole.objects);
            prop_assert_eq!((outcome.ended, outcome.inside), (whole.ended, whole.inside));
            prop_assert!(outcome.held_max <= 2 * limit.max(8), "{} bytes for {limit}", outcome.held_max);
        }
    }
}

#[test]
fn nesting_is_allowed_up_to_its_limit() {
    for depth in 1..=2 * DEPTH_MAX {
        let text = ["{\"a\":".repeat(depth - 1), "{}".to_owned(), "}".repeat(depth - 1)].concat();
        let refused = (depth > DEPTH_MAX).then_some(RejectReason::TooDeep);
        assert_eq!(cut([text.as_bytes()], 1_000).ended, refused, "{depth}");
        assert_eq!(cut(text.as_bytes().chunks(1), 1_000).ended, refused, "{depth}");
    }
}

#[test]
fn every_byte_has_its_meaning() {
    for byte in 0..=u8::MAX {
        let (begins, blank) = (byte == b'{', b" \t\r\n".contains(&byte));
        let between = cut([&[b'{', b'}', byte][..]], 100);
        let foreign = (!begins && !blank).then_some(RejectReason::NotAnObject);
        assert_eq!((between.ended, between.inside), (foreign, begins), "{byte:#04x} between objects");

        let inside = cut([&[b'{', byte][..]], 100);
        let known = b" \t\r\n{}[]\",:0123456789+-.eEtrufalsn".contains(&byte);
        let refused = (!known).then_some(RejectReason::NotJson);
        assert_eq!(inside.ended, refused, "{byte:#04x} inside an object");

        let quoted = cut([&[b'{', b'"', byte, b'x'][..]], 100);
        let quote_ended = (byte == b'"').then_some(RejectReason::NotJson);
        assert_eq!(quoted.ended, quote_ended, "{byte:#04x} inside a string");
    }
}

/// The quickest of many runs over an object of `size` bytes that arrives byte by byte.
fn quickest(size: usize) -> Duration {
    let object = format!("{{\"a\":\"{}\"}}", "\\\\".repeat((size - 8) / 2));
    let run = || {
        let begun = Instant::now();
        let outcome = cut(object.as_bytes().chunks(1), 1 << 20);
        let took = begun.elapsed();
        assert_eq!(outcome.objects.len(), 1);
        took
    };
    (0..25).map(|_| run()).min().unwrap_or_default()
}

/// An object that arrives byte by byte costs the same for each byte, however long it is: sixteen times the length,
/// sixteen times the time, where reading all anew with each byte would take 256 times. Only the quickest of
/// many runs count, so that a busy machine changes nothing.
#[test]
fn byte_by_byte_takes_linear_time() {
    let (short, long) = (quickest(1 << 10), quickest(1 << 14));
    assert!(long < 64 * short, "1 KiB in {short:?}, 16 KiB in {long:?}");
}
