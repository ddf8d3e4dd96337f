//! Every example on the page is what it says it is.

use std::collections::BTreeSet;

use serde_json::Value;

use cpumon_protocol::limits::{HELLO_MAX, REPLY_MAX};
use cpumon_protocol::model::Micros;
use cpumon_protocol::reject::{RejectReason, Rejection};
use cpumon_protocol::session::agent::{AgentSession, Answer};
use cpumon_protocol::session::exporter::{ExporterSession, FrameLimits, acknowledge, echo, refuse};

use crate::page::{blocks, examples, fields};
use crate::peer::Kind;
use crate::support::conversation::{STALE, listen};
use crate::support::values::plain_hello;

#[test]
fn every_kind_of_frame_has_an_example_that_is_taken() {
    let mut taken = 0;
    for kind in Kind::ALL {
        let texts = examples(&kind.mark());
        assert!(!texts.is_empty(), "{kind:?} has no example");
        for text in texts {
            assert!(kind.is_taken(&text), "{kind:?}: {text}");
            let frame: Value = serde_json::from_str(&text).unwrap();
            let line = frame.to_string().len() + 1;
            let limit = if kind.is_answer() { REPLY_MAX } else { HELLO_MAX };
            assert!(
                line <= limit || matches!(kind, Kind::Sample | Kind::Cores | Kind::Bye),
                "{line}: {text}"
            );
            taken += 1;
        }
    }
    // No block on the page escapes this module: all are examples, the one echo, the small agent, a picture, or a command.
    let blocks = blocks();
    let others: Vec<_> = blocks.iter().map(|block| block.info.join(" ")).collect();
    let is_other =
        |info: &&String| ["json original echo", "python agent", "text", "sh"].contains(&info.as_str());
    assert_eq!(others.iter().filter(is_other).count(), 4, "{others:?}");
    assert_eq!(taken, blocks.len() - 4, "{others:?}");
}

#[test]
fn every_code_of_an_error_has_an_example() {
    let codes = fields(&Kind::Error.heading()).into_iter().find(|field| field.path == "code").unwrap().range;
    let documented: BTreeSet<_> = codes.split(", ").collect();
    assert_eq!(documented, BTreeSet::from(["auth", "duplicate", "version", "limit", "protocol"]));
    for code in documented {
        let texts = examples(&["exporter", "error", code]);
        let [text] = &texts[..] else { panic!("{} examples of the code {code}", texts.len()) };
        let mut session = AgentSession::start(&plain_hello(), &mut Vec::new());
        match session.receive(&mut text.as_bytes()) {
            Ok(Some(Answer::Refused { code: got, message, .. })) => {
                assert_eq!(&*got, code);
                assert!(!message.is_empty() && message.len() <= 200, "{message}");
            }
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn the_echo_is_that_of_the_object_before_it() {
    let (objects, echoes) = (examples(&["original", "object"]), examples(&["original", "echo"]));
    let mut answer = Vec::new();
    echo(&objects[0], &mut answer);
    assert_eq!(echoes, [String::from_utf8(answer).unwrap()]);
    let mut session = AgentSession::start(&plain_hello(), &mut Vec::new());
    assert_eq!(listen(&mut session, &[echoes[0].as_bytes()]), (vec![Answer::Original], None));
}

#[test]
fn an_exporter_writes_its_frames_as_they_stand_there() {
    let line = |write: &dyn Fn(&mut Vec<u8>)| {
        let mut out = Vec::new();
        write(&mut out);
        assert_eq!(out.pop(), Some(b'\n'));
        String::from_utf8(out).unwrap()
    };
    let welcome = line(&|out| ExporterSession::new(FrameLimits::default()).welcome(STALE, out));
    assert_eq!(examples(&["exporter", "welcome"]), [welcome]);
    let acks = [false, true].map(|want_cores| line(&|out| acknowledge(17, want_cores, out)));
    assert_eq!(examples(&["exporter", "ack"]), acks);
    for (code, reason) in [
        ("auth", RejectReason::Auth),
        ("duplicate", RejectReason::NameConflict),
        ("version", RejectReason::BadVersion),
        ("limit", RejectReason::FleetFull),
        ("protocol", RejectReason::Schema),
    ] {
        let [text] = &examples(&["exporter", "error", code])[..] else { panic!("{code}") };
        let frame: Value = serde_json::from_str(text).unwrap();
        let rejection = Rejection::with(reason, frame["message"].as_str().unwrap().into());
        let retry = frame["retry_ms"].as_u64().map(Micros::from_millis);
        assert_eq!(*text, line(&|out| refuse(&rejection, retry, out)));
    }
}
