//! Whole conversations of several clients with the exporter's core, and the page that comes of them.

use std::cell::RefCell;
use std::net::{Ipv4Addr, SocketAddr};

use cpumon_exporter::exposition::families::Thresholds;
use cpumon_exporter::exposition::own::OwnMetrics;
use cpumon_exporter::exposition::render::Renderer;
use cpumon_exporter::fleet::{ConnectionId, End, Fleet, FleetSettings, Roster, SharedFleet};
use cpumon_exporter::ingest::{Connection, Desk, IngestSettings, Verdict};
use cpumon_exporter::journal::Journal;
use cpumon_protocol::model::{AgentName, Moment, Now, Ratio, WallTime};

use crate::reader::Exposition;

/// Few, so that the fuzzer fills it.
const AGENTS_MAX: usize = 3;

const fn thresholds() -> Thresholds {
    let (warning, critical) = (Ratio::from_millionths(800_000), Ratio::from_millionths(950_000));
    match (warning, critical) {
        (Some(warning), Some(critical)) => Thresholds { warning, critical },
        _ => Thresholds { warning: Ratio::ONE, critical: Ratio::ONE },
    }
}

pub(crate) fn fleet() -> Fleet {
    let settings = FleetSettings { max_agents: AGENTS_MAX, ..FleetSettings::default() };
    Fleet::new(settings, &Roster::default(), at(0))
}

pub(crate) fn at(millis: u64) -> Now {
    let us = millis * 1_000;
    Now { mono: Moment(us), wall: WallTime(1_700_000_000_000_000 + us) }
}

thread_local! {
    /// Kept from one input to the next: to register the metrics takes longer than all else.
    static DESK: RefCell<Option<Desk>> = RefCell::new(desk(IngestSettings::default()));
}

/// A desk with nobody at it.
pub(crate) fn desk(settings: IngestSettings) -> Option<Desk> {
    let metrics = OwnMetrics::new(&thresholds()).ok()?;
    Some(Desk { fleet: SharedFleet::new(fleet()), metrics, journal: Journal::default(), settings })
}

/// The input is what clients send, one after the other, with a byte between them that no text has. They leave in turn,
/// so that some are there at once.
pub(crate) fn run(input: &[u8]) {
    DESK.with_borrow(|desk| {
        assert!(desk.is_some(), "there is no desk");
        let Some(desk) = desk else { return };
        *desk.fleet() = fleet();
        let mut open: Vec<Connection> = Vec::new();
        for (number, stream) in input.split(|byte| *byte == 0xff).take(8).enumerate() {
            let now = at(number as u64 * 900);
            open.extend(converse(number as u64, stream, desk, now));
            check_page(desk, now.mono);
            if open.len() > 2 {
                open.remove(0).close(End::Eof, desk, now.mono);
            }
        }
        for millis in [6_000, 30_000, 70_000, 200_000] {
            check_page(desk, at(millis).mono);
        }
    });
}

/// What one client says; its connection, unless it was ended.
fn converse(number: u64, stream: &[u8], desk: &Desk, now: Now) -> Option<Connection> {
    let port = u16::try_from(number + 1).unwrap_or(1);
    let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut connection = Connection::new(ConnectionId(number), peer, &desk.settings, now.mono);
    let mut answers = Vec::new();
    for chunk in stream.chunks(1_000) {
        if let Verdict::Close(end) = connection.receive(chunk, desk, now, &mut answers) {
            check_answers(&answers, true);
            connection.close(end, desk, now.mono);
            return None;
        }
    }
    check_answers(&answers, false);
    Some(connection)
}

/// A refusal is a whole frame, comes last, and says something.
fn check_answers(answers: &[u8], is_over: bool) {
    let refused = answers
        .split_inclusive(|byte| *byte == b'\n')
        .filter(|line| line.starts_with(b"{\"v\":1,\"t\":\"error\""));
    for line in refused {
        let frame: serde_json::Value = serde_json::from_slice(line).unwrap_or_default();
        let message = frame.get("message").and_then(serde_json::Value::as_str).unwrap_or_default();
        assert!(!message.is_empty(), "{}", String::from_utf8_lossy(line));
        assert!(line.len() <= cpumon_protocol::limits::REPLY_MAX);
        let code = frame.get("code").and_then(serde_json::Value::as_str).unwrap_or_default();
        let codes = ["auth", "duplicate", "version", "limit", "protocol"];
        assert!(codes.contains(&code), "{code:?}");
        // Only an unknown type of frame keeps the connection.
        assert!(is_over || code == "protocol", "{code:?}");
    }
}

/// The page can be read, its names are names, and what it shows is within its range.
fn check_page(desk: &Desk, now: Moment) {
    let page = Renderer::new(thresholds()).page(&desk.fleet, now);
    let page = String::from_utf8(page);
    assert!(page.is_ok(), "the page is no text");
    let page = page.unwrap_or_default();
    let read = Exposition::parse(&page);
    assert!(read.is_ok(), "{:?} in {page}", read.err());
    let read = read.unwrap_or_default();
    let mut up = 0;
    for series in read.series() {
        if let Some(agent) = series.labels.get("agent") {
            assert!(AgentName::new(agent).is_ok() || agent.parse::<SocketAddr>().is_ok(), "{agent:?}");
        }
        match series.name.as_str() {
            "my_cpu_percents" => assert!((0.0..=100.0).contains(&series.value)),
            "cpumon_utilization_ratio" => assert!((0.0..=1.0).contains(&series.value)),
            "cpumon_agent_up" => up += 1,
            _ => assert!(series.value.is_finite(), "{series:?}"),
        }
    }
    assert!(up <= AGENTS_MAX, "{up} agents");
}
