//! The link against the exporter's real session, and against the original's server.

mod moves;

use cpumon_protocol::model::{AgentName, CoreTimes, CpuTimes, GuestTimes, HostFacts, Ratio, RunId};
use cpumon_protocol::reject::{RejectReason, Rejection};
use cpumon_protocol::session::exporter::{self, ExporterSession, FrameLimits, Received};

use super::rendezvous::Place;
use super::*;

const SECOND: u64 = 1_000_000;

/// A link, the moment, and what the link has sent.
struct Rig {
    link: Link,
    now: Moment,
    sent: Vec<u8>,
}

impl Rig {
    fn new() -> Self {
        let hello = Hello {
            agent: AgentName::new("web-1").unwrap(),
            run: RunId::from_bits(7),
            boot: None,
            interval: Micros::from_secs(1),
            utilization: Ratio::ZERO,
            start_time: None,
            ephemeral: false,
            facts: HostFacts::default(),
            labels: Vec::new(),
            token: None,
        };
        Self { link: Link::new(LinkSettings::default(), hello, 1), now: Moment(SECOND), sent: Vec::new() }
    }

    /// A second passes and is measured at `percent`.
    fn tick(&mut self, percent: u32) -> Action {
        self.now = self.now.plus(Micros(SECOND));
        let utilization = Ratio::from_millionths(percent * 10_000).unwrap();
        self.link.tick(self.now, Sample { utilization, ..Sample::default() }, true, &mut self.sent)
    }

    fn connected(&mut self) -> Action {
        self.link.connected(self.now, &mut self.sent)
    }

    /// The names are resolved, to one address, and the connection is there.
    fn connect(&mut self) {
        assert_eq!(self.link.resolved(self.now, Ok(&[place(1)])), Action::Open(place(1)));
        assert_eq!(self.connected(), Action::None);
    }

    fn hear(&mut self, bytes: &[u8]) -> Action {
        self.now = self.now.plus(Micros(1_000));
        self.link.receive(self.now, bytes, &mut self.sent)
    }

    fn expire(&mut self) -> Action {
        self.now = self.link.deadline().expect("a deadline");
        self.link.expired(self.now, &mut self.sent)
    }

    /// What the link has sent since the last call, and nothing more.
    fn take(&mut self) -> String {
        String::from_utf8(std::mem::take(&mut self.sent)).unwrap()
    }

    fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.link.next_event()).collect()
    }

    /// Up to welcome; the first sample is then in flight.
    fn live() -> Self {
        let mut rig = Self::new();
        assert_eq!(rig.tick(10), Action::Resolve);
        rig.connect();
        assert!(rig.take().contains("\"hello\""));
        assert_eq!(rig.hear(b"{\"v\":1,\"t\":\"welcome\",\"stale_ms\":5000}\n"), Action::None);
        rig.events();
        rig
    }
}

fn place(number: u8) -> Place {
    Place { address: ([10, 0, 0, number], 8080).into(), exporter: 0 }
}

fn ack(seq: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    exporter::acknowledge(seq, false, &mut bytes);
    bytes
}

