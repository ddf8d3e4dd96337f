//! From the exporter to the agent: answers within their limit, understood in any chunks, and the way back to the
//! original.

use proptest::collection::vec;
use proptest::prelude::*;

use cpumon_protocol::limits::REPLY_MAX;
use cpumon_protocol::model::Micros;
use cpumon_protocol::reject::{RejectReason, Rejection};
use cpumon_protocol::session::agent::{AgentSession, Answer};
use cpumon_protocol::session::exporter::{ExporterSession, FrameLimits, acknowledge, echo, refuse};

use crate::support;
use crate::support::conversation::{STALE, listen};
use crate::support::values::{any_text, chunks, cuts, noise, number, plain_hello};

proptest! {
    #![proptest_config(support::cases(10_000))]

    #[test]
    fn an_error_frame_keeps_its_limit_and_is_understood(
        reason in proptest::sample::select(&RejectReason::ALL[..]),
        message in any_text(),
        retry in proptest::option::of(number()),
    ) {
        let fixed = Rejection { reason, message: message.to_string().into() };
        let cut = Rejection::with(reason, message.repeat(2));
        prop_assert!(cut.message.len() <= 200 && message.repeat(2).starts_with(&*cut.message));
        for rejection in [fixed, cut] {
            let mut bytes = Vec::new();
            refuse(&rejection, retry.map(Micros::from_millis), &mut bytes);
            prop_assert!(bytes.len() <= REPLY_MAX, "{} bytes", bytes.len());
            let mut session = AgentSession::start(&plain_hello(), &mut Vec::new());
            match session.receive(&mut &*bytes) {
                Ok(Some(Answer::Refused { code, retry: got, message })) => {
                    prop_assert!(["auth", "duplicate", "version", "limit", "protocol"].contains(&&*code));
                    prop_assert_eq!(got.map(Micros::as_millis), retry.map(|ms| Micros::from_millis(ms).as_millis()));
                    prop_assert!(rejection.message.starts_with(&*message));
                }
                other => prop_assert!(false, "{:?}", other),
            }
        }
    }

    #[test]
    fn welcome_and_ack_keep_their_limit_and_are_understood_in_any_chunks(
        stale in number(),
        acks in vec((number(), any::<bool>()), 0..6),
        cuts in cuts(),
    ) {
        let mut stream = Vec::new();
        ExporterSession::new(FrameLimits::default()).welcome(Micros(stale), &mut stream);
        let mut expected = vec![Answer::Welcome { stale: Micros::from_millis(stale / 1_000) }];
        for (seq, want_cores) in acks {
            let start = stream.len();
            acknowledge(seq, want_cores, &mut stream);
            prop_assert!(stream.len() - start <= REPLY_MAX);
            expected.push(Answer::Ack { seq, want_cores });
        }
        for chunks in [vec![&*stream], chunks(&stream, &cuts), stream.chunks(1).collect()] {
            let mut session = AgentSession::start(&plain_hello(), &mut Vec::new());
            let (answers, ended) = listen(&mut session, &chunks);
            prop_assert_eq!(&answers, &expected);
            prop_assert_eq!(ended, None);
        }
    }

    #[test]
    fn any_answer_but_v1_falls_back_to_the_original(
        answer in prop_oneof![
            Just(None),
            any_text().prop_map(Some),
            noise().prop_map(|bytes| Some(String::from_utf8_lossy(&bytes).into())),
        ],
        cuts in cuts(),
    ) {
        let mut hello = Vec::new();
        let mut session = AgentSession::start(&plain_hello(), &mut hello);
        let answer = match answer {
            // Blanks alone are no answer yet.
            Some(text) if text.trim_ascii().is_empty() => b" OK".to_vec(),
            Some(text) => text.as_bytes().to_vec(),
            None => hello.to_ascii_uppercase(),
        };
        let (answers, ended) = listen(&mut session, &chunks(&answer, &cuts));
        let waited = session.give_up_waiting();
        prop_assert_eq!(ended, None);
        // The rest of what begins as a v1 frame does may be late.
        if answers.is_empty() && may_begin_v1(answer.trim_ascii_start()) {
            prop_assert!(waited.is_none() && !session.is_original());
            return Ok(());
        }
        prop_assert!(session.is_original());
        prop_assert!(answers.iter().chain(&waited).all(|answer| *answer == Answer::Original));
        prop_assert_eq!(answers.is_empty(), waited.is_some());
    }
}

fn may_begin_v1(begun: &[u8]) -> bool {
    [&b"{\"v\":"[..], b"{\"t\":"].iter().any(|v1| v1.starts_with(begun) || begun.starts_with(v1))
}

