//! What a flood of bad input leaves in the log.

use std::time::Instant;

use serde_json::Value;

use crate::support::{Client, Exporter};

/// How often each kind comes.
const TIMES: u64 = 150;

/// The reason in the log, and bytes that are refused for it.
const KINDS: [(&str, &str); 4] = [
    ("not_an_object", "hello"),
    ("not_json", "{'a': \"\u{1b}[31m\u{202e}\"}"),
    ("bad_name", r#"{"v":1,"t":"hello","agent":"\u001b[31m\r\n","run":"r","The Percentage Of CPU USAGE":1}"#),
    ("schema", r#"{"The Percentage Of CPU USAGE": "\u0000\u000a"}"#),
];

#[test]
fn a_flood_of_one_kind_is_a_line_a_second_that_says_how_many_were_left_out() {
    let mut exporter = Exporter::start(&[("EXPORTER_LOG", "trace")]);
    let started = Instant::now();
    for _ in 0..TIMES {
        for (_, bytes) in KINDS {
            drop(Client::connect(&exporter).insist_on(bytes.into()));
        }
    }
    let seconds = started.elapsed().as_secs() + 2;
    // One line more of each kind would be due now: it tells how many were left out since the one before.
    std::thread::sleep(std::time::Duration::from_secs(1));
    for (_, bytes) in KINDS {
        drop(Client::connect(&exporter).insist_on(bytes.into()));
    }
    for (reason, _) in KINDS {
        exporter.when_value(
            &format!("cpumon_exporter_rejected_frames_total{{reason={reason:?}}}"),
            Some((TIMES + 1) as f64),
        );
    }
    let log: Vec<Value> = exporter
        .process
        .rest()
        .inspect(|line| assert!(!line.trim_end().contains(char::is_control), "{line:?}"))
        .map(|line| serde_json::from_str(&line).unwrap())
        .collect();
    for (reason, _) in KINDS {
        let of_kind = log.iter().filter(|line| line["fields"]["reason"] == reason);
        let left_out: Vec<u64> = of_kind.map(|line| line["fields"]["left_out"].as_u64().unwrap()).collect();
        assert!(left_out.len() as u64 <= seconds + 1, "{reason}: {} lines in {seconds} s", left_out.len());
        assert_eq!(left_out.iter().sum::<u64>() + left_out.len() as u64, TIMES + 1, "{reason}");
    }
}
