//! The tables of fields and the code know the same fields, with the same types, ranges and necessity.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use cpumon_protocol::model::{
    AgentName, Cgroup, CoreTimes, Cores, CpuModel, CpuTimes, GuestTimes, Hello, Histogram, HostFacts,
    LogicalCpu, Machine, Micros, Millionths, Ratio, RunId, Sample, Token, TopProcess, Uname, WallTime,
};
use cpumon_protocol::reject::{RejectReason, Rejection};
use cpumon_protocol::session::agent::{AgentSession, Leaving};
use cpumon_protocol::session::exporter::{ExporterSession, FrameLimits, acknowledge, refuse};

use crate::page::{Field, examples, fields};
use crate::peer::Kind;
use crate::support::conversation::{STALE, welcomed};

/// What each frame can hold, as the code writes it when every value is there. The values are written out in
/// full, so that a new one cannot be forgotten here.
fn written(kind: Kind) -> Value {
    let some = |text: &str| Some(Box::from(text));
    let hello = Hello {
        agent: AgentName::new("web-1").unwrap(),
        run: RunId::from_bits(1),
        boot: some("b"),
        interval: STALE,
        utilization: Ratio::ONE,
        start_time: Some(WallTime(1)),
        ephemeral: true,
        facts: HostFacts {
            hostname: some("h"),
            version: some("v"),
            os: some("o"),
            kernel: some("k"),
            arch: some("a"),
            cpu_model: some("c"),
        },
        labels: vec![("dc".into(), "fra".into())],
        token: Token::new("t"),
    };
    let cpu_times = CpuTimes::default();
    let guest_times = GuestTimes { user: Micros(1), nice: Micros(1) };
    let sample = Sample {
        utilization: Ratio::ONE,
        utilization_max: Some(Ratio::ONE),
        hottest_core: Some(Ratio::ONE),
        histogram: Some(Histogram::default()),
        cpu_times: Some(cpu_times),
        guest_times: Some(guest_times),
        logical_cpus: Some(1),
        load: Some([Millionths(1); 3]),
        procs_running: Some(1),
        context_switches: Some(1),
        pressure_waiting: Some(Micros(1)),
        missed_samples: Some(1),
        skipped_frames: Some(1),
        rtt: Some(Micros(1)),
        cgroup: Some(Cgroup {
            utilization: Some(Ratio::ONE),
            usage: Some(Micros(1)),
            limit: Some(Millionths(1)),
            periods: Some(1),
            throttled_periods: Some(1),
            throttled: Some(Micros(1)),
        }),
        top_processes: vec![TopProcess { comm: "sh".into(), cores: Millionths(1) }],
    };
    let (session, said) = welcomed(&hello);
    let mut out = Vec::new();
    match kind {
        Kind::Hello => out = said,
        Kind::Sample => session.sample(1, &sample, &mut out),
        Kind::Cores => {
            let times = vec![CoreTimes { core: 0, times: cpu_times, guest: guest_times }];
            let machine = Some(Box::new(machine()));
            let time = Some(WallTime(1));
            session.cores(1, &Cores { asked: true, wall: time, boot_time: time, times, machine }, &mut out);
            return merged(&out);
        }
        Kind::Bye => session.bye(Leaving::Stop, Some((1, &sample)), &mut out),
        Kind::Welcome => ExporterSession::new(FrameLimits::default()).welcome(STALE, &mut out),
        Kind::Ack => acknowledge(1, true, &mut out),
        Kind::Error => {
            refuse(&Rejection::new(RejectReason::FleetFull, "full"), Some(STALE), &mut out);
        }
        Kind::Original => {
            let mut session = AgentSession::start(&hello, &mut Vec::new());
            session.receive(&mut &b"HELLO"[..]).unwrap();
            session.sample(1, &sample, &mut out);
        }
    }
    serde_json::from_slice(&out).unwrap()
}

fn machine() -> Machine {
    let some = || Some(Box::from("x"));
    Machine {
        uname: Uname {
            sysname: some(),
            nodename: some(),
            release: some(),
            version: some(),
            machine: some(),
            domainname: some(),
        },
        models: vec![CpuModel {
            vendor: some(),
            family: some(),
            model: some(),
            model_name: some(),
            stepping: some(),
            microcode: some(),
            cache_size: some(),
        }],
        cpus: vec![LogicalCpu { cpu: 0, package: Some(0), core: Some(0), model: 0 }],
    }
}

