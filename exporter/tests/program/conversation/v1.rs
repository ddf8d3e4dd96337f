//! v1 agents, frame by frame.

use serde_json::{Value, json};

use crate::support::{Agent, Client, Exporter, hello, sample};

/// A question and its answer, as JSON; `""` where there is none.
type Exchange = (&'static str, &'static str);

const HELLO: &str =
    r#"{"v":1,"t":"hello","agent":"web-1","run":"r1","interval_ms":1000,"The Percentage Of CPU USAGE":12.5}"#;
const WELCOME: &str = r#"{"v":1,"t":"welcome","stale_ms":5000}"#;
const UNKNOWN: &str = r#"{"v":1,"t":"error","code":"protocol","message":"this type of frame is not known here; known are hello, sample, cores, bye"}"#;

/// Conversations that go well. After each the agent is told apart from others by `web-1`.
const CONVERSATIONS: &[&[Exchange]] = &[
    // The least that an agent can say.
    &[
        (r#"{"v":1,"t":"hello","agent":"web-1","run":"r1","The Percentage Of CPU USAGE":12.5}"#, WELCOME),
        (
            r#"{"v":1,"t":"sample","seq":17,"The Percentage Of CPU USAGE":12.5}"#,
            r#"{"v":1,"t":"ack","seq":17}"#,
        ),
    ],
    // What an agent promises decides when it counts as gone.
    &[
        (
            r#"{"v":1,"t":"hello","agent":"web-1","run":"r1","interval_ms":60000,"The Percentage Of CPU USAGE":0}"#,
            r#"{"v":1,"t":"welcome","stale_ms":300000}"#,
        ),
        (r#"{"v":1,"t":"sample","seq":0,"The Percentage Of CPU USAGE":100}"#, r#"{"v":1,"t":"ack","seq":0}"#),
    ],
    // Fields of a later version, in any order, and nulls.
    &[
        (
            r#"{"later":{"v":2,"t":"x"},"run":"r1","The Percentage Of CPU USAGE":1,"agent":"web-1","t":"hello","boot":null,"v":1}"#,
            WELCOME,
        ),
        (
            r#"{"seq":1,"The Percentage Of CPU USAGE":1,"t":"sample","later":[],"cgroup":null,"v":1}"#,
            r#"{"v":1,"t":"ack","seq":1}"#,
        ),
    ],
    // A frame of a later version is refused, and the connection goes on.
    &[
        (HELLO, WELCOME),
        (r#"{"v":1,"t":"later","seq":"x"}"#, UNKNOWN),
        (r#"{"v":1,"t":""}"#, UNKNOWN),
        (r#"{"v":1,"t":"sample","seq":1,"The Percentage Of CPU USAGE":1}"#, r#"{"v":1,"t":"ack","seq":1}"#),
    ],
    // Cores are not answered, the sample that they belong to is.
    &[
        (HELLO, WELCOME),
        (r#"{"v":1,"t":"cores","seq":1,"cores":[]}"#, ""),
        (r#"{"v":1,"t":"sample","seq":1,"The Percentage Of CPU USAGE":1}"#, r#"{"v":1,"t":"ack","seq":1}"#),
    ],
    // Numbers may be left out, and the largest is one.
    &[
        (HELLO, WELCOME),
        (r#"{"v":1,"t":"sample","seq":5,"The Percentage Of CPU USAGE":1}"#, r#"{"v":1,"t":"ack","seq":5}"#),
        (
            r#"{"v":1,"t":"sample","seq":18446744073709551615,"The Percentage Of CPU USAGE":1}"#,
            r#"{"v":1,"t":"ack","seq":18446744073709551615}"#,
        ),
    ],
];

#[test]
fn every_frame_has_its_answer() {
    for conversation in CONVERSATIONS {
        for line_end in ["\n", "\r\n", ""] {
            let exporter = Exporter::start(&[]);
            let mut client = Client::connect(&exporter);
            for (question, answer) in *conversation {
                client.send(format!("{question}{line_end}"));
                if !answer.is_empty() {
                    let answer: Value = serde_json::from_str(answer).unwrap();
                    assert_eq!(client.frame(), answer, "to {question}");
                }
            }
            assert_eq!(exporter.value(r#"cpumon_agent_up{agent="web-1"}"#), Some(1.0));
            client.end();
            assert_eq!(client.until_closed(), b"", "nothing else is sent");
        }
    }
}

#[test]
fn a_whole_conversation_in_one_packet_is_answered_in_order() {
    let exporter = Exporter::start(&[]);
    let mut client = Client::connect(&exporter);
    let bye = json!({"v": 1, "t": "bye", "reason": "move", "seq": 4, "The Percentage Of CPU USAGE": 50});
    let frames = [hello("web-1", "r1"), sample(1), sample(2), sample(3), bye];
    client.send(frames.map(|frame| frame.to_string()).concat());
    assert_eq!(client.frame()["t"], "welcome");
    for seq in 1..=4 {
        assert_eq!(client.frame(), json!({"v": 1, "t": "ack", "seq": seq}));
    }
    assert_eq!(client.until_closed(), b"", "the connection ends with bye");
    let metrics = exporter.metrics();
    assert_eq!(metrics.value(r#"cpumon_exporter_frames_total{format="v1"}"#), Some(4.0));
    assert_eq!(metrics.value(r#"cpumon_agent_disconnects_total{agent="web-1",reason="bye"}"#), Some(1.0));
}

#[test]
fn bye_brings_the_last_totals() {
    let exporter = Exporter::start(&[]);
    let mut agent = Agent::join(&exporter, "web-1");
    agent.client.send_frame(&json!({
        "v": 1, "t": "bye", "reason": "stop", "seq": 2, "The Percentage Of CPU USAGE": 1, "missed": 9,
    }));
    assert_eq!(agent.client.frame(), json!({"v": 1, "t": "ack", "seq": 2}));
    assert_eq!(agent.client.until_closed(), b"");
    assert_eq!(exporter.value(r#"cpumon_agent_missed_samples_total{agent="web-1"}"#), Some(9.0));
}

#[test]
fn an_older_sample_is_acknowledged_and_changes_nothing() {
    let exporter = Exporter::start(&[]);
    let mut agent = Agent::greet(&exporter, &hello("web-1", "r1"));
    for (seq, missed, shown) in [(5, 1, 1), (5, 2, 1), (4, 3, 1), (6, 4, 4)] {
        let mut frame = sample(seq);
        frame["missed"] = missed.into();
        agent.send(frame);
        let metrics = exporter.metrics();
        let missed = metrics.value(r#"cpumon_agent_missed_samples_total{agent="web-1"}"#);
        assert_eq!(missed, Some(f64::from(shown)), "after {seq}");
    }
    let metrics = exporter.metrics();
    assert_eq!(metrics.value(r#"cpumon_exporter_rejected_frames_total{reason="stale"}"#), Some(2.0));
    assert_eq!(metrics.value(r#"cpumon_exporter_frames_total{format="v1"}"#), Some(2.0));
}
