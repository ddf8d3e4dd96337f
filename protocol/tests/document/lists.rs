//! The lists of reasons and limits are those of the code.

use std::collections::{BTreeMap, BTreeSet};

use cpumon_protocol::limits::*;
use cpumon_protocol::reject::{RejectReason, Rejection};
use cpumon_protocol::session::exporter::refuse;

use crate::page::table;

#[test]
fn the_reasons_are_those_of_the_code_with_its_codes() {
    let documented: BTreeMap<_, _> =
        table("## Reasons").into_iter().map(|row| (row[0].clone(), row[2].clone())).collect();
    let known: BTreeMap<_, _> = RejectReason::ALL
        .into_iter()
        .map(|reason| {
            let mut frame = Vec::new();
            refuse(&Rejection::new(reason, "x"), None, &mut frame);
            let frame: serde_json::Value = serde_json::from_slice(&frame).unwrap();
            (reason.label().to_owned(), frame["code"].as_str().unwrap().to_owned())
        })
        .collect();
    assert_eq!(documented, known);
    assert_eq!(known.len(), RejectReason::ALL.len(), "two reasons share a label");
}

#[test]
fn the_limits_are_those_of_the_code() {
    let documented: BTreeMap<_, usize> =
        table("## Limits").into_iter().map(|row| (row[0].clone(), row[1].parse().unwrap())).collect();
    let known = BTreeMap::from(
        [
            ("HELLO_MAX", HELLO_MAX),
            ("REPLY_MAX", REPLY_MAX),
            ("GREETING_MAX", GREETING_MAX),
            ("FRAME_MAX", FRAME_MAX),
            ("CORES_PER_FRAME", CORES_PER_FRAME),
            ("CORES_MAX", CORES_MAX),
            ("CPU_MODELS_MAX", CPU_MODELS_MAX),
            ("DEPTH_MAX", DEPTH_MAX),
            ("LABELS_MAX", LABELS_MAX),
            ("LABEL_KEY_MAX", LABEL_KEY_MAX),
            ("TEXT_MAX", TEXT_MAX),
            ("TOP_PROCESSES_MAX", TOP_PROCESSES_MAX),
        ]
        .map(|(name, limit)| (name.to_owned(), limit)),
    );
    assert_eq!(documented, known);
    let in_source: BTreeSet<_> = include_str!("../../src/limits.rs")
        .lines()
        .filter_map(|line| line.strip_prefix("pub const ")?.split(':').next())
        .collect();
    assert_eq!(in_source, known.keys().map(String::as_str).collect());
}
