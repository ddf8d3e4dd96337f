//! The table against the structure, and what each variable takes.

use std::ffi::OsString;

use cpumon_daemon::variables::{self, Environment, check_table};
use cpumon_protocol::limits::{HELLO_MAX, LABEL_KEY_MAX, TEXT_MAX};
use cpumon_protocol::model::{Hello, HostFacts, Label, Ratio, RunId, WallTime};
use cpumon_protocol::session::agent::AgentSession;

use super::*;

fn load(variables: &[(&str, &str)]) -> Result<Config, String> {
    let environment = variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    match variables::load::<Config>(&environment.collect::<Environment>()) {
        Ok(loaded) => Ok(loaded.config),
        Err(faults) => Err(faults.to_string()),
    }
}

#[test]
fn table_and_structure_agree() {
    assert_eq!(check_table::<Config>(), Ok(()));
}

#[test]
fn defaults_are_the_documented_ones() {
    let config = load(&[]).unwrap();
    assert_eq!(config.exporters.iter().map(ToString::to_string).collect::<Vec<_>>(), ["127.0.0.1:8080"]);
    assert_eq!((config.interval, config.name, config.ephemeral), (SECOND, None, false));
    assert_eq!((config.procfs, config.state_dir), ("/proc".into(), None));
    let defaults = LinkSettings::default();
    assert_eq!(format!("{:?}", load(&[]).unwrap().link()), format!("{defaults:?}"));
}

#[test]
fn labels_and_sockets_become_values() {
    let config = load(&[
        ("AGENT_LABELS", "dc=fra, role = db main"),
        ("AGENT_HEALTH_SOCKET", "/run/agent.sock"),
        ("AGENT_EXPORTERS", "a:1,[::1]:2"),
    ])
    .unwrap();
    let labels: Vec<_> = config.labels.iter().map(|label| (&*label.key, &*label.value)).collect();
    assert_eq!(labels, [("dc", "fra"), ("role", "db main")]);
    assert_eq!(config.health_socket, HealthSocket::Path("/run/agent.sock".into()));
    assert_eq!(config.exporters.len(), 2);
}

#[test]
fn faults_name_the_variable_and_what_would_be_right() {
    let many = ["k=v"; LABELS_MAX + 1].join(",");
    let long_value = format!("k={}", "v".repeat(65));
    let long_key = format!("{}=v", "k".repeat(LABEL_KEY_MAX + 1));
    let heavy = (0..LABELS_MAX).map(|n| format!("k{n}={}", "\"".repeat(60))).collect::<Vec<_>>().join(",");
    for (name, value, right) in [
        ("AGENT_INTERVAL", "1500ms", "is no whole number of seconds; write one such as 1s or 15s"),
        ("AGENT_INTERVAL", "61s", "is too large; write a value from 1s to 1m"),
        ("AGENT_LABELS", "1a=b", "which has a key that cannot be a label; write a key of"),
        ("AGENT_LABELS", "a-b=c", "which has a key that cannot be a label; write a key of"),
        ("AGENT_LABELS", &long_key, "which has a key that cannot be a label; write a key of"),
        ("AGENT_LABELS", &long_value, "has too long a value; write at most 64 bytes"),
        ("AGENT_LABELS", "a=b\u{1b}c", "has a control character in its value; write printable characters"),
        ("AGENT_LABELS", "a=b,c=d,a=e", "has `a` twice; write each key once"),
        ("AGENT_LABELS", &many, "has 9 items; write at most 8"),
        ("AGENT_LABELS", &heavy, "takes 1024 bytes; write keys and values of at most 512 bytes in all"),
        ("AGENT_NAME", "a b", "is no name; write 1 to 128 characters of A-Z a-z 0-9 . _ -"),
        ("AGENT_EXPORTERS", "http://x:1", "which is a URL; write host:port"),
        ("AGENT_BACKOFF_MAX", "100ms", "is shorter than AGENT_BACKOFF_MIN; write one at least as long"),
        ("AGENT_HEALTH_SOCKET", "@", "has no name; write one such as @cpumon-agent"),
        ("AGENT_CONNECT_TIMEOUT", "0s", "is too small; write a value from 10ms to 1m"),
    ] {
        let message = load(&[(name, value)]).unwrap_err();
        assert!(message.starts_with(name) && message.contains(right), "{name}={value}: {message}");
    }
}

#[test]
fn labels_are_never_left_out_of_hello() {
    let fact = || Some("\"".repeat(TEXT_MAX).into());
    let value = "v".repeat(58);
    let labels: Vec<_> = (0..LABELS_MAX - 1).map(|n| format!("key{n:02}={value}")).collect();
    let config = load(&[("AGENT_LABELS", &labels.join(","))]).unwrap();
    let hello = Hello {
        agent: AgentName::new(&"n".repeat(AgentName::MAX_LEN)).unwrap(),
        run: RunId::from_bits(u128::MAX),
        boot: Some("b".repeat(72).into()),
        interval: MINUTE,
        utilization: Ratio::from_millionths(999_999).unwrap(),
        start_time: Some(WallTime(u64::MAX)),
        ephemeral: true,
        facts: HostFacts {
            hostname: fact(),
            version: Some(env!("CARGO_PKG_VERSION").into()),
            os: fact(),
            kernel: fact(),
            arch: Some("x86_64".into()),
            cpu_model: fact(),
        },
        labels: config.labels.into_iter().map(|label| (label.key, label.value)).collect::<Vec<Label>>(),
        token: Token::new(&"t".repeat(TEXT_MAX)),
    };
    let mut out = Vec::new();
    AgentSession::start(&hello, &mut out);
    assert!(out.len() <= HELLO_MAX);
    assert!(String::from_utf8(out).unwrap().contains(&format!("\"key06\":\"{value}\"")));
}
