//! From the agent to the exporter: frames of both dialects, whole and within their limits.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;

use cpumon_protocol::limits::{CORES_MAX, CPU_MODELS_MAX, FRAME_MAX, HELLO_MAX, TEXT_MAX, TOP_PROCESSES_MAX};
use cpumon_protocol::model::{
    CoreTimes, Cores, CpuModel, CpuTimes, GuestTimes, Hello, LogicalCpu, Machine, Micros, Millionths, Mode,
    Sample, TopProcess,
};
use cpumon_protocol::reject::RejectReason;
use cpumon_protocol::session::agent::{AgentSession, Answer, Leaving};
use cpumon_protocol::session::exporter::FrameLimits;

use crate::support;
use crate::support::conversation::{Said, hear, welcomed};
use crate::support::values::{
    any_text, chunks, cores, cuts, hello, number, original, plain_hello, sample, text, whitespace,
};

/// A frame that an agent sends after welcome.
#[derive(Clone, Debug)]
enum Frame {
    Sample(u64, Box<Sample>),
    Cores(u64, Cores),
    Bye(Option<(u64, Box<Sample>)>),
    Later(u64),
}

fn frame() -> impl Strategy<Value = Frame> {
    prop_oneof![
        4 => (number(), sample(text())).prop_map(|(seq, sample)| Frame::Sample(seq, sample.into())),
        1 => (number(), cores(3, text())).prop_map(|(seq, cores)| Frame::Cores(seq, cores)),
        1 => proptest::option::of((number(), sample(text()).prop_map(Box::new))).prop_map(Frame::Bye),
        1 => number().prop_map(Frame::Later),
    ]
}

impl Frame {
    fn write(&self, session: &AgentSession, out: &mut Vec<u8>) {
        match self {
            Self::Sample(seq, sample) => session.sample(*seq, sample, out),
            Self::Cores(seq, cores) => session.cores(*seq, cores, out),
            Self::Bye(last) => {
                session.bye(Leaving::Stop, last.as_ref().map(|(seq, sample)| (*seq, &**sample)), out);
            }
            Self::Later(n) => {
                out.extend(format!("{{\"t\":\"later\",\"v\":1,\"seq\":{{\"n\":{n}}}}}").bytes())
            }
        }
    }

    /// What the exporter's end makes of it. What a machine is comes in a frame of its own.
    fn expected(self) -> Vec<Said> {
        let said = match self {
            Self::Sample(seq, sample) => Said::Sample { seq, sample: *sample },
            Self::Cores(seq, cores) if cores.machine.is_some() && !cores.times.is_empty() => {
                let machine = Cores { times: Vec::new(), ..cores.clone() };
                let cores = [machine, Cores { machine: None, ..cores }];
                return cores.map(|cores| Said::Cores { seq, cores: cores.into() }).into();
            }
            Self::Cores(seq, cores) => Said::Cores { seq, cores: cores.into() },
            Self::Bye(None) => Said::Bye { seq: None, sample: None },
            Self::Bye(Some((seq, sample))) => Said::Bye { seq: Some(seq), sample: Some(*sample) },
            Self::Later(_) => Said::Unknown(RejectReason::UnknownType),
        };
        vec![said]
    }
}

