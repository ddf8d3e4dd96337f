//! Every limit on connections and agents, with the counter that moves when it bites.

use std::io::Write;
use std::net::{IpAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use rustix::net::sockopt::set_socket_recv_buffer_size;
use rustix::net::{AddressFamily, SocketType, connect, socket};
use serde_json::{Value, json};

use crate::support::{Agent, Client, Exporter, LARGE_OBJECTS, PATIENCE, PERCENT, hello, sample, stuff};

fn refused(exporter: &Exporter, reason: &str) -> f64 {
    let selector = format!("cpumon_exporter_rejected_connections_total{{reason={reason:?}}}");
    exporter.value(&selector).unwrap()
}

fn assert_refused_for_now(refusal: &Value, hint: &str) {
    let frame = [&refusal["t"], &refusal["code"], &refusal["retry_ms"]];
    assert_eq!(frame, [&json!("error"), &json!("limit"), &json!(30_000)], "{refusal}");
    assert!(refusal["message"].as_str().unwrap().contains(hint), "{refusal}");
}

#[test]
fn a_full_fleet_refuses_new_names_and_forgets_the_longest_gone() {
    let exporter = Exporter::start(&[("EXPORTER_MAX_AGENTS", "2")]);
    let one = Agent::join(&exporter, "one");
    let mut two = Agent::join(&exporter, "two");
    let mut three = Client::connect(&exporter);
    three.send_frame(&hello("three", "r1"));
    assert_refused_for_now(
        &three.frame(),
        "the fleet is full with 2 living agents; raise EXPORTER_MAX_AGENTS",
    );
    assert_eq!(three.until_closed(), b"");
    let full = r#"cpumon_exporter_rejected_frames_total{reason="fleet_full"}"#;
    assert_eq!(exporter.value(full), Some(1.0));
    // A client of the original takes a place too. It gets no answer.
    let mut original = Client::connect(&exporter);
    original.send(json!({PERCENT: 1}).to_string());
    assert_eq!(original.until_closed(), b"");
    assert_eq!(exporter.value(full), Some(2.0));

    drop(one);
    exporter.when_value(r#"cpumon_agent_up{agent="one"}"#, Some(0.0));
    let _three = Agent::join(&exporter, "three");
    two.sample();
    let metrics = exporter.metrics();
    for (agent, up) in [("one", None), ("two", Some(1.0)), ("three", Some(1.0))] {
        assert_eq!(metrics.value(&format!("cpumon_agent_up{{agent={agent:?}}}")), up, "{agent}");
    }
}

#[test]
fn connections_are_bounded_in_all() {
    let exporter = Exporter::start(&[("EXPORTER_MAX_CONNECTIONS", "3")]);
    let mut agents = ["one", "two", "three"].map(|name| Agent::join(&exporter, name));
    for attempt in 1..=5 {
        let mut client = Client::connect(&exporter);
        assert_refused_for_now(&client.frame(), "too many connections; come back later");
        assert_eq!(client.until_closed(), b"");
        assert_eq!(refused(&exporter, "connections"), f64::from(attempt));
        agents.iter_mut().for_each(Agent::sample);
    }
    let [one, ..] = agents;
    one.bye();
    // Its place is free when its task has ended, right after the bye is answered.
    exporter.when_value("cpumon_exporter_connections", Some(2.0));
    Agent::join(&exporter, "four");
}

#[test]
fn connections_are_bounded_by_address() {
    let exporter = Exporter::start(&[("EXPORTER_MAX_CONNECTIONS_PER_ADDRESS", "2")]);
    let mut agents = ["one", "two"].map(|name| Agent::join(&exporter, name));
    let mut client = Client::connect(&exporter);
    assert_refused_for_now(&client.frame(), "too many connections");
    assert_eq!(client.until_closed(), b"");
    let other: IpAddr = [127, 0, 0, 2].into();
    let mut elsewhere = Client::connect_from(&exporter, other);
    elsewhere.send_frame(&hello("three", "r1"));
    assert_eq!(elsewhere.frame()["t"], "welcome");
    elsewhere.send_frame(&sample(1));
    assert_eq!(elsewhere.frame()["t"], "ack");
    agents.iter_mut().for_each(Agent::sample);
    assert_eq!(refused(&exporter, "address"), 1.0);
    let info = exporter.value(r#"cpumon_agent_info{agent="three",address="127.0.0.2"}"#);
    assert_eq!(info, Some(1.0));
}

#[test]
fn the_oldest_stranger_makes_room_for_the_next() {
    let exporter = Exporter::start(&[("EXPORTER_MAX_UNGREETED", "2"), ("EXPORTER_HELLO_TIMEOUT", "600s")]);
    let mut agent = Agent::join(&exporter, "web-1");
    let mut strangers = Vec::new();
    for count in 2..=4 {
        strangers.push(Client::connect(&exporter));
        exporter.when("it is let in", |metrics| {
            let ever = metrics.value(r#"cpumon_exporter_rejected_connections_total{reason="ungreeted"}"#);
            metrics.value("cpumon_exporter_connections").unwrap() + ever.unwrap() == f64::from(count)
        });
    }
    let mut strangers = strangers.into_iter();
    assert_eq!(strangers.next().unwrap().until_closed(), b"", "the oldest goes");
    assert_eq!(refused(&exporter, "ungreeted"), 1.0);
    for (mut stranger, name) in strangers.zip(["web-2", "web-3"]) {
        stranger.send_frame(&hello(name, "r1"));
        assert_eq!(stranger.frame()["t"], "welcome", "the others are still there");
    }
    agent.sample();
}

/// A client that is cut when its time is over.
struct Slow {
    what: &'static str,
    limits: &'static [(&'static str, &'static str)],
    /// The time that it has.
    limit: Duration,
    /// What is said first, answers being read.
    before: &'static [&'static str],
    /// What it says then.
    says: &'static str,
    /// What it says again and again, every 10 ms.
    keeps_saying: &'static str,
    /// The series that counts it.
    counted: &'static str,
}

const SILENT: &str = r#"cpumon_exporter_rejected_connections_total{reason="silent"}"#;
const TIMEOUT: &str = r#"cpumon_agent_disconnects_total{reason="timeout"}"#;
const HELLO: &str =
    r#"{"v":1,"t":"hello","agent":"web-1","run":"r1","interval_ms":100,"The Percentage Of CPU USAGE":1}"#;
const SAMPLE: &str = r#"{"v":1,"t":"sample","seq":1,"The Percentage Of CPU USAGE":1}"#;

const SLOW: &[Slow] = &[
    Slow {
        what: "it says nothing",
        limits: &[("EXPORTER_HELLO_TIMEOUT", "300ms")],
        limit: Duration::from_millis(300),
        before: &[],
        says: "",
        keeps_saying: "",
        counted: SILENT,
    },
    Slow {
        what: "it says nothing, in many blanks",
        limits: &[("EXPORTER_HELLO_TIMEOUT", "300ms")],
        limit: Duration::from_millis(300),
        before: &[],
        says: "",
        keeps_saying: "\r\n",
        counted: SILENT,
    },
    Slow {
        what: "its hello never ends",
        limits: &[("EXPORTER_FRAME_TIMEOUT", "300ms")],
        limit: Duration::from_millis(300),
        before: &[],
        says: r#"{"v":1,"t":"hello","agent":""#,
        keeps_saying: "a",
        counted: SILENT,
    },
    Slow {
        what: "it is welcome and never sends a sample",
        limits: &[("EXPORTER_IDLE_TIMEOUT", "300ms"), ("EXPORTER_STALE_MIN", "300ms")],
        limit: Duration::from_millis(500),
        before: &[HELLO],
        says: "",
        keeps_saying: "\n",
        counted: SILENT,
    },
    Slow {
        what: "it is welcome and sends anything but a sample",
        limits: &[
            ("EXPORTER_IDLE_TIMEOUT", "300ms"),
            ("EXPORTER_STALE_MIN", "300ms"),
            ("EXPORTER_MAX_FRAME_RATE", "1000"),
        ],
        limit: Duration::from_millis(500),
        before: &[HELLO],
        says: "",
        keeps_saying: r#"{"v":1,"t":"cores","seq":1,"cores":[]}"#,
        counted: SILENT,
    },
    Slow {
        what: "an agent falls silent",
        limits: &[
            ("EXPORTER_IDLE_TIMEOUT", "300ms"),
            ("EXPORTER_STALE_MIN", "100ms"),
            ("EXPORTER_STALE_INTERVALS", "2"),
        ],
        limit: Duration::from_millis(300),
        before: &[HELLO, SAMPLE],
        says: "",
        keeps_saying: "",
        counted: TIMEOUT,
    },
    Slow {
        what: "an agent falls silent that may be silent for longer",
        limits: &[("EXPORTER_IDLE_TIMEOUT", "100ms"), ("EXPORTER_STALE_MIN", "700ms")],
        limit: Duration::from_millis(700),
        before: &[HELLO, SAMPLE],
        says: "",
        keeps_saying: "\n",
        counted: TIMEOUT,
    },
    Slow {
        what: "an agent's sample never ends",
        limits: &[("EXPORTER_FRAME_TIMEOUT", "300ms")],
        limit: Duration::from_millis(300),
        before: &[HELLO, SAMPLE],
        says: r#"{"v":1,"t":"sample","seq":2,"later":""#,
        keeps_saying: "x",
        counted: TIMEOUT,
    },
    Slow {
        what: "a client of the original falls silent",
        limits: &[("EXPORTER_ORIGINAL_IDLE_TIMEOUT", "300ms")],
        limit: Duration::from_millis(300),
        before: &[],
        says: r#"{"The Percentage Of CPU USAGE": 1}"#,
        keeps_saying: " ",
        counted: TIMEOUT,
    },
];

#[test]
fn who_is_too_slow_is_cut_in_time_and_counted() {
    for slow in SLOW {
        // All other limits are out of sight, so that it is this one that bites.
        let all = [
            "EXPORTER_HELLO_TIMEOUT",
            "EXPORTER_FRAME_TIMEOUT",
            "EXPORTER_IDLE_TIMEOUT",
            "EXPORTER_ORIGINAL_IDLE_TIMEOUT",
            "EXPORTER_WRITE_TIMEOUT",
        ];
        let exporter = Exporter::start(&[&all.map(|name| (name, "600s")), slow.limits].concat());
        let counted = || exporter.value(slow.counted).unwrap_or(0.0);
        let before = counted();
        let mut client = Client::connect(&exporter);
        for frame in slow.before {
            client.send(frame);
            client.frame();
        }
        // The exporter's clock may have started a little earlier: it has read what we sent last.
        let started = Instant::now();
        client.send(slow.says);
        let mut stream = client.stream();
        let drip = thread::spawn(move || {
            while !slow.keeps_saying.is_empty() && stream.write_all(slow.keeps_saying.as_bytes()).is_ok() {
                thread::sleep(Duration::from_millis(10));
            }
        });
        client.until_closed();
        let took = started.elapsed();
        drip.join().unwrap();
        assert!(took >= slow.limit - Duration::from_millis(50), "{}: cut after {took:?}", slow.what);
        exporter.when(slow.what, |metrics| metrics.value(slow.counted) == Some(before + 1.0));
    }
}

#[test]
fn blanks_without_a_pause_buy_no_time() {
    let limits = ["EXPORTER_HELLO_TIMEOUT", "EXPORTER_IDLE_TIMEOUT", "EXPORTER_STALE_MIN"];
    let exporter = Exporter::start(&limits.map(|limit| (limit, "300ms")));
    let mut agent = Agent::join(&exporter, "web-1");
    let mut hurried = hello("web-2", "r1");
    hurried["interval_ms"] = 100.into();
    let floods = [Client::connect(&exporter), Agent::greet(&exporter, &hurried).client].map(|client| {
        let mut stream = client.stream();
        // There is something to be read of it at any time, until it is cut.
        thread::spawn(move || while stream.write_all(&[b' '; 1 << 16]).is_ok() {})
    });
    exporter.when("both are cut", |metrics| metrics.value(SILENT) == Some(2.0));
    floods.into_iter().for_each(|flood| flood.join().unwrap());
    agent.sample();
}

#[test]
fn who_is_welcome_and_does_not_read_is_counted_when_cut() {
    let exporter =
        Exporter::start(&[("EXPORTER_WRITE_TIMEOUT", "300ms"), ("EXPORTER_MAX_FRAME_RATE", "1000000")]);
    let mut agent = Agent::join(&exporter, "web-1");
    let welcomed = Agent::greet(&exporter, &hello("web-2", "r1")).client;
    // Each of these is answered, and none is a sample.
    let unknown = r#"{"v":1,"t":"x"}"#.repeat(4_000);
    stuff(&mut welcomed.stream(), unknown.as_bytes(), || false);
    exporter.when_value(r#"cpumon_exporter_rejected_connections_total{reason="unread"}"#, Some(1.0));
    assert_eq!(exporter.value(r#"cpumon_agent_up{agent="web-2"}"#), None);
    agent.sample();
}

#[test]
fn who_does_not_read_is_not_read_from_and_then_cut() {
    let exporter = Exporter::start(&[
        ("EXPORTER_WRITE_TIMEOUT", "300ms"),
        ("EXPORTER_MAX_FRAME_RATE", "500"),
        LARGE_OBJECTS,
    ]);
    let mut agent = Agent::join(&exporter, "web-1");
    let mut client = Client::connect(&exporter);
    let endpoint = client.endpoint();
    client.stuff(|| false);
    exporter.when_value(
        &format!("cpumon_agent_disconnects_total{{agent=\"{endpoint}\",reason=\"timeout\"}}"),
        Some(1.0),
    );
    agent.sample();
}

#[test]
fn the_kernel_keeps_few_answers_for_who_does_not_read() {
    // With the defaults: a second's burst of large objects is more than it keeps.
    let exporter = Exporter::start(&[("EXPORTER_WRITE_TIMEOUT", "300ms")]);
    let address = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    set_socket_recv_buffer_size(&address, 2_048).unwrap();
    connect(&address, &exporter.ingest).unwrap();
    let mut stream = TcpStream::from(address);
    let endpoint = stream.local_addr().unwrap();
    let object = json!({PERCENT: 1, "x": "x".repeat(3_900)}).to_string();
    stream.write_all(object.repeat(20).as_bytes()).unwrap();
    exporter.when_value(
        &format!("cpumon_agent_disconnects_total{{agent=\"{endpoint}\",reason=\"timeout\"}}"),
        Some(1.0),
    );
}

#[test]
fn an_agent_that_never_reads_is_cut_however_small_the_answers_are() {
    // Its kernel takes some of them; what it does not take lies unread for longer than it may.
    let exporter =
        Exporter::start(&[("EXPORTER_WRITE_TIMEOUT", "500ms"), ("EXPORTER_MAX_FRAME_RATE", "200")]);
    let address = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    set_socket_recv_buffer_size(&address, 2_048).unwrap();
    connect(&address, &exporter.ingest).unwrap();
    let mut stream = TcpStream::from(address);
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    let begun = Instant::now();
    let (mut said, mut seqs) = (format!("{}\n", hello("deaf", "r1")), 1..);
    // It does not end well: the exporter reads no more, and then closes.
    while stream.write_all(said.as_bytes()).is_ok() {
        said = seqs.by_ref().take(100).map(|seq| format!("{}\n", sample(seq))).collect();
    }
    exporter.when_value(r#"cpumon_agent_disconnects_total{agent="deaf",reason="timeout"}"#, Some(1.0));
    // What fills the kernel's buffers to their bound would take longer than this.
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
}

#[test]
fn who_sends_too_fast_is_made_to_wait() {
    let exporter = Exporter::start(&[("EXPORTER_MAX_FRAME_RATE", "20")]);
    let mut agent = Agent::greet(&exporter, &hello("web-1", "r1"));
    let started = Instant::now();
    let burst: String = (1..=60).map(|seq| sample(seq).to_string()).collect();
    agent.client.send(burst);
    for seq in 1..=60 {
        assert_eq!(agent.client.frame()["seq"], seq, "nothing is refused");
    }
    agent.seq = 60;
    agent.sample();
    // A second's worth may come at once: what goes beyond costs its time.
    let took = started.elapsed();
    assert!(took >= Duration::from_secs(2), "{took:?}");
    let metrics = exporter.metrics();
    assert!(metrics.value("cpumon_exporter_throttled_total").unwrap() >= 1.0);
    assert_eq!(metrics.value(r#"cpumon_exporter_frames_total{format="v1"}"#), Some(61.0));
}