#[test]
fn an_echo_is_the_objects_own_text_in_upper_case() {
    for (object, expected) in [
        (r#"{"The Percentage Of CPU USAGE": 14.6}"#, r#"{"THE PERCENTAGE OF CPU USAGE": 14.6}"#),
        (
            r#"{"a":"é\u00e9","The Percentage Of CPU USAGE":1e1}"#,
            r#"{"A":"é\U00E9","THE PERCENTAGE OF CPU USAGE":1E1}"#,
        ),
    ] {
        let mut answer = Vec::new();
        echo(object, &mut answer);
        assert_eq!(String::from_utf8(answer).unwrap(), expected);
    }
}

/// What a session makes of one answer; `welcomed` says whether it comes after welcome.
fn meaning(welcomed: bool, answer: &str) -> (Vec<Answer>, Option<RejectReason>) {
    let mut session = AgentSession::start(&plain_hello(), &mut Vec::new());
    if welcomed {
        let mut welcome = Vec::new();
        ExporterSession::new(FrameLimits::default()).welcome(STALE, &mut welcome);
        assert_eq!(listen(&mut session, &[&welcome]).0, [Answer::Welcome { stale: STALE }]);
    }
    listen(&mut session, &[answer.as_bytes()])
}

#[test]
fn after_welcome_only_v1_is_an_answer() {
    let fitting = format!("{{\"v\":1,\"t\":\"ack\",\"seq\":7{}}}", " ".repeat(REPLY_MAX - 25));
    assert_eq!(fitting.len(), REPLY_MAX);
    let ack = |want_cores| Ok(Answer::Ack { seq: 7, want_cores });
    for (answer, expected) in [
        (r#"{"v":1,"t":"ack","seq":7}"#, ack(false)),
        (r#"{"v":1,"t":"ack","seq":7,"want":[]}"#, ack(false)),
        (r#"{"v":1,"t":"ack","seq":7,"want":["cores"]}"#, ack(true)),
        (r#"{"v":1,"t":"ack","seq":7,"want":["later"]}"#, ack(false)),
        (r#"{"v":1,"t":"ack","seq":7,"want":["later","cores"],"more":{}}"#, ack(true)),
        (&fitting, ack(false)),
        (&format!(" {fitting}"), ack(false)),
        (&fitting.replace('}', " }"), Err(RejectReason::TooLarge)),
        (r#"{"v":2,"t":"ack","seq":7}"#, Err(RejectReason::Schema)),
        (r#"{"v":1,"t":"later"}"#, Err(RejectReason::Schema)),
        (r#"{"v":1,"t":"ack"}"#, Err(RejectReason::Schema)),
        (r#"{"t":"ack","seq":7}"#, Err(RejectReason::Schema)),
        (r#"{"V":1,"T":"ACK","SEQ":7}"#, Err(RejectReason::Schema)),
        (r#"{"v":1,"t":"ack","seq":-7}"#, Err(RejectReason::Schema)),
        (r#"{"v":1,"t":"ack","seq":7,"want":"cores"}"#, Err(RejectReason::Schema)),
        (r#"{"v":1,"t":"ack","t":"ack","seq":7}"#, Err(RejectReason::Schema)),
        ("OK", Err(RejectReason::NotAnObject)),
    ] {
        let (answers, ended) = meaning(true, answer);
        match expected {
            Ok(expected) => assert_eq!((answers, ended), (vec![expected], None), "{answer}"),
            Err(reason) => assert_eq!((answers, ended), (Vec::new(), Some(reason)), "{answer}"),
        }
    }
}

#[test]
fn before_welcome_all_but_v1_is_the_original() {
    for answer in [
        "OK",
        "OK\n{\"more\":1}",
        "{\"THE PERCENTAGE OF CPU USAGE\": 0}",
        r#"{"v":2,"t":"welcome","stale_ms":5000}"#,
        r#"{"v":1,"t":"welcome"}"#,
        r#"{"v":1,"t":"ack","seq":7}"#,
        r#"{"v":1,"t":"later"}"#,
        "HTTP/1.1 400 Bad Request\r\n\r\n",
        // Begun and already longer than any v1 frame.
        &format!("{{\"{}", "A".repeat(REPLY_MAX)),
    ] {
        assert_eq!(meaning(false, answer), (vec![Answer::Original], None), "{answer}");
    }
    let refused =
        Answer::Refused { code: "later".into(), retry: Some(Micros::from_secs(3)), message: "".into() };
    let error = r#"{"v":1,"t":"error","code":"later","retry_ms":3000}"#;
    assert_eq!(meaning(false, error), (vec![refused], None));
    assert_eq!(meaning(false, "\r\n{\"v\":1"), (Vec::new(), None));
}

#[test]
fn waiting_is_given_up_for_a_begun_first_answer_only() {
    for (welcomed, begun, expected) in [
        (false, "{\"THE PERCENTAGE", Some(Answer::Original)),
        (false, "{\"V\":1,\"T\":\"HELLO\"", Some(Answer::Original)),
        // A welcome of which the rest is late.
        (false, "{", None),
        (false, "{\"v\":1,\"t\":\"welc", None),
        (false, "{\"t\":\"welc", None),
        (false, "", None),
        (false, "\n", None),
        (true, "{\"v\":1", None),
    ] {
        let mut session = AgentSession::start(&plain_hello(), &mut Vec::new());
        if welcomed {
            session.receive(&mut &br#"{"v":1,"t":"welcome","stale_ms":5000}"#[..]).unwrap();
        }
        assert_eq!(listen(&mut session, &[begun.as_bytes()]), (Vec::new(), None));
        assert_eq!(session.give_up_waiting(), expected, "{welcomed} {begun:?}");
        assert_eq!(session.is_original(), expected.is_some(), "{welcomed} {begun:?}");
    }
}
