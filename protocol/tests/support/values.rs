//! Values at random, extremes included.

use std::collections::BTreeSet;

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::Index;

use cpumon_protocol::limits::{CPU_MODELS_MAX, LABELS_MAX, TEXT_MAX, TOP_PROCESSES_MAX};
use cpumon_protocol::model::histogram::BUCKETS;
use cpumon_protocol::model::{
    AgentName, Cgroup, CoreTimes, Cores, CpuModel, CpuTimes, GuestTimes, Hello, Histogram, HostFacts,
    LogicalCpu, Machine, Micros, Millionths, Mode, Ratio, RunId, Sample, Token, TopProcess, Uname, WallTime,
};

/// Where to cut a stream; see [`chunks`].
pub(crate) fn cuts() -> impl Strategy<Value = Vec<Index>> {
    vec(any::<Index>(), 0..12)
}

/// `stream` in chunks, some of them empty.
pub(crate) fn chunks<'a>(stream: &'a [u8], cuts: &[Index]) -> Vec<&'a [u8]> {
    let mut at: Vec<_> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
    at.sort_unstable();
    at.push(stream.len());
    let mut from = 0;
    at.into_iter().map(|to| &stream[std::mem::replace(&mut from, to)..to]).collect()
}

/// Whitespace that may stand between frames.
pub(crate) fn whitespace() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), Just("\n".to_owned()), "[ \t\r\n]{0,4}"]
}

/// A number of 64 bits.
pub(crate) fn number() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), Just(u64::MAX), 0..1_000_000u64, any::<u64>()]
}

/// A share.
pub(crate) fn ratio() -> impl Strategy<Value = Ratio> {
    prop_oneof![Just(0), Just(1_000_000), 0..=1_000_000u32]
        .prop_map(|millionths| Ratio::from_millionths(millionths).unwrap_or_default())
}

/// Texts at random.
pub(crate) type Texts = BoxedStrategy<Box<str>>;

/// A text that an exporter takes.
pub(crate) fn text() -> Texts {
    any_text()
        .prop_map(|text: Box<str>| {
            let text = text.replace(char::is_control, "x");
            text[..text.floor_char_boundary(TEXT_MAX)].into()
        })
        .boxed()
}

/// Any text: too long, or with control characters, or made of what JSON escapes.
pub(crate) fn any_text() -> Texts {
    prop_oneof![
        "[ -~]{0,20}",
        "\\PC{0,150}",
        vec(any::<char>(), 0..40).prop_map(String::from_iter),
        Just("\"".repeat(TEXT_MAX)),
        Just("\u{1}\u{7f}\u{9b}".repeat(100)),
        Just("\u{1}".repeat(400)),
    ]
    .prop_map(Into::into)
    .boxed()
}

/// A hello with such texts for its facts.
pub(crate) fn hello(text: Texts) -> BoxedStrategy<Hello> {
    let names = prop_oneof!["[A-Za-z0-9._-]{1,128}", Just("n".repeat(AgentName::MAX_LEN))]
        .prop_filter_map("a name", |name| AgentName::new(&name).ok());
    let runs = prop_oneof!["[A-Za-z0-9-]{1,64}", any::<u128>().prop_map(|bits| format!("{bits:032x}"))]
        .prop_filter_map("a run", |run| RunId::new(&run));
    let labels = btree_map("[A-Za-z0-9_]{1,32}", text.clone(), 0..=LABELS_MAX);
    let times = (1..=60_000u64, option::of(number()), any::<bool>());
    let token = option::of(text.clone().prop_filter_map("a token", |text| Token::new(&text)));
    (names, runs, option::of(text.clone()), times, ratio(), facts(text), labels, token)
        .prop_map(
            |(agent, run, boot, (interval_ms, start_us, ephemeral), utilization, facts, labels, token)| {
                Hello {
                    agent,
                    run,
                    boot,
                    interval: Micros::from_millis(interval_ms),
                    utilization,
                    start_time: start_us.map(WallTime),
                    ephemeral,
                    facts,
                    labels: labels.into_iter().map(|(key, value)| (key.into(), value)).collect(),
                    token,
                }
            },
        )
        .boxed()
}

