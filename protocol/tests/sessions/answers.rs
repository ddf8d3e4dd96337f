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
use crate::support::conversation::listen;
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
        for rejection in [fixed, Rejection::with(reason, message.repeat(2))] {
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
            Some(text) => text.as_bytes().to_vec(),
            None => hello.to_ascii_uppercase(),
        };
        prop_assume!(!answer.trim_ascii().is_empty());
        let (answers, ended) = listen(&mut session, &chunks(&answer, &cuts));
        let waited = session.give_up_waiting();
        prop_assert_eq!(ended, None);
        prop_assert!(session.is_original());
        prop_assert!(answers.iter().chain(&waited).all(|answer| *answer == Answer::Original));
        prop_assert_eq!(answers.is_empty(), waited.is_some());
    }
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
