//! Who is let in where a token is asked for.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use cpumon_exporter::fleet::{ConnectionId, End};
use cpumon_exporter::ingest::{Access, Connection, Desk, IngestSettings, Verdict, own_token};
use cpumon_protocol::model::AgentName;
use serde_json::value::RawValue;

use crate::hello::{at, desk, fleet};

/// What the exporter's token file holds.
const SECRET: &str = "s3cret";

/// The one refusal of a token.
const REFUSAL: &str = concat!(
    r#"{"v":1,"t":"error","code":"auth","retry_ms":30000,"#,
    r#""message":"the token is missing or wrong; set AGENT_TOKEN_FILE to a file with one that fits"}"#,
);

thread_local! {
    static DESK: RefCell<Option<Desk>> = RefCell::new(desk(IngestSettings {
        access: Access::new(Some(SECRET), None),
        ..IngestSettings::default()
    }));
}

/// The input is what clients send, one after the other, with a byte between them that no text has.
pub(crate) fn run(input: &[u8]) {
    DESK.with_borrow(|desk| {
        assert!(desk.is_some(), "there is no desk");
        let Some(desk) = desk else { return };
        *desk.fleet() = fleet();
        for (number, stream) in input.split(|byte| *byte == 0xff).take(4).enumerate() {
            converse(number as u64, stream, desk);
        }
    });
}

/// What one client says, in pieces: whoever is let in has shown a token that fits, and nobody learns more than that his
/// does not.
fn converse(number: u64, stream: &[u8], desk: &Desk) {
    let now = at(number * 900);
    let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, u16::try_from(number + 1).unwrap_or(1)));
    let mut connection = Connection::new(ConnectionId(number), peer, &desk.settings, now.mono);
    let mut answers = Vec::new();
    for chunk in stream.chunks(700) {
        if connection.receive(chunk, desk, now, &mut answers) != Verdict::Open {
            break;
        }
    }
    let has_joined = connection.has_joined();
    connection.close(End::Eof, desk, now.mono);
    let answers = String::from_utf8_lossy(&answers);
    // The original's dialect, whose answers are no frames, has no token.
    assert!(answers.lines().all(|line| line.starts_with(r#"{"v":1,"t":"#)), "{answers}");
    let is_welcome = answers.contains(r#""t":"welcome""#);
    assert!(is_welcome || !has_joined, "somebody came in without a welcome");
    if is_welcome {
        assert!(shows_what_fits(stream), "{}", String::from_utf8_lossy(stream));
    }
    for line in answers.lines().filter(|line| line.contains(r#""code":"auth""#)) {
        assert_eq!(line, REFUSAL);
    }
    if !String::from_utf8_lossy(stream).to_lowercase().contains(SECRET) {
        assert!(!answers.to_lowercase().contains(SECRET), "{answers}");
    }
}

/// Whether the first object has a token that fits its name, as an ordinary JSON parser reads it. Other fields may hold
/// numbers that no float holds.
fn shows_what_fits(stream: &[u8]) -> bool {
    let mut objects =
        serde_json::Deserializer::from_slice(stream).into_iter::<BTreeMap<String, Box<RawValue>>>();
    let Some(Ok(hello)) = objects.next() else { return false };
    let text = |field: &str| serde_json::from_str::<String>(hello.get(field)?.get()).ok();
    let Some(shown) = text("token") else { return false };
    let name = text("agent").and_then(|name| AgentName::new(&name).ok());
    shown == SECRET || name.is_some_and(|name| own_token(SECRET, &name) == shown)
}
