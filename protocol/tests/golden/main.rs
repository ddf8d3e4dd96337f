//! Inputs that must be refused, each with its exact reason, and inputs that look odd and must be taken.
#![cfg(test)]

mod bad;
mod good;
mod input;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeSet;

use cpumon_protocol::reject::RejectReason;
use cpumon_protocol::session::agent::{AgentSession, Answer};
use cpumon_protocol::session::exporter::FrameLimits;

use input::At;
use support::conversation::hear_whole_and_in_bytes;
use support::values::plain_hello;

/// Reasons that the exporter gives, not the protocol.
const BY_THE_FLEET: [RejectReason; 6] = [
    RejectReason::Stale,
    RejectReason::Replaced,
    RejectReason::NameConflict,
    RejectReason::FleetFull,
    RejectReason::Auth,
    RejectReason::CoresFull,
];

#[test]
fn each_bad_input_has_its_one_reason() {
    let mut wrong = Vec::new();
    for &(at, input, reason) in bad::BAD {
        let mut stream = at.before();
        let greeting = usize::from(!stream.is_empty());
        stream.extend(input.bytes());
        // More that would be good by itself: after an error nothing is understood any more.
        if reason != RejectReason::Truncated {
            stream.extend(b"\n{\"The Percentage Of CPU USAGE\": 1}\n");
        }
        let outcome = hear_whole_and_in_bytes(FrameLimits::default(), &stream);
        if outcome.reasons() != [reason] || outcome.said.len() - greeting > 1 {
            wrong.push(format!("{at:?} {input:?} {reason:?}: {:?} {:?}", outcome.errors, outcome.said));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), bad::BAD.len(), wrong.join("\n"));
}

#[test]
fn a_refusal_is_answered_in_v1_only() {
    for &(at, input, reason) in bad::BAD.iter().filter(|(.., reason)| *reason != RejectReason::Truncated) {
        let stream = [at.before(), input.bytes()].concat();
        let answers = hear_whole_and_in_bytes(FrameLimits::default(), &stream).answers;
        // Only a whole object has a dialect: without `v` it is the original's, where nothing answers an error.
        let whole = matches!(reason, RejectReason::Schema | RejectReason::OutOfRange);
        if at == At::Original || (at == At::Start && whole && input.is_object_without_version()) {
            let answers = String::from_utf8_lossy(&answers);
            assert!(!answers.contains("error"), "{at:?} {input:?}: {answers}");
            continue;
        }
        let last = answers.split_inclusive(|byte| *byte == b'\n').next_back().unwrap_or_default();
        let expected = if reason == RejectReason::BadVersion { "version" } else { "protocol" };
        match understood(last) {
            Answer::Refused { code, retry: None, message } => {
                assert_eq!(&*code, expected, "{at:?} {input:?}");
                assert!(!message.is_empty(), "{at:?} {input:?}");
            }
            other => panic!("{at:?} {input:?}: {other:?}"),
        }
    }
}

/// What an agent that waits for the answer to hello makes of `answer`.
fn understood(answer: &[u8]) -> Answer {
    AgentSession::start(&plain_hello(), &mut Vec::new()).receive(&mut &answer[..]).unwrap().unwrap()
}

#[test]
fn odd_but_good_inputs_are_taken() {
    let mut wrong = Vec::new();
    for &(at, input, frames) in good::GOOD {
        let before = at.before();
        let expected = frames + usize::from(!before.is_empty());
        let stream = [before, input.bytes()].concat();
        let outcome = hear_whole_and_in_bytes(FrameLimits::default(), &stream);
        if !outcome.errors.is_empty() || outcome.said.len() != expected {
            wrong.push(format!("{at:?} {input:?}: {:?}, {} frames", outcome.errors, outcome.said.len()));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), good::GOOD.len(), wrong.join("\n"));
}

#[test]
fn the_table_shows_every_reason_of_the_protocol() {
    let shown: BTreeSet<_> = bad::BAD.iter().map(|(.., reason)| *reason).collect();
    // An unknown type ends nothing, so it has a test of its own among the sessions'.
    let all: BTreeSet<_> = RejectReason::ALL
        .into_iter()
        .filter(|reason| !BY_THE_FLEET.contains(reason) && *reason != RejectReason::UnknownType)
        .collect();
    assert_eq!(shown, all);
    assert!(bad::BAD.len() >= 100, "{} inputs", bad::BAD.len());
}