proptest! {
    #![proptest_config(support::cases(2_000))]

    #[test]
    fn any_chunking_of_any_frames_gives_the_same_frames(
        hello in hello("[ -~]{0,12}".prop_map(Into::into).boxed()),
        frames in vec((frame(), whitespace()), 0..6),
        cuts in cuts(),
    ) {
        let hello = Hello { labels: Vec::new(), ..hello };
        let (session, mut stream) = welcomed(&hello);
        let mut expected = vec![Said::Hello(Box::new(hello))];
        for (frame, space) in frames {
            frame.write(&session, &mut stream);
            stream.extend(space.as_bytes());
            expected.extend(frame.expected());
        }
        for chunks in [vec![&*stream], chunks(&stream, &cuts), stream.chunks(1).collect()] {
            let outcome = hear(FrameLimits::default(), chunks);
            prop_assert_eq!(&outcome.errors, &[]);
            prop_assert_eq!(&outcome.said, &expected);
        }
    }

    #[test]
    fn any_chunking_of_the_originals_objects_gives_the_same_objects_and_echoes(
        objects in vec((original(), whitespace()), 1..8),
        cuts in cuts(),
    ) {
        let mut stream = Vec::new();
        let (mut expected, mut echoes) = (Vec::new(), Vec::new());
        for ((object, utilization), space) in objects {
            stream.extend([object.as_bytes(), space.as_bytes()].concat());
            echoes.extend(object.bytes().map(|byte| byte.to_ascii_uppercase()));
            expected.push(Said::Original { utilization, object });
        }
        for chunks in [vec![&*stream], chunks(&stream, &cuts), stream.chunks(1).collect()] {
            let outcome = hear(FrameLimits::default(), chunks);
            prop_assert_eq!(&outcome.errors, &[]);
            prop_assert_eq!(&outcome.said, &expected);
            prop_assert_eq!(&outcome.answers, &echoes);
        }
    }

    #[test]
    fn what_an_agent_sends_arrives_whole_and_within_the_limits(
        sample in sample(any_text()),
        cores in prop_oneof![9 => cores(3, any_text()), 1 => cores(300, any_text())],
        seq in number(),
    ) {
        let (session, hello) = welcomed(&plain_hello());
        let mut frames = Vec::new();
        session.cores(seq, &cores, &mut frames);
        session.sample(seq, &sample, &mut frames);
        session.bye(Leaving::Move, Some((seq, &sample)), &mut frames);
        for line in frames.split_inclusive(|byte| *byte == b'\n') {
            prop_assert!(line.len() <= FRAME_MAX, "{} bytes", line.len());
        }
        let outcome = hear(FrameLimits::default(), [&*hello, &*frames]);
        prop_assert_eq!(&outcome.errors, &[]);
        let mut got_cores = Cores { asked: cores.asked, wall: cores.wall, boot_time: cores.boot_time, ..Cores::default() };
        let mut samples = Vec::new();
        for said in outcome.said {
            match said {
                Said::Cores { seq: of, cores } => {
                    prop_assert_eq!(of, seq);
                    prop_assert_eq!((cores.asked, cores.wall, cores.boot_time), (got_cores.asked, got_cores.wall, got_cores.boot_time));
                    got_cores.times.extend(cores.times);
                    got_cores.machine = got_cores.machine.or(cores.machine);
                }
                Said::Sample { seq, sample } => samples.push((Some(seq), sample)),
                Said::Bye { seq, sample: Some(sample) } => samples.push((seq, sample)),
                Said::Hello(_) => {}
                other => prop_assert!(false, "{:?}", other),
            }
        }
        prop_assert_eq!(&got_cores.times, &cores.times);
        let texts = |machine: Option<Box<Machine>>| machine.map(|machine| {
            (machine.uname.version, machine.models.into_iter().map(|model| model.model_name).collect::<Vec<_>>(), machine.cpus)
        });
        let sent_machine = cores.machine.map(|mut machine| {
            machine.uname.version = machine.uname.version.as_deref().map(acceptable);
            for model in &mut machine.models {
                model.model_name = model.model_name.as_deref().map(acceptable);
            }
            machine
        });
        prop_assert_eq!(texts(got_cores.machine), texts(sent_machine));
        let mut sent = sample;
        sent.top_processes = together(sent.top_processes);
        prop_assert_eq!(samples, vec![(Some(seq), sent.clone()), (Some(seq), sent)]);
    }

    #[test]
    fn a_hello_keeps_its_limit_and_says_what_it_can(hello in hello(any_text())) {
        let (_, bytes) = welcomed(&hello);
        prop_assert!(bytes.len() <= HELLO_MAX, "{} bytes", bytes.len());
        let outcome = hear(FrameLimits::default(), [&*bytes]);
        prop_assert_eq!(&outcome.errors, &[]);
        let [Said::Hello(got)] = &*outcome.said else { panic!("{:?}", outcome.said) };
        let mut sent = hello;
        let facts = &mut sent.facts;
        for fact in [&mut sent.boot, &mut facts.hostname, &mut facts.version, &mut facts.os, &mut facts.kernel,
            &mut facts.arch, &mut facts.cpu_model] {
            *fact = fact.as_deref().map(acceptable);
        }
        for (_, value) in &mut sent.labels {
            *value = acceptable(value);
        }
        // Facts are left out in one order; labels only when nothing else is left.
        let forget: [fn(&mut Hello); 8] = [
            |hello| hello.facts.cpu_model = None,
            |hello| hello.facts.kernel = None,
            |hello| hello.facts.os = None,
            |hello| hello.boot = None,
            |hello| hello.facts.hostname = None,
            |hello| hello.facts.arch = None,
            |hello| hello.facts.version = None,
            |hello| hello.labels.clear(),
        ];
        let labels: BTreeMap<_, _> = sent.labels.iter().cloned().collect();
        let token = sent.token.as_ref().map_or(0, |token| 10 + serde_json::to_vec(token.expose()).unwrap().len());
        let labels = serde_json::to_vec(&labels).unwrap().len() + token;
        for forget in forget {
            if sent == **got {
                break;
            }
            forget(&mut sent);
        }
        prop_assert_eq!(&sent, &**got);
        prop_assert!(labels > 600 || got.labels.len() == sent.labels.len(), "labels and token of {labels} bytes were left out");
    }

    #[test]
    fn a_sample_to_the_originals_server_is_one_of_its_objects(sample in sample(text()), seq in number()) {
        let mut session = AgentSession::start(&plain_hello(), &mut Vec::new());
        prop_assert_eq!(session.receive(&mut &b"OK"[..]), Ok(Some(Answer::Original)));
        let mut bytes = Vec::new();
        session.cores(seq, &Cores::default(), &mut bytes);
        session.sample(seq, &sample, &mut bytes);
        session.bye(Leaving::Stop, Some((seq, &sample)), &mut bytes);
        let object = String::from_utf8(bytes.clone()).unwrap().trim_end().to_owned();
        let outcome = hear(FrameLimits::default(), [&*bytes]);
        prop_assert_eq!(outcome.said, vec![Said::Original { utilization: sample.utilization, object }]);
    }
}

