//! Bad input: each kind has its one answer, and costs nobody else a sample.

mod answers;
mod log;
mod mutants;
mod streams;
mod table;

use std::collections::BTreeMap;

use cpumon_protocol::framing::Framer;
use cpumon_protocol::reject::RejectReason;

use crate::support::{Client, Exporter, Exposition};
use table::{At, Input};

/// How often each reason has been counted.
type Rejected = BTreeMap<String, u64>;

fn rejected(metrics: &Exposition) -> Rejected {
    let family = metrics.family("cpumon_exporter_rejected_frames_total").unwrap();
    family.series.iter().map(|series| (series.labels["reason"].clone(), series.value as u64)).collect()
}

/// What has been counted since `before`. A type that is not known ends nothing, so others may come after it:
/// it is left out.
fn newly_rejected(exporter: &Exporter, before: &Rejected) -> Vec<(String, u64)> {
    let counts = rejected(&exporter.metrics()).into_iter();
    let new = counts.map(|(reason, count)| (before[&reason], (reason, count)));
    let new = new.map(|(old, (reason, count))| (reason, count - old));
    new.filter(|(reason, count)| *count > 0 && reason != "unknown_type").collect()
}

/// A client for which all has gone well so far, up to where the input comes.
fn client_at(exporter: &Exporter, at: At) -> Client {
    let mut client = Client::connect(exporter);
    client.send(at.before());
    match at {
        At::Start => {}
        At::Live => assert_eq!(client.frame()["t"], "welcome"),
        // Its own text in upper case.
        At::Original => drop(client.bytes(at.before().len())),
    }
    client
}

/// The answers in what a client got.
fn objects(mut answers: &[u8]) -> Vec<String> {
    let mut framer = Framer::default();
    let mut objects = Vec::new();
    while let Some(object) = framer.next(&mut answers, usize::MAX).unwrap() {
        objects.push(String::from_utf8(object.to_vec()).unwrap());
    }
    assert!(!framer.is_inside(), "the last answer is whole: {objects:?}");
    objects
}

fn is_echo(answer: &str) -> bool {
    answer.contains("CPU USAGE") && !answer.contains(r#""v":1"#)
}

/// Whether an input is of the original's dialect, in which errors have no answer. At the start of a connection
/// only a whole object tells.
fn is_original(at: At, input: Input, reason: RejectReason) -> bool {
    let is_whole = matches!(reason, RejectReason::Schema | RejectReason::OutOfRange);
    at == At::Original || (at == At::Start && is_whole && input.is_object_without_version())
}
