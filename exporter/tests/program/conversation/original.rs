//! The original's clients, as bytes.

use crate::support::{Agent, Client, Exporter, Page};

/// What a client sends, what it gets, and how many objects that were.
const DIALOGUES: &[(&str, &str, f64)] = &[
    // As `json.dumps` writes it, without a line end.
    (r#"{"The Percentage Of CPU USAGE": 14.6}"#, r#"{"THE PERCENTAGE OF CPU USAGE": 14.6}"#, 1.0),
    // Several back to back: one answer for each.
    (
        r#"{"The Percentage Of CPU USAGE": 1}{"The Percentage Of CPU USAGE": 2}{"The Percentage Of CPU USAGE": 3}"#,
        r#"{"THE PERCENTAGE OF CPU USAGE": 1}{"THE PERCENTAGE OF CPU USAGE": 2}{"THE PERCENTAGE OF CPU USAGE": 3}"#,
        3.0,
    ),
    // Line ends of every kind between them, none of which is answered.
    (
        "\r\n{\"The Percentage Of CPU USAGE\": 1}\r\n\n {\"The Percentage Of CPU USAGE\": 2}\r\n",
        "{\"THE PERCENTAGE OF CPU USAGE\": 1}{\"THE PERCENTAGE OF CPU USAGE\": 2}",
        2.0,
    ),
    // Blanks inside stay as they are.
    ("{\t\"The Percentage Of CPU USAGE\" :\n0.0 }", "{\t\"THE PERCENTAGE OF CPU USAGE\" :\n0.0 }", 1.0),
    // The key in another case, more keys, braces in text, letters that are not ASCII, an exponent.
    (
        r#"{"the percentage of CPU usage": 1e1, "host": "}é{", "x": [{}]}"#,
        r#"{"THE PERCENTAGE OF CPU USAGE": 1E1, "HOST": "}é{", "X": [{}]}"#,
        1.0,
    ),
];

/// The ways in which packets may cut a stream.
fn packets(stream: &str) -> [Vec<&[u8]>; 3] {
    let bytes = stream.as_bytes();
    let (head, tail) = bytes.split_at(bytes.len() / 2);
    [vec![bytes], vec![head, tail], bytes.chunks(1).collect()]
}

#[test]
fn each_object_is_answered_by_its_own_text_in_upper_case() {
    let exporter = Exporter::start(&[]);
    for (stream, answer, objects) in DIALOGUES {
        for packets in packets(stream) {
            let taken = || exporter.value(r#"cpumon_exporter_frames_total{format="original"}"#).unwrap();
            let before = taken();
            let mut client = Client::connect(&exporter);
            for packet in &packets {
                client.send(packet);
                // By the time that this is answered the packet was read.
                assert_eq!(Page::get(exporter.http, "/-/healthy", "").status, 200);
            }
            assert_eq!(client.bytes(answer.len()), *answer, "{} packets", packets.len());
            client.end();
            assert_eq!(client.until_closed(), b"", "nothing else is sent: {stream}");
            assert_eq!(taken() - before, *objects, "{stream}");
        }
    }
    assert!(
        exporter
            .metrics()
            .family("cpumon_exporter_rejected_frames_total")
            .is_some_and(|family| { family.series.iter().all(|series| series.value == 0.0) })
    );
}

#[test]
fn both_dialects_share_the_port() {
    let exporter = Exporter::start(&[]);
    let mut agent = Agent::join(&exporter, "web-1");
    let mut client = Client::connect(&exporter);
    for round in 1..=3 {
        client.send(r#"{"The Percentage Of CPU USAGE": 90}"#);
        assert_eq!(client.bytes(35), r#"{"THE PERCENTAGE OF CPU USAGE": 90}"#);
        agent.sample();
        let metrics = exporter.metrics();
        let endpoint = client.endpoint();
        for (selector, value) in [
            (r#"my_cpu_percents{agent="web-1"}"#.to_owned(), 12.5),
            (format!("my_cpu_percents{{agent=\"{endpoint}\",endpoint=\"{endpoint}\"}}"), 90.0),
            (format!("cpumon_utilization_sample_ratio_count{{agent=\"{endpoint}\"}}"), f64::from(round)),
            (r#"cpumon_exporter_frames_total{format="original"}"#.to_owned(), f64::from(round)),
            (r#"cpumon_exporter_frames_total{format="v1"}"#.to_owned(), f64::from(round + 1)),
            (r#"cpumon_exporter_agents{state="up"}"#.to_owned(), 2.0),
            ("cpumon_exporter_connections".to_owned(), 2.0),
        ] {
            assert_eq!(metrics.value(&selector), Some(value), "{selector} in round {round}");
        }
    }
}

#[test]
fn a_listener_on_every_address_shows_plain_ipv4_endpoints() {
    let exporter = Exporter::start(&[("EXPORTER_INGEST_LISTEN", "[::]:0")]);
    let mut client = Client::to(([127, 0, 0, 1], exporter.ingest.port()).into());
    client.send(r#"{"The Percentage Of CPU USAGE": 7}"#);
    client.bytes(34);
    let endpoint = client.endpoint();
    assert!(endpoint.is_ipv4());
    assert_eq!(exporter.value(&format!("my_cpu_percents{{endpoint=\"{endpoint}\"}}")), Some(7.0));
}