#[test]
fn a_bye_carries_totals_only_with_their_place_and_percentage() {
    for (fields, expected) in [
        ("", (None, None)),
        (r#","seq":7"#, (Some(7), None)),
        (r#","seq":7,"missed":1"#, (Some(7), None)),
        (r#","The Percentage Of CPU USAGE":0"#, (None, None)),
        (r#","seq":7,"The Percentage Of CPU USAGE":0"#, (Some(7), Some(Sample::default()))),
    ] {
        let (_, hello) = welcomed(&plain_hello());
        let bye = format!("{{\"v\":1,\"t\":\"bye\"{fields}}}");
        let outcome = hear(FrameLimits::default(), [&*hello, bye.as_bytes()]);
        let (seq, sample) = expected;
        assert_eq!(outcome.said.last(), Some(&Said::Bye { seq, sample }), "{bye}");
    }
}

/// What arrives of these commands: as an exporter takes their names, those that are then alike together.
fn together(processes: Vec<TopProcess>) -> Vec<TopProcess> {
    let mut arrived: Vec<TopProcess> = Vec::new();
    for TopProcess { comm, cores } in processes {
        let comm = acceptable(&comm);
        match arrived.iter_mut().find(|known| known.comm == comm) {
            Some(known) => known.cores = known.cores.saturating_add(cores),
            None => arrived.push(TopProcess { comm, cores }),
        }
    }
    arrived
}

#[test]
fn a_command_given_twice_counts_together() {
    let process = |comm: &str, cores| TopProcess { comm: comm.into(), cores: Millionths(cores) };
    let top_processes =
        vec![process("sh", 1), process("a\u{1}", 10), process("sh", 2), process("a\u{2}", u64::MAX)];
    let (session, mut frames) = welcomed(&plain_hello());
    session.sample(1, &Sample { top_processes, ..Sample::default() }, &mut frames);
    let outcome = hear(FrameLimits::default(), [&*frames]);
    let Some(Said::Sample { sample, .. }) = outcome.said.last() else { panic!("{outcome:?}") };
    assert_eq!(sample.top_processes, [process("sh", 3), process("a?", u64::MAX)]);
}

#[test]
fn the_largest_frames_fit() {
    let (session, hello) = welcomed(&plain_hello());
    let times = CpuTimes([Micros(u64::MAX); Mode::ALL.len()]);
    let guest = GuestTimes { user: Micros(u64::MAX), nice: Micros(u64::MAX) };
    let text = || Some(Box::from("\"".repeat(TEXT_MAX)));
    let model = CpuModel {
        vendor: text(),
        family: text(),
        model: text(),
        model_name: text(),
        stepping: text(),
        microcode: text(),
        cache_size: text(),
    };
    let cpu = LogicalCpu { cpu: u32::MAX, package: Some(u32::MAX), core: Some(u32::MAX), model: 7 };
    let machine = Machine {
        models: vec![model; CPU_MODELS_MAX + 1],
        cpus: vec![cpu; CORES_MAX + 1],
        ..Machine::default()
    };
    let cores = Cores {
        times: vec![CoreTimes { core: u32::MAX, times, guest }; CORES_MAX + 1],
        machine: Some(machine.into()),
        ..Cores::default()
    };
    let process = TopProcess { comm: "\"".repeat(TEXT_MAX).into(), cores: Millionths(u64::MAX) };
    let sample = Sample { top_processes: vec![process; TOP_PROCESSES_MAX + 1], ..Sample::default() };
    let mut frames = Vec::new();
    session.cores(u64::MAX, &cores, &mut frames);
    session.sample(u64::MAX, &sample, &mut frames);
    let outcome = hear(FrameLimits::default(), [&*hello, &*frames]);
    assert_eq!(outcome.errors, []);
    let arrived: usize = outcome
        .said
        .iter()
        .map(|said| if let Said::Cores { cores, .. } = said { cores.times.len() } else { 0 })
        .sum();
    assert_eq!(arrived, CORES_MAX);
    assert!(matches!(outcome.said.last(), Some(Said::Sample { .. })));
}

/// What an agent makes of a text that an exporter would refuse.
fn acceptable(text: &str) -> Box<str> {
    let text = text.replace(char::is_control, "?");
    text[..text.floor_char_boundary(TEXT_MAX)].into()
}