fn facts(text: Texts) -> impl Strategy<Value = HostFacts> {
    let fact = || option::of(text.clone());
    (fact(), fact(), fact(), fact(), fact(), fact()).prop_map(
        |(hostname, version, os, kernel, arch, cpu_model)| HostFacts {
            hostname,
            version,
            os,
            kernel,
            arch,
            cpu_model,
        },
    )
}

/// A sample with such texts for its commands, each once.
pub(crate) fn sample(text: Texts) -> BoxedStrategy<Sample> {
    let gauges = (ratio(), option::of(ratio()), option::of(ratio()), option::of(any::<u32>()));
    let cpu = (option::of(histogram()), option::of(cpu_times()), option::of(guest_times()));
    let load = option::of([number(), number(), number()]);
    let totals = proptest::array::uniform6(option::of(number()));
    let top = vec((text, number()), 0..=TOP_PROCESSES_MAX);
    let top = prop_oneof![3 => Just(Vec::new()), 1 => top];
    (gauges, cpu, load, totals, option::of(cgroup()), top)
        .prop_map(|(gauges, (histogram, cpu_times, guest_times), load, totals, cgroup, top)| Sample {
            utilization: gauges.0,
            utilization_max: gauges.1,
            hottest_core: gauges.2,
            histogram,
            cpu_times,
            guest_times,
            logical_cpus: gauges.3,
            load: load.map(|load| load.map(Millionths)),
            procs_running: totals[0],
            context_switches: totals[1],
            pressure_waiting: totals[2].map(Micros),
            missed_samples: totals[3],
            skipped_frames: totals[4],
            rtt: totals[5].map(Micros),
            cgroup,
            top_processes: once_each(top),
        })
        .boxed()
}

fn once_each(top: Vec<(Box<str>, u64)>) -> Vec<TopProcess> {
    let mut seen = BTreeSet::new();
    top.into_iter()
        .filter(|(comm, _)| seen.insert(comm.clone()))
        .map(|(comm, cores)| TopProcess { comm, cores: Millionths(cores) })
        .collect()
}

/// Totals of up to so many cores, with such texts about the machine.
pub(crate) fn cores(most: usize, text: Texts) -> impl Strategy<Value = Cores> {
    let times = vec((any::<u32>(), cpu_times(), guest_times()), 0..=most).prop_map(|cores| {
        cores.into_iter().map(|(core, times, guest)| CoreTimes { core, times, guest }).collect()
    });
    let moment = || option::of(number().prop_map(WallTime));
    let machine = option::of(machine(text).prop_map(Box::new));
    (any::<bool>(), moment(), moment(), times, machine)
        .prop_map(|(asked, wall, boot_time, times, machine)| Cores { asked, wall, boot_time, times, machine })
}

fn machine(text: Texts) -> impl Strategy<Value = Machine> {
    let name = || option::of(text.clone());
    let uname = (name(), name(), name(), name(), name(), name()).prop_map(
        |(sysname, nodename, release, version, machine, domainname)| Uname {
            sysname,
            nodename,
            release,
            version,
            machine,
            domainname,
        },
    );
    let model = (name(), name(), name(), name(), name(), name(), name()).prop_map(
        |(vendor, family, model, model_name, stepping, microcode, cache_size)| CpuModel {
            vendor,
            family,
            model,
            model_name,
            stepping,
            microcode,
            cache_size,
        },
    );
    let cpus = vec((any::<u32>(), option::of(any::<u32>()), option::of(any::<u32>()), any::<Index>()), 0..4);
    (uname, vec(model, 1..=CPU_MODELS_MAX), cpus).prop_map(|(uname, models, cpus)| Machine {
        cpus: cpus
            .into_iter()
            .map(|(cpu, package, core, model)| {
                let model = model.index(models.len()) as u32;
                LogicalCpu { cpu, package, core, model }
            })
            .collect(),
        uname,
        models,
    })
}