#[test]
fn a_whole_conversation_with_the_exporters_session() {
    let mut rig = Rig::new();
    let mut session = ExporterSession::new(FrameLimits::default());
    assert_eq!(rig.tick(10), Action::Resolve);
    rig.connect();
    let hello = rig.take();
    let mut reply = Vec::new();
    match session.receive(&mut hello.as_bytes()).unwrap() {
        Some(Received::Hello(hello)) => assert_eq!(hello.utilization.millionths(), 100_000),
        other => panic!("{other:?}"),
    }
    session.welcome(Micros::from_secs(5), &mut reply);
    let _ = rig.hear(&reply);
    for (seq, percent) in (1..).zip([10, 20, 30]) {
        match session.receive(&mut rig.take().as_bytes()).unwrap() {
            Some(Received::Sample { seq: got, sample }) => {
                assert_eq!((got, sample.utilization.millionths()), (seq, percent * 10_000));
                assert_eq!(sample.rtt.is_some(), seq > 1);
            }
            other => panic!("{other:?}"),
        }
        let _ = rig.hear(&ack(seq));
        if seq < 3 {
            let _ = rig.tick(percent + 10);
        }
    }
    assert_eq!(rig.link.stop(rig.now, Micros::from_secs(2), &mut rig.sent), Action::None);
    match session.receive(&mut rig.take().as_bytes()).unwrap() {
        Some(Received::Bye { seq: Some(4), sample: Some(sample) }) => {
            assert_eq!(sample.utilization.millionths(), 300_000);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(rig.hear(&ack(4)), Action::Close);
    assert!(rig.link.is_ended());
}

#[test]
fn one_sample_in_flight_and_a_late_ack_sends_the_newest_at_once() {
    let mut rig = Rig::live();
    assert!(rig.take().contains("\"seq\":1,"));
    for percent in [20, 30, 40] {
        let _ = rig.tick(percent);
        assert_eq!(rig.take(), "", "a second sample while one is in flight");
        rig.now = Moment(rig.now.0 - 900_000); // the ack limit is not what is tested here
    }
    let _ = rig.hear(&ack(1));
    let newest = rig.take();
    assert!(newest.contains("\"seq\":2,") && newest.contains(":40.0"), "{newest}");
    assert!(newest.contains("\"skipped\":2"), "two were overtaken: {newest}");
}

#[test]
fn every_wait_ends_and_every_failure_is_followed_by_a_rest() {
    type Prepare = fn(&mut Rig);
    let cases: [(&str, Prepare, Failure); 3] = [
        ("connect", |_| {}, Failure::ConnectTimeout(Micros::from_secs(3))),
        ("welcome", Rig::connect, Failure::WelcomeTimeout(Micros::from_secs(3))),
        (
            "ack",
            |rig| {
                rig.connect();
                let _ = rig.hear(b"{\"v\":1,\"t\":\"welcome\",\"stale_ms\":5000}");
                rig.events();
            },
            Failure::AckTimeout(Micros::from_secs(3)),
        ),
    ];
    for (name, prepare, expect) in cases {
        let mut rig = Rig::new();
        assert_eq!(rig.tick(10), Action::Resolve);
        prepare(&mut rig);
        let begun = rig.now;
        assert_eq!(rig.expire(), Action::Close, "{name}");
        assert!(rig.now.since(begun) <= Micros::from_secs(3), "{name}");
        match &rig.events()[..] {
            [Event::Lost { why, rest }] => {
                assert_eq!(*why, expect, "{name}");
                assert!((500_000..=1_000_000).contains(&rest.0), "{name}");
            }
            other => panic!("{name}: {other:?}"),
        }
        assert_eq!(rig.expire(), Action::Resolve, "{name}");
    }
}

#[test]
fn a_refusal_is_obeyed_and_shown() {
    let mut rig = Rig::new();
    let _ = rig.tick(10);
    rig.connect();
    let mut error = Vec::new();
    let conflict = Rejection::new(RejectReason::NameConflict, "set AGENT_NAME");
    exporter::refuse(&conflict, Some(Micros::from_secs(3)), &mut error);
    assert_eq!(rig.hear(&error), Action::Close);
    match &rig.events()[..] {
        [Event::Refused { code, message, rest }] => {
            assert_eq!((&**code, &**message), ("duplicate", "set AGENT_NAME"));
            assert!((1_500_000..=3_000_000).contains(&rest.0));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_originals_server_gets_bare_objects() {
    for split in [false, true] {
        let mut rig = Rig::new();
        let _ = rig.tick(10);
        rig.connect();
        let echo = rig.take().to_uppercase();
        let pieces = if split { echo.split_at(100) } else { (&*echo, "") };
        let _ = rig.hear(pieces.0.as_bytes());
        let _ = rig.hear(pieces.1.as_bytes());
        assert_eq!(rig.take(), "", "hello has delivered the sample");
        for percent in [20, 30] {
            let _ = rig.tick(percent);
            assert_eq!(rig.take(), format!("{{\"The Percentage Of CPU USAGE\":{percent}.0}}\n"));
            let _ = rig.hear(b"{\"THE PERCENTAGE OF CPU USAGE\":20.0}\n");
        }
        let events = rig.events();
        assert_eq!(events[0], Event::FellBack);
        assert_eq!(events.len(), 3, "{events:?}");
        assert_eq!(rig.link.stop(rig.now, Micros::from_secs(2), &mut rig.sent), Action::Close);
    }
}

#[test]
fn what_was_not_measured_is_not_sent() {
    let mut rig = Rig::live();
    rig.take();
    let _ = rig.tick(90);
    rig.link.missed();
    let _ = rig.hear(&ack(1));
    assert_eq!(rig.take(), "", "a sample that is no longer fresh");
    assert_eq!(rig.link.failed(rig.now, Failure::Closed), Action::None);
    assert_eq!(rig.link.deadline(), None, "nothing to connect for");
    rig.now = rig.now.plus(Micros::from_secs(60));
    assert_eq!(rig.tick(20), Action::Resolve);
    rig.connect();
    rig.link.missed();
    let _ = rig.hear(b"{\"v\":1,\"t\":\"welcome\",\"stale_ms\":5000}");
    assert!(!rig.take().contains("\"sample\""));
}

#[test]
fn after_a_pause_no_old_sample_is_sent() {
    let mut rig = Rig::live();
    rig.take();
    let _ = rig.tick(90);
    // The process is paused; when it goes on, the answer is there before the tick.
    rig.now = rig.now.plus(Micros::from_secs(60));
    let _ = rig.hear(&ack(1));
    assert_eq!(rig.take(), "", "what was present a minute ago");
    let _ = rig.tick(10);
    let sent = rig.take();
    assert!(sent.contains("\"seq\":2") && sent.contains("10.0") && sent.contains("\"skipped\":1"), "{sent}");
}

#[test]
fn an_answer_out_of_place_ends_the_connection() {
    for bytes in [
        &b"{\"v\":1,\"t\":\"ack\",\"seq\":9}"[..],
        b"{\"v\":1,\"t\":\"welcome\",\"stale_ms\":1}",
        b"hello",
        b"{\"x\":1}",
    ] {
        let mut rig = Rig::live();
        assert_eq!(rig.hear(bytes), Action::Close, "{bytes:?}");
        assert!(matches!(&rig.events()[..], [Event::Lost { why: Failure::Nonsense(_), .. }]));
    }
}

#[test]
fn bye_does_not_wait_for_ever() {
    let mut rig = Rig::live();
    let _ = rig.link.stop(rig.now, Micros::from_secs(2), &mut rig.sent);
    assert!(rig.take().contains("\"bye\""));
    assert_eq!(rig.hear(&ack(1)), Action::None, "the answer to the sample before it");
    assert_eq!(rig.expire(), Action::Close);
    assert!(rig.link.is_ended());
}

/// The frames that were sent since the last call, by type, and the numbers of the cores in them.
fn frames(rig: &mut Rig) -> Vec<(String, Vec<u64>, bool)> {
    let told = |frame: serde_json::Value| {
        let cores = frame["cores"].as_array().into_iter().flatten();
        let cores = cores.map(|core| core["core"].as_u64().unwrap()).collect();
        (frame["t"].as_str().unwrap().to_owned(), cores, !frame["machine"].is_null())
    };
    rig.take().lines().map(|line| told(serde_json::from_str(line).unwrap())).collect()
}

fn cores(core: u32) -> Cores {
    let times = CoreTimes { core, times: CpuTimes::default(), guest: GuestTimes::default() };
    Cores { asked: true, times: vec![times], ..Cores::default() }
}

fn told(t: &str, cores: &[u64], machine: bool) -> (String, Vec<u64>, bool) {
    (t.to_owned(), cores.into(), machine)
}

#[test]
fn cores_go_before_their_sample_for_as_long_as_they_are_wanted() {
    let mut rig = Rig::live();
    assert!(!rig.link.wants_cores());
    assert_eq!(frames(&mut rig), [told("sample", &[], false)]);
    let _ = rig.hear(b"{\"v\":1,\"t\":\"ack\",\"seq\":1,\"want\":[\"cores\"]}\n");
    assert!(rig.link.wants_cores());
    rig.link.set_cores(Some(cores(5)));
    let _ = rig.tick(20);
    assert_eq!(frames(&mut rig), [told("cores", &[5], false), told("sample", &[], false)]);
    // What the machine is goes once, in a frame of its own. The newest cores go with the newest sample.
    rig.link.set_machine(Box::default());
    rig.link.set_cores(Some(cores(6)));
    let _ = rig.tick(30);
    rig.link.set_cores(Some(cores(7)));
    let _ = rig.tick(40);
    assert_eq!(rig.hear(&ack(2)), Action::None);
    let sample = told("sample", &[], false);
    assert_eq!(frames(&mut rig), [told("cores", &[], true), told("cores", &[7], false), sample.clone()]);
    assert!(!rig.link.wants_cores(), "that ack did not ask");
    let _ = rig.hear(&ack(3));
    let _ = rig.tick(50);
    assert_eq!(frames(&mut rig), [told("cores", &[7], false), sample]);
    let _ = rig.link.stop(rig.now, Micros::from_secs(2), &mut rig.sent);
    assert_eq!(frames(&mut rig), [told("cores", &[7], false), told("bye", &[], false)]);
}

#[test]
fn what_one_exporter_wanted_or_knew_is_nothing_to_the_next() {
    let mut rig = Rig::live();
    rig.link.set_machine(Box::default());
    rig.link.set_cores(Some(cores(1)));
    let _ = rig.hear(b"{\"v\":1,\"t\":\"ack\",\"seq\":1,\"want\":[\"cores\"]}\n");
    let _ = rig.tick(10);
    assert_eq!(rig.link.failed(rig.now, Failure::Closed), Action::None);
    rig.take();
    rig.now = rig.now.plus(Micros::from_secs(30));
    assert_eq!(rig.tick(10), Action::Resolve);
    assert!(!rig.link.wants_cores());
    rig.connect();
    rig.take();
    let _ = rig.hear(b"{\"v\":1,\"t\":\"welcome\",\"stale_ms\":5000}\n");
    assert_eq!(frames(&mut rig)[0], told("cores", &[], true));
}