/// Frames of one type as one: each field from the last that has it.
fn merged(lines: &[u8]) -> Value {
    let frames = serde_json::Deserializer::from_slice(lines).into_iter::<serde_json::Map<_, _>>();
    let fields = frames.flat_map(|frame| frame.unwrap());
    fields.collect::<serde_json::Map<String, Value>>().into()
}

/// The paths of all fields in a frame, as the tables write them.
fn paths(frame: &Value) -> BTreeSet<String> {
    fn walk(value: &Value, path: &str, paths: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    let name = if path == "labels" { "<key>" } else { name };
                    let path = if path.is_empty() { name.into() } else { format!("{path}.{name}") };
                    paths.insert(path.clone());
                    walk(value, &path, paths);
                }
            }
            Value::Array(values) => {
                for value in values {
                    walk(value, &format!("{path}[]"), paths);
                }
            }
            _ => {}
        }
    }
    let mut paths_found = BTreeSet::new();
    walk(frame, "", &mut paths_found);
    paths_found
}

/// The fields that the page gives to a frame: to a bye, those of a sample too, all of them optional.
fn documented(kind: Kind) -> Vec<Field> {
    let mut found = fields(&kind.heading());
    if kind == Kind::Bye {
        let known: BTreeSet<_> = found.iter().map(|field| field.path.clone()).collect();
        found
            .extend(fields(&Kind::Sample.heading()).into_iter().filter(|field| !known.contains(&field.path)));
    }
    found
}

/// The page's examples of a frame; for a bye one that has all fields.
fn fullest_example(kind: Kind) -> Value {
    if kind == Kind::Bye {
        let mut bye = fullest_example(Kind::Sample);
        bye["t"] = "bye".into();
        bye["reason"] = "stop".into();
        return bye;
    }
    let parsed = examples(&kind.mark()).into_iter().map(|text| serde_json::from_str(&text).unwrap());
    parsed.max_by_key(|frame| paths(frame).len()).unwrap()
}

#[test]
fn the_tables_name_every_field_of_the_code_and_no_other() {
    for kind in Kind::ALL {
        let named: BTreeSet<_> = documented(kind).into_iter().map(|field| field.path).collect();
        assert_eq!(named, paths(&written(kind)), "{kind:?}: the page at the left, the code at the right");
    }
}

#[test]
fn one_example_of_each_frame_shows_every_field() {
    for kind in Kind::ALL {
        assert_eq!(paths(&fullest_example(kind)), paths(&written(kind)), "{kind:?}");
    }
}

/// `frame` without the field at `path`, or with another value for it; arrays at their first element.
fn changed(frame: &Value, path: &str, value: Option<Value>) -> String {
    let mut frame = frame.clone();
    let mut at = &mut frame;
    let steps: Vec<_> = path.split('.').collect();
    for step in &steps[..steps.len() - 1] {
        at = match step.strip_suffix("[]") {
            Some(name) => &mut at[name][0],
            None => &mut at[*step],
        };
    }
    let fields = at.as_object_mut().unwrap();
    let name = match steps[steps.len() - 1] {
        "<key>" => fields.keys().next().unwrap().clone(),
        name => name.to_owned(),
    };
    assert!(fields.contains_key(&name), "{path} is not in the example");
    match value {
        Some(value) => fields.insert(name, value),
        None => fields.remove(&name),
    };
    frame.to_string()
}

#[test]
fn what_is_required_is_missed_and_what_is_not_is_not() {
    for kind in Kind::ALL {
        let frame = fullest_example(kind);
        for field in documented(kind) {
            let without = changed(&frame, &field.path, None);
            assert_eq!(
                kind.is_taken(&without),
                !is_required(kind, &field),
                "{kind:?} without {}",
                field.path
            );
        }
    }
}

/// Whether the field must be there: of a sample's in a bye, only what is required inside another one.
fn is_required(kind: Kind, field: &Field) -> bool {
    let is_optional_in_bye =
        kind == Kind::Bye && !field.path.contains('.') && !matches!(&*field.path, "v" | "t");
    field.required && !is_optional_in_bye
}

