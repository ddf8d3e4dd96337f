//! Each input of the tables, one connection each.

use cpumon_protocol::reject::RejectReason::{self, *};
use serde_json::Value;

use super::table::{At, BAD, GOOD, Input};
use super::{client_at, is_echo, is_original, newly_rejected, objects, rejected};
use crate::support::{Exporter, HonestFleet};

/// What the answer to a reason tells, at least one of it: what would be right, or where it went wrong.
const HINTS: &[(RejectReason, &[&str])] = &[
    (NotAnObject, &["send objects such as"]),
    (TooLarge, &["is larger than 4096 bytes; send smaller ones", "than 65536 bytes; send smaller ones"]),
    (TooDeep, &["deeper than 16; send flat objects"]),
    (NotUtf8, &["send JSON in UTF-8"]),
    (NotJson, &["at line 1 column", "where JSON allows none"]),
    (
        Schema,
        &["missing field `", "expected ", "duplicate field `", "given twice", "is no number", "trailing"],
    ),
    (OutOfRange, &["0 to 100", "; send ", "expected u", "number out of range at line 1 column"]),
    (BadName, &["A-Z a-z 0-9 . _ -", "longer than 128 characters"]),
    (BadText, &["of another form; send "]),
    (BadVersion, &["send \"v\":1"]),
    (OutOfOrder, &["first"]),
];

#[test]
fn each_bad_input_has_its_one_answer_and_costs_nobody_else_a_sample() {
    let mut exporter = Exporter::start(&[("EXPORTER_TOTALS_LINGER", "100ms")]);
    let fleet = HonestFleet::start(&exporter);
    let mut echoes = 0;
    let mut wrong = Vec::new();
    for &(at, input, reason) in BAD {
        echoes += u64::from(at == At::Original);
        match refuse(&exporter, at, input, reason) {
            Ok(answered) => echoes += answered,
            Err(why) => wrong.push(format!("{at:?} {input:?} {reason:?}: {why}")),
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), BAD.len(), wrong.join("\n"));

    let samples = fleet.finish(&exporter);
    let metrics = exporter.metrics();
    let taken =
        |format| metrics.value(&format!("cpumon_exporter_frames_total{{format={format:?}}}")).unwrap();
    assert_eq!((taken("v1") as u64, taken("original") as u64), (samples, echoes));
    let agents = metrics.family("cpumon_agent_up").unwrap();
    assert!(agents.series.iter().all(|series| series.labels["agent"].starts_with("honest-")), "{agents:?}");

    // What strangers sent has not reached the log but in escapes.
    for line in exporter.process.rest() {
        let is_clean = !line.trim_end().contains(char::is_control);
        assert!(
            is_clean && serde_json::from_str::<Value>(&line).is_ok_and(|line| line.is_object()),
            "{line}"
        );
    }
}

/// Sends `input` and checks its answer and its count. Returns how many objects of the original were answered
/// before the error.
fn refuse(exporter: &Exporter, at: At, input: Input, reason: RejectReason) -> Result<u64, String> {
    let before = rejected(&exporter.metrics());
    let client = client_at(exporter, at);
    let answers = match reason {
        Truncated => client.finish_with(input.bytes()),
        _ => client.insist_on(input.bytes()),
    };
    let mut answers = objects(&answers);
    let errors = if is_original(at, input, reason) || reason == Truncated { 0 } else { 1 };
    if errors > 0 {
        check_error(reason, &answers.pop().ok_or("there is no answer")?)?;
    }
    let echoes = answers.iter().filter(|answer| is_echo(answer)).count();
    let unknown = answers.iter().filter(|answer| answer.contains("this type of frame is not known")).count();
    if echoes + unknown != answers.len() {
        return Err(format!("there are other answers before the error: {answers:?}"));
    }
    match newly_rejected(exporter, &before) {
        counted if counted == [(reason.label().to_owned(), 1)] => Ok(echoes as u64),
        counted => Err(format!("counted as {counted:?}")),
    }
}

fn check_error(reason: RejectReason, answer: &str) -> Result<(), String> {
    let error: Value = serde_json::from_str(answer).map_err(|error| format!("{error}: {answer}"))?;
    let code = if reason == BadVersion { "version" } else { "protocol" };
    let frame = [&error["v"], &error["t"], &error["code"], &error["retry_ms"]];
    if frame != [&Value::from(1), &"error".into(), &code.into(), &Value::Null] {
        return Err(format!("another answer: {answer}"));
    }
    let message = error["message"].as_str().unwrap_or_default();
    let hints = HINTS.iter().find(|(hinted, _)| *hinted == reason).map_or(&[][..], |(_, hints)| hints);
    if hints.iter().any(|hint| message.contains(hint)) { Ok(()) } else { Err(format!("no hint: {message}")) }
}

#[test]
fn odd_but_good_inputs_are_taken() {
    let mut wrong = Vec::new();
    for &(at, input, frames) in GOOD {
        // Of its own, because inputs share a name and a place in a run.
        let exporter = Exporter::start(&[]);
        let before = rejected(&exporter.metrics());
        let answers = objects(&client_at(&exporter, at).finish_with(input.bytes()));
        // Cores are not answered by themselves.
        let expected = if matches!(input, Input::CoreCount(_)) { 0 } else { frames };
        let counted = newly_rejected(&exporter, &before);
        if answers.len() != expected || !counted.is_empty() {
            wrong.push(format!("{at:?} {input:?}: counted {counted:?}, answered {answers:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), GOOD.len(), wrong.join("\n"));
}
