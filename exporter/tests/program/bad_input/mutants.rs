//! Inputs that nobody thought of: those of the tables, damaged at random, several on one connection.

use std::time::{SystemTime, UNIX_EPOCH};

use fastrand::Rng;

use super::table::{At, BAD, GOOD};
use super::{newly_rejected, objects, rejected};
use crate::support::{Client, Exporter, HonestFleet};

/// How many streams are tried.
const STREAMS: usize = 150;

#[test]
fn whatever_comes_ends_with_one_reason_at_most_and_costs_nobody_else_a_sample() {
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    eprintln!("seed {seed}");
    let mut random = Rng::with_seed(seed);
    let exporter = Exporter::start(&[("EXPORTER_TOTALS_LINGER", "100ms")]);
    let fleet = HonestFleet::start(&exporter);
    for _ in 0..STREAMS {
        let before = rejected(&exporter.metrics());
        let stream = stream(&mut random);
        // It is answered with objects, if at all, and then closed.
        objects(&Client::connect(&exporter).finish_with(stream.clone()));
        let counted: u64 = newly_rejected(&exporter, &before)
            .into_iter()
            // This ends nothing: a sample that comes twice is answered and dropped.
            .filter(|(reason, _)| reason != "stale")
            .map(|(_, count)| count)
            .sum();
        assert!(counted <= 1, "{counted} reasons: {}", String::from_utf8_lossy(&stream));
    }
    fleet.finish(&exporter);
}

/// Some inputs one after the other, damaged.
fn stream(random: &mut Rng) -> Vec<u8> {
    let inputs: Vec<_> = BAD
        .iter()
        .map(|(at, input, _)| (at, input))
        .chain(GOOD.iter().map(|(at, input, _)| (at, input)))
        .collect();
    let mut stream = match random.u8(..3) {
        0 => At::Live.before(),
        1 => At::Original.before(),
        _ => Vec::new(),
    };
    for _ in 0..random.usize(1..4) {
        let (_, input) = inputs[random.usize(..inputs.len())];
        let mut bytes = input.bytes();
        // Large ones have their own test.
        bytes.truncate(8 * 1024);
        for _ in 0..random.usize(..4) {
            damage(&mut bytes, random);
        }
        stream.extend(bytes);
    }
    stream
}

fn damage(bytes: &mut Vec<u8>, random: &mut Rng) {
    if bytes.is_empty() {
        return;
    }
    let at = random.usize(..bytes.len());
    match random.u8(..5) {
        0 => bytes[at] = random.u8(..),
        1 => bytes.insert(at, *random.choice(b"{}[]\"\\:, \n0-.e\0\xff").unwrap_or(&0)),
        2 => drop(bytes.remove(at)),
        3 => bytes.truncate(at),
        _ => bytes.extend_from_within(at..),
    }
}