#[test]
fn null_stands_for_nothing_where_the_page_says_so() {
    let never = ["interval_ms", "ephemeral", "labels", "labels.<key>", "top", "asked"];
    for kind in Kind::ALL.into_iter().filter(|kind| !kind.is_answer()) {
        let frame = fullest_example(kind);
        for field in documented(kind) {
            let allowed = !is_required(kind, &field) && !never.contains(&&*field.path);
            let with_null = changed(&frame, &field.path, Some(Value::Null));
            assert_eq!(kind.is_taken(&with_null), allowed, "{kind:?} with null for {}", field.path);
        }
    }
}

#[test]
fn another_type_is_refused_in_every_field() {
    for kind in Kind::ALL {
        let frame = fullest_example(kind);
        for field in documented(kind) {
            let wrong = match &*field.kind {
                "u64" | "u32" => vec![json!("7"), json!(7.5), json!([7]), json!({}), json!(true)],
                "percent" => vec![json!("7"), json!([7]), json!({}), json!(true)],
                "text" => vec![json!(7), json!(["x"]), json!({"x": null}), json!(true)],
                "bool" => vec![json!(1), json!("true"), json!([true])],
                "object" => vec![json!([]), json!(7), json!("x"), json!([1, 2, 3, 4, 5, 6, 7, 8])],
                kind if kind.starts_with('[') => vec![json!({}), json!(7), json!("x"), json!([[]])],
                other => panic!("{}: the type {other:?} is not explained", field.path),
            };
            for wrong in wrong {
                let object = changed(&frame, &field.path, Some(wrong.clone()));
                assert!(!kind.is_taken(&object), "{kind:?} with {wrong} for {}", field.path);
            }
        }
    }
}

/// JSON of a number that may not fit any type of Rust.
fn number(digits: &str) -> Value {
    serde_json::from_str(digits).unwrap()
}

#[test]
fn ranges_are_exact() {
    let mut checked = 0;
    for kind in Kind::ALL {
        let frame = fullest_example(kind);
        for field in documented(kind) {
            let (low, high) = match (field.range.split_once(" to "), &*field.kind) {
                (Some((low, high)), "u64" | "u32" | "percent") => {
                    (low.parse().unwrap(), high.parse().unwrap())
                }
                (None, "u64") => (0, u64::MAX),
                (None, "u32" | "percent") => panic!("{} has no range", field.path),
                _ => continue,
            };
            let ends = [number(&low.to_string()), number(&high.to_string())];
            let above = match &*field.kind {
                "percent" => number(&format!("{high}.00000000001")),
                _ => number(&(u128::from(high) + 1).to_string()),
            };
            let below = number(&if low == 0 { "-1".into() } else { (low - 1).to_string() });
            for good in ends {
                let object = changed(&frame, &field.path, Some(good.clone()));
                assert!(kind.is_taken(&object), "{kind:?} with {good} for {}", field.path);
            }
            for bad in [above, below] {
                let object = changed(&frame, &field.path, Some(bad.clone()));
                assert!(!kind.is_taken(&object), "{kind:?} with {bad} for {}", field.path);
            }
            checked += 1;
        }
    }
    assert!(checked > 60, "{checked} ranges");
}

#[test]
fn lengths_of_arrays_are_exact() {
    let mut checked = 0;
    for kind in Kind::ALL {
        let frame = fullest_example(kind);
        for field in documented(kind) {
            let exact =
                field.kind.split_once("; ").map(|(_, rest)| rest.trim_end_matches(']').parse().unwrap());
            let most = field.range.strip_prefix("at most ").and_then(|most| most.parse::<usize>().ok());
            let (good, bad) = match (exact, most) {
                (Some(exact), _) => (vec![exact], vec![0, exact - 1, exact + 1]),
                (None, Some(most)) if field.kind == "[object]" => (vec![0, most], vec![most + 1]),
                _ => continue,
            };
            let element = frame.pointer(&format!("/{}/0", field.path.replace('.', "/"))).unwrap();
            let of_length = |length: usize| {
                changed(&frame, &field.path, Some(Value::from(vec![element.clone(); length])))
            };
            for length in good {
                assert!(kind.is_taken(&of_length(length)), "{kind:?} with {length} in {}", field.path);
            }
            for length in bad {
                assert!(!kind.is_taken(&of_length(length)), "{kind:?} with {length} in {}", field.path);
            }
            checked += 1;
        }
    }
    assert_eq!(checked, 9, "histogram, load and top in sample and bye, cores, models and cpus");
}
