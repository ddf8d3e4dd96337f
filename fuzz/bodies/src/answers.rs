//! What an exporter, or whatever stands in its place, may answer an agent.

use std::sync::LazyLock;

use cpumon_agent::link::rendezvous::Place;
use cpumon_agent::link::{Action, Failure, Link, LinkSettings};
use cpumon_protocol::limits::{FRAME_MAX, REPLY_MAX};
use cpumon_protocol::model::{AgentName, Hello, HostFacts, Micros, Moment, Ratio, RunId, Sample};
use cpumon_protocol::session::agent::{AgentSession, Answer};

use crate::conversation::listen;

const WELCOME: &[u8] = b"{\"v\":1,\"t\":\"welcome\",\"stale_ms\":5000}\n";

static HELLO: LazyLock<Option<Hello>> = LazyLock::new(|| {
    Some(Hello {
        agent: AgentName::new("a").ok()?,
        run: RunId::new("r")?,
        boot: None,
        interval: Micros::from_secs(1),
        utilization: Ratio::ZERO,
        start_time: None,
        ephemeral: false,
        facts: HostFacts::default(),
        labels: Vec::new(),
        token: None,
    })
});

/// The first byte chooses whether welcome comes first, and how the rest is cut.
pub(crate) fn run(input: &[u8]) {
    let (Some((&choice, answers)), Some(hello)) = (input.split_first(), &*HELLO) else { return };
    let welcome = if choice & 1 == 0 { WELCOME } else { b"" };
    let stream = [welcome, answers].concat();
    let size = 1 + usize::from(choice >> 1);
    session_stands(hello, &stream, size);
    link_stands(hello, &stream, size);
}

/// A session gives the same answers however they came, unless it took the other end for an original's server, whose
/// answers have no bounds.
fn session_stands(hello: &Hello, stream: &[u8], size: usize) {
    let heard = |chunks: &[&[u8]]| {
        let mut session = AgentSession::start(hello, &mut Vec::new());
        let (answers, ended) = listen(&mut session, chunks);
        (answers, ended, session.is_original())
    };
    let whole = heard(&[stream]);
    let cut = heard(&stream.chunks(size).collect::<Vec<_>>());
    assert_eq!(whole.2, cut.2);
    if !whole.2 {
        assert_eq!(whole, cut);
    }
    for answer in &whole.0 {
        if let Answer::Refused { code, message, .. } = answer {
            assert!(code.len() + message.len() <= REPLY_MAX);
        }
    }
}

/// A link goes on whatever comes: it sends nothing too large, always has a deadline, and rests after a failure.
fn link_stands(hello: &Hello, stream: &[u8], size: usize) {
    let mut link = Link::new(LinkSettings::default(), hello.clone(), 1);
    let mut now = Moment(1_000_000);
    let mut chunks = stream.chunks(size);
    let mut connects = 0;
    for _ in 0..64 {
        now = now.plus(Micros::from_millis(500));
        let mut out = Vec::new();
        let mut action = link.tick(now, Sample::default(), true, &mut out);
        if action == Action::Resolve {
            connects += 1;
            let place = Place { address: ([127, 0, 0, 1], 8080).into(), exporter: 0 };
            assert_eq!(link.resolved(now, Ok(&[place])), Action::Open(place));
            action = link.connected(now, &mut out);
        }
        if action == Action::None {
            action = match chunks.next() {
                Some(chunk) => link.receive(now, chunk, &mut out),
                None => link.failed(now, Failure::Closed),
            };
        }
        assert!(out.len() <= 2 * FRAME_MAX, "{} bytes are sent at once", out.len());
        // Between two samples it is the next tick that goes on.
        assert!(link.deadline().is_some() || link.is_live());
        while link.next_event().is_some() {}
        if action != Action::None && chunks.len() == 0 {
            break;
        }
    }
    // In 32 s; a rest follows each failure.
    assert!(connects <= 64, "{connects} connections");
    let _ = link.stop(now, Micros::from_secs(1), &mut Vec::new());
}
