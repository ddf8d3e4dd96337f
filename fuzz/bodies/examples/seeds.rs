//! Writes the fuzzer's first inputs: `seeds DIRECTORY`. They are the golden inputs of the protocol's tests, the examples
//! of its document, variables of both tables, and files of a kernel.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use cpumon_agent::config::TABLE as AGENT;
use cpumon_exporter::config::TABLE as EXPORTER;
use cpumon_exporter::ingest::own_token;
use cpumon_protocol::model::AgentName;

#[path = "../../../protocol/tests/golden/bad.rs"]
mod bad;
#[path = "../../../protocol/tests/golden/good.rs"]
mod good;
#[path = "../../../protocol/tests/golden/input.rs"]
#[allow(dead_code, clippy::panic, reason = "the golden tests use more of it")]
mod input;

/// Larger ones only slow the fuzzer down.
const SEED_MAX: usize = 8 * 1024;

const STAT: &str = "\
cpu  10315 1 7333 160043 813 2 108 142 30 4
cpu0 4182 0 3152 81875 107 1 15 68 20 3
cpu1 6133 1 4181 78168 706 1 93 74 10 1
intr 709233 0 0 0 0 1
ctxt 1904354
btime 1795360319
processes 17074
procs_running 2
procs_blocked 0
softirq 215706 0 22524 34
";

fn main() -> io::Result<()> {
    let directory = std::env::args_os()
        .nth(1)
        .map(PathBuf::from)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "say where to: seeds DIRECTORY"))?;
    let mut seeds: BTreeMap<&str, Vec<Vec<u8>>> = BTreeMap::new();
    let golden = bad::BAD.iter().map(|(at, input, _)| (at, input));
    for (at, input) in golden.chain(good::GOOD.iter().map(|(at, input, _)| (at, input))) {
        let (before, bytes) = (at.before(), input.bytes());
        let choice = match at {
            input::At::Start => 0,
            input::At::Live => 1,
            input::At::Original => 2,
        };
        seeds.entry("frames").or_default().push([&[choice], &*bytes].concat());
        seeds.entry("hello").or_default().push([&*before, &*bytes].concat());
        seeds.entry("original").or_default().push([&*before, &*bytes].concat());
        if at == &input::At::Start {
            seeds.entry("auth").or_default().extend(shown_with_a_token(&bytes));
        }
    }
    let page = include_str!("../../../docs/protocol.md");
    for example in page.lines().map(str::trim).filter(|line| line.starts_with('{') && line.ends_with('}')) {
        seeds.entry("answers").or_default().push([b"\x00", example.as_bytes(), b"\n"].concat());
        seeds.entry("answers").or_default().push([b"\x07", example.as_bytes(), b"\n"].concat());
        seeds.entry("hello").or_default().push(example.into());
        seeds.entry("frames").or_default().push([b"\x01", example.as_bytes(), b"\n"].concat());
    }
    for variable in EXPORTER.variables().chain(AGENT.variables()) {
        for value in [variable.default, "", "0", "1s", "64KiB", "a=b,c=d", "[::]:1", "\u{1b}[31m"] {
            seeds.entry("configuration").or_default().push(format!("{}={value}\n", variable.name).into());
        }
    }
    let later = STAT.replace("10315", "10415").replace("160043", "160143");
    let others = ["0.20 0.18 0.12 1/80 11206\n", "some avg10=0.00 avg60=0.00 avg300=0.00 total=4711\n"];
    for stats in [[STAT, &later], [&later, STAT], [STAT, "cpu  1 2 3 4\n"], ["", STAT], [STAT, "cpu  1"]] {
        let files: Vec<&[u8]> = stats
            .iter()
            .flat_map(|stat| [stat.as_bytes(), others[0].as_bytes(), others[1].as_bytes()])
            .collect();
        seeds.entry("proc").or_default().push(files.join(&0xff));
    }
    for byte in 0..=63 {
        seeds
            .entry("exposition")
            .or_default()
            .push((0..400u32).map(|at| (at as u8).wrapping_mul(byte)).collect());
    }
    seeds.iter().try_for_each(|(target, inputs)| write(&directory.join(target), inputs))
}

/// What a client says first, with the token of the target `auth`, with that of the agent web-1, and with none.
fn shown_with_a_token(said: &[u8]) -> Vec<Vec<u8>> {
    let own = AgentName::new("web-1").map(|name| own_token("s3cret", &name)).unwrap_or_default();
    let with = |token: &str| {
        let field = format!("{{\"token\":\"{token}\",");
        said.strip_prefix(b"{").map(|rest| [field.as_bytes(), rest].concat())
    };
    [Some(said.to_vec()), with("s3cret"), with(&own)].into_iter().flatten().collect()
}

fn write(directory: &Path, inputs: &[Vec<u8>]) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    for (number, input) in inputs.iter().enumerate().filter(|(_, input)| input.len() <= SEED_MAX) {
        fs::write(directory.join(format!("seed-{number:04}")), input)?;
    }
    Ok(())
}
