//! Bytes that nobody of ours would send, at both ends.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use cpumon_protocol::reject::{RejectReason, Rejection};
use cpumon_protocol::session::agent::{AgentSession, Answer, Leaving};
use cpumon_protocol::session::exporter::{ExporterSession, FrameLimits, acknowledge, refuse};

use crate::support;
use crate::support::conversation::{STALE, hear, listen, welcomed};
use crate::support::values::{chunks, cores, cuts, noise, number, original, plain_hello, sample, text};

/// A way to spoil a stream.
#[derive(Clone, Debug)]
enum Spoil {
    Replace(Index, u8),
    Insert(Index, u8),
    Remove(Index),
    Truncate(Index),
    Double(Index, Index),
}

fn spoil() -> impl Strategy<Value = Spoil> {
    let byte = || prop_oneof![any::<u8>(), proptest::sample::select(&b"{}[]\",:0123456789.-eE\\ \n"[..])];
    prop_oneof![
        (any::<Index>(), byte()).prop_map(|(at, byte)| Spoil::Replace(at, byte)),
        (any::<Index>(), byte()).prop_map(|(at, byte)| Spoil::Insert(at, byte)),
        any::<Index>().prop_map(Spoil::Remove),
        any::<Index>().prop_map(Spoil::Truncate),
        (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Spoil::Double(from, to)),
    ]
}

fn spoiled(mut stream: Vec<u8>, spoil: &Spoil) -> Vec<u8> {
    let len = stream.len();
    match spoil {
        Spoil::Replace(at, byte) => stream[at.index(len)] = *byte,
        Spoil::Insert(at, byte) => stream.insert(at.index(len + 1), *byte),
        Spoil::Remove(at) => drop(stream.remove(at.index(len))),
        Spoil::Truncate(at) => stream.truncate(at.index(len + 1)),
        Spoil::Double(a, b) => {
            let (from, to) = (a.index(len).min(b.index(len)), a.index(len).max(b.index(len)));
            let again = stream[from..to].to_vec();
            stream.splice(to..to, again);
        }
    }
    stream
}

proptest! {
    #![proptest_config(support::cases(20_000))]

    #[test]
    fn any_bytes_have_at_most_one_reason_and_then_nothing(
        before in proptest::sample::select(&[
            "",
            r#"{"The Percentage Of CPU USAGE": 1}"#,
            r#"{"v":1,"t":"hello","agent":"a","run":"r","The Percentage Of CPU USAGE":1}"#,
        ]),
        bytes in noise(),
        limits in (80..200usize, 60..300usize),
        cuts in cuts(),
    ) {
        let limits = FrameLimits { greeting: limits.0, frame: limits.1 };
        let stream = [before.as_bytes(), &bytes].concat();
        let whole = hear(limits, [&*stream]);
        prop_assert!(whole.errors.len() <= 1, "{:?}", whole.errors);
        for outcome in [hear(limits, chunks(&stream, &cuts)), hear(limits, stream.chunks(1))] {
            prop_assert_eq!(&outcome.said, &whole.said);
            prop_assert_eq!(&outcome.errors, &whole.errors);
            prop_assert_eq!(&outcome.answers, &whole.answers);
            prop_assert!(outcome.held_max <= 2 * 300, "{} bytes are held", outcome.held_max);
        }
        // Past an error nothing is said, however good it is by itself.
        if !whole.errors.is_empty() && whole.reasons() != [RejectReason::Truncated] {
            let more = [&*stream, b"\n{\"The Percentage Of CPU USAGE\": 1}", before.as_bytes()].concat();
            let more = hear(limits, [&*more]);
            prop_assert_eq!((more.said, more.errors, more.answers), (whole.said, whole.errors, whole.answers));
        }
    }
}

proptest! {
    #![proptest_config(support::cases(5_000))]

    #[test]
    fn an_agent_stands_any_answer(
        welcome in any::<bool>(),
        bytes in prop_oneof![noise(), vec(any::<u8>(), 0..64), vec(Just(b' '), 0..3_000)],
        repeat in 1..40usize,
        cuts in cuts(),
    ) {
        let mut session = AgentSession::start(&plain_hello(), &mut Vec::new());
        let mut stream = Vec::new();
        if welcome {
            ExporterSession::new(FrameLimits::default()).welcome(STALE, &mut stream);
        }
        stream.extend(bytes.repeat(repeat));
        let (answers, ended) = listen(&mut session, &chunks(&stream, &cuts));
        // Welcomed, a peer is held to v1; before, anything else makes it one of the original's.
        prop_assert!(ended.is_none() || answers.iter().any(|answer| *answer != Answer::Original));
        prop_assert_eq!(session.is_original(), answers.contains(&Answer::Original));
        session.give_up_waiting();
    }

    #[test]
    fn a_spoiled_answer_is_stood(spoil in spoil(), seq in number(), want in any::<bool>(), cuts in cuts()) {
        let mut stream = Vec::new();
        ExporterSession::new(FrameLimits::default()).welcome(STALE, &mut stream);
        acknowledge(seq, want, &mut stream);
        refuse(&Rejection::new(RejectReason::UnknownType, "later"), None, &mut stream);
        let stream = spoiled(stream, &spoil);
        let listen_in = |chunks: &[&[u8]]| {
            let mut session = AgentSession::start(&plain_hello(), &mut Vec::new());
            let (answers, ended) = listen(&mut session, chunks);
            (answers, ended, session.is_original())
        };
        let whole = listen_in(&[&stream]);
        let cut = listen_in(&chunks(&stream, &cuts));
        // An original's answers have no bounds of their own: as many as there are chunks.
        if !whole.2 {
            prop_assert_eq!(cut, whole);
        } else {
            prop_assert!(cut.2);
        }
    }
}

proptest! {
    #![proptest_config(support::cases(3_000))]

    #[test]
    fn a_spoiled_stream_has_at_most_one_reason(
        sample in sample(text()),
        cores in cores(2, text()),
        is_original in any::<bool>(),
        object in original(),
        spoil in spoil(),
        cuts in cuts(),
    ) {
        let stream = if is_original {
            object.0.repeat(3).into_bytes()
        } else {
            let (session, mut stream) = welcomed(&plain_hello());
            session.cores(1, &cores, &mut stream);
            session.sample(1, &sample, &mut stream);
            session.bye(Leaving::Stop, Some((2, &sample)), &mut stream);
            stream
        };
        let stream = spoiled(stream, &spoil);
        let whole = hear(FrameLimits::default(), [&*stream]);
        prop_assert!(whole.errors.len() <= 1, "{:?}", whole.errors);
        let cut = hear(FrameLimits::default(), chunks(&stream, &cuts));
        prop_assert_eq!((cut.said, cut.errors, cut.answers), (whole.said, whole.errors, whole.answers));
    }
}