/// An object of the original, its key in any case, and what it says.
pub(crate) fn original() -> impl Strategy<Value = (String, Ratio)> {
    let numbers = prop_oneof![
        ratio().prop_map(|ratio| (format!("{}", f64::from(ratio.millionths()) / 10_000.0), ratio)),
        (0..=1_000u32).prop_map(|tenths| {
            let ratio = Ratio::from_millionths(tenths * 1_000).unwrap();
            (format!("{}.{}", tenths / 10, tenths % 10), ratio)
        }),
    ];
    let space = "[ \r\n]{0,2}";
    (numbers, any::<u32>(), space, any::<bool>()).prop_map(|((number, ratio), case, space, more)| {
        let key: String = "The Percentage Of CPU USAGE"
            .char_indices()
            .map(|(i, c)| if case >> i & 1 == 1 { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() })
            .collect();
        let more = if more { ", \"x\": {\"}\": [\"é\\\"\"]}" } else { "" };
        (format!("{{{space}\"{key}\":{space}{number}{more}{space}}}"), ratio)
    })
}

/// A hello without facts.
pub(crate) fn plain_hello() -> Hello {
    Hello {
        agent: AgentName::new("web-1").unwrap(),
        run: RunId::from_bits(1),
        boot: None,
        interval: Micros::from_secs(1),
        utilization: Ratio::ZERO,
        start_time: None,
        ephemeral: false,
        facts: HostFacts::default(),
        labels: Vec::new(),
        token: None,
    }
}

fn histogram() -> impl Strategy<Value = Histogram> {
    (vec(number(), BUCKETS), number()).prop_map(|(numbers, sum)| {
        let mut buckets = [0; BUCKETS];
        buckets.copy_from_slice(&numbers);
        Histogram { buckets, sum: Millionths(sum) }
    })
}

fn cpu_times() -> impl Strategy<Value = CpuTimes> {
    proptest::array::uniform8(number()).prop_map(|numbers| {
        let mut times = CpuTimes::default();
        for (mode, us) in Mode::ALL.into_iter().zip(numbers) {
            times.set(mode, Micros(us));
        }
        times
    })
}

fn guest_times() -> impl Strategy<Value = GuestTimes> {
    (number(), number()).prop_map(|(user, nice)| GuestTimes { user: Micros(user), nice: Micros(nice) })
}

fn cgroup() -> impl Strategy<Value = Cgroup> {
    (option::of(ratio()), proptest::array::uniform5(option::of(number()))).prop_map(
        |(utilization, [usage, limit, periods, throttled_periods, throttled])| Cgroup {
            utilization,
            usage: usage.map(Micros),
            limit: limit.map(Millionths),
            periods,
            throttled_periods,
            throttled: throttled.map(Micros),
        },
    )
}

/// Bytes of the kind that JSON is made of, and others.
pub(crate) fn noise() -> impl Strategy<Value = Vec<u8>> {
    let pieces: &[&[u8]] = &[
        b"{",
        b"{",
        b"}",
        b"}",
        b"[",
        b"]",
        b"\"",
        b"\"",
        b"\\",
        b"\\u0054",
        b"\\ud800",
        b":",
        b",",
        b" ",
        b"\n",
        b"\r\n",
        b"0",
        b"-1",
        b"12.5",
        b"1e400",
        b"1e-9",
        b"null",
        b"true",
        b"NaN",
        b"\xff",
        b"\xc0\xaf",
        b"\xef\xbb\xbf",
        b"\0",
        b"\"v\":1",
        b"\"v\":2",
        b"\"t\":\"hello\"",
        b"\"t\":\"sample\"",
        b"\"t\":\"bye\"",
        b"\"t\":\"later\"",
        b"\"seq\":1",
        b"\"agent\":\"web-1\"",
        b"\"run\":\"r1\"",
        b"\"The Percentage Of CPU USAGE\":12.5",
        b"{\"The Percentage Of CPU USAGE\": 100}",
        b"{\"v\":1,\"t\":\"hello\",\"agent\":\"a\",\"run\":\"r\",\"The Percentage Of CPU USAGE\":1}",
        b"{\"v\":1,\"t\":\"sample\",\"seq\":7,\"The Percentage Of CPU USAGE\":1}",
        b"{\"v\":1,\"t\":\"later\"}",
        b"{\"v\":1,\"t\":\"bye\"}",
        b"\"cpu_us\":{",
        b"\"cores\":[",
    ];
    let piece = prop_oneof![
        8 => proptest::sample::select(pieces).prop_map(<[u8]>::to_vec),
        1 => vec(any::<u8>(), 1..4),
    ];
    vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}
