//! Variables from the outside: an environment goes in, a configuration or all its faults come out.
#![allow(clippy::unwrap_used, reason = "a test")]

#[cfg(unix)]
mod bytes;
mod config;
mod misfits;

use std::net::SocketAddr;

use cpumon_daemon::{
    logs::LogFormat,
    variables::{ByteSize, Environment, Faults, Loaded, Pair, Secret, check_table, help, load, markdown},
};
use cpumon_protocol::model::{Micros, Ratio};

use config::{Config, TABLE};

type Given<'a> = &'a [(&'a str, &'a str)];

fn loaded(given: Given<'_>) -> Result<Loaded<Config>, Faults> {
    load(&given.iter().copied().collect())
}

/// Checks that `given` has exactly these faults.
fn check(given: Given<'_>, expected: &[&str]) {
    let faults = loaded(given).err().map(|faults| faults.to_string()).unwrap_or_default();
    assert_eq!(faults.lines().collect::<Vec<_>>(), expected, "{given:?}");
}

/// Checks that `given` makes the same configuration as `same`, and what is said about unknown names.
fn check_same(given: Given<'_>, same: Given<'_>, unknown: &[&str]) {
    let given = loaded(given).unwrap();
    assert_eq!(given.config, loaded(same).unwrap().config);
    let said: Vec<String> = given.unknown.iter().map(ToString::to_string).collect();
    assert_eq!(said, unknown);
}

#[test]
fn table_and_configuration_fit() {
    assert_eq!(check_table::<Config>(), Ok(()));
}

#[test]
fn defaults_count_where_nothing_is_given() {
    let Loaded { config, unknown } = loaded(&[("PATH", "/bin"), ("AGENT_NAME", "x")]).unwrap();
    assert_eq!(config.http_listen, SocketAddr::from(([127, 0, 0, 1], 8000)));
    assert_eq!((config.name, config.peers, config.state_file), (None, vec![], None));
    assert_eq!((config.interval, config.interval_given), (Micros::from_secs(1), false));
    assert_eq!((config.max_frame, config.max_agents), (ByteSize(65_536), 10_000));
    assert_eq!((Some(config.warning), config.original), (Ratio::of(8, 10), true));
    assert_eq!(config.labels, [Pair { key: "dc".into(), value: "fra".into() }]);
    assert_eq!((config.log_format, config.token), (LogFormat::Text, None));
    assert!(unknown.is_empty());
}

#[test]
fn empty_is_unset_and_blanks_are_trimmed() {
    let empty: Vec<(&str, &str)> = TABLE.variables().map(|variable| (variable.name, " \t\n")).collect();
    check_same(&empty, &[], &[]);
    check_same(
        &[("EXPORTER_INTERVAL", " 2s\n"), ("EXPORTER_ORIGINAL", " No ")],
        &[("EXPORTER_INTERVAL", "2s"), ("EXPORTER_ORIGINAL", "false")],
        &[],
    );
    assert!(loaded(&[("EXPORTER_INTERVAL", "1s")]).unwrap().config.interval_given);
}

#[test]
fn of_a_variable_given_twice_the_first_counts() {
    check_same(
        &[("EXPORTER_INTERVAL", "2s"), ("EXPORTER_INTERVAL", "9s")],
        &[("EXPORTER_INTERVAL", "2s")],
        &[],
    );
}

#[test]
fn every_fault_is_reported_at_once_in_the_order_of_the_table() {
    check(
        &[
            ("EXPORTER_LOG_FORMAT", "xml"),
            ("EXPORTER_LOG", "inof"),
            ("EXPORTER_LABELS", "dc"),
            ("EXPORTER_ORIGINAL", "maybe"),
            ("EXPORTER_WARNING", "80%"),
            ("EXPORTER_MAX_AGENTS", "-1"),
            ("EXPORTER_MAX_FRAME", "64K"),
            ("EXPORTER_INTERVAL", "5"),
            ("EXPORTER_NAME", "a b"),
            ("EXPORTER_HTTP_LISTEN", "localhost:80"),
            ("EXPORTER_PEERS", "a:1,b"),
        ],
        &[
            "EXPORTER_HTTP_LISTEN=localhost:80: is not an IP address with a port; write one such as 127.0.0.1:8080 or [::]:8080",
            "EXPORTER_NAME=a b: is no name; write 1 to 128 characters of A-Z a-z 0-9 . _ -",
            "EXPORTER_INTERVAL=5: has no unit; write a duration such as 500ms, 1s, 15m or 24h",
            "EXPORTER_MAX_FRAME=64K: has an unknown unit; write a size such as 4096, 64KiB or 1MiB",
            "EXPORTER_MAX_AGENTS=-1: is not a whole number; write a whole number from 0 to 4294967295",
            "EXPORTER_WARNING=80%: is not a number; write a share from 0 to 1 such as 0.8",
            "EXPORTER_ORIGINAL=maybe: is neither yes nor no; write true or false",
            "EXPORTER_PEERS=a:1,b: has `b` as item 2, which has no port; write host:port such as exporter:8080 or [::1]:8080",
            "EXPORTER_LABELS=dc: has `dc` as item 1, which has no `=`; write key=value",
            "EXPORTER_LOG=inof: has an unknown level; write off, error, warn, info, debug or trace, or a list such as info,cpumon_agent=debug",
            "EXPORTER_LOG_FORMAT=xml: is no log format; write text or json",
        ],
    );
}

#[test]
fn limits_are_named() {
    let span = "write a value from 1s to 1m";
    for (name, value, fault) in [
        ("EXPORTER_INTERVAL", "999ms", format!("is too small; {span}")),
        ("EXPORTER_INTERVAL", "61s", format!("is too large; {span}")),
        ("EXPORTER_MAX_FRAME", "1023", "is too small; write a value from 1KiB to 1MiB".into()),
        ("EXPORTER_MAX_FRAME", "2MiB", "is too large; write a value from 1KiB to 1MiB".into()),
        ("EXPORTER_MAX_AGENTS", "0", "is too small; write a value from 1 to 100000".into()),
        ("EXPORTER_PEERS", "a:1,b:1,c:1", "has 3 items; write at most 2".into()),
    ] {
        check(&[(name, value)], &[&format!("{name}={value}: {fault}")]);
    }
    for (name, value) in
        [("EXPORTER_INTERVAL", "1m"), ("EXPORTER_MAX_FRAME", "1024"), ("EXPORTER_PEERS", "a:1,b:1")]
    {
        check(&[(name, value), ("EXPORTER_TIMEOUT", "1m")], &[]);
    }
}

#[test]
fn values_are_held_against_each_other_unless_one_is_faulty_itself() {
    check(
        &[("EXPORTER_INTERVAL", "4s")],
        &["EXPORTER_TIMEOUT=3s (the default): is shorter than EXPORTER_INTERVAL; write one at least as long"],
    );
    check(
        &[("EXPORTER_INTERVAL", "4s"), ("EXPORTER_TIMEOUT", "2s")],
        &["EXPORTER_TIMEOUT=2s: is shorter than EXPORTER_INTERVAL; write one at least as long"],
    );
    check(
        &[("EXPORTER_INTERVAL", "4"), ("EXPORTER_TIMEOUT", "500ms")],
        &["EXPORTER_INTERVAL=4: has no unit; write a duration such as 500ms, 1s, 15m or 24h"],
    );
}

#[test]
fn what_kubernetes_injects_stops_nothing() {
    check_same(
        &[
            ("EXPORTER_PORT", "tcp://10.0.0.1:80"),
            ("EXPORTER_PORT_8080_TCP_PROTO", "tcp"),
            ("EXPORTER_SERVICE_HOST", "10.0.0.1"),
        ],
        &[],
        &[
            "unknown variable EXPORTER_PORT is ignored; the nearest known one is EXPORTER_PEERS",
            "unknown variable EXPORTER_PORT_8080_TCP_PROTO is ignored; the nearest known one is EXPORTER_HTTP_LISTEN",
            "unknown variable EXPORTER_SERVICE_HOST is ignored; the nearest known one is EXPORTER_TIMEOUT",
        ],
    );
}

#[test]
fn names_count_only_as_they_are_written() {
    let unknown = |name: &str, nearest: &str| {
        format!("unknown variable {name} is ignored; the nearest known one is {nearest}")
    };
    for (name, nearest) in [
        ("EXPORTER_EXPORTER_INTERVAL", "EXPORTER_INTERVAL"),
        ("EXPORTER_Interval", "EXPORTER_INTERVAL"),
        ("EXPORTER_INTERVALL", "EXPORTER_INTERVAL"),
        ("EXPORTER_max_agents", "EXPORTER_MAX_AGENTS"),
        ("EXPORTER_HTTP_LSITEN", "EXPORTER_HTTP_LISTEN"),
        ("EXPORTER_", "EXPORTER_LOG"),
        ("EXPORTER_TOKEN ", "EXPORTER_TOKEN"),
    ] {
        check_same(&[(name, "nonsense")], &[], &[&unknown(name, nearest)]);
        // Beside the right name it neither counts nor makes a duplicate.
        check_same(
            &[(name, "9s"), ("EXPORTER_INTERVAL", "2s")],
            &[("EXPORTER_INTERVAL", "2s")],
            &[&unknown(name, nearest)],
        );
    }
    for name in ["exporter_interval", "Exporter_INTERVAL", "XEXPORTER_INTERVAL", "INTERVAL", "EXPORTER"] {
        check_same(&[(name, "nonsense")], &[], &[]);
    }
}

#[test]
fn secrets_stay_secret() {
    const CANARY: &str = "canary-9137";
    let config = loaded(&[("EXPORTER_TOKEN", CANARY)]).unwrap().config;
    assert_eq!(config.token.as_ref().map(Secret::expose), Some(CANARY));
    assert!(!format!("{config:?}").contains(CANARY));

    let given = [("EXPORTER_TOKEN", CANARY), ("EXPORTER_TOKEN_FILE", "/x"), ("EXPORTER_INTERVAL", "x")];
    check(
        &given,
        &[
            "EXPORTER_INTERVAL=x: does not begin with a number; write a duration such as 500ms, 1s, 15m or 24h",
            "EXPORTER_TOKEN=***: is given beside EXPORTER_TOKEN_FILE; set one of the two",
        ],
    );
    let environment: Environment = given.into_iter().collect();
    let faults = load::<Config>(&environment).unwrap_err();
    assert!(!format!("{environment:?} {faults:?}").contains(CANARY));

    // A mistyped name may hold a secret as well.
    let mistyped = loaded(&[("EXPORTER_TOKENS", CANARY)]).unwrap();
    assert!(!format!("{mistyped:?}").contains(CANARY));
}

#[test]
fn a_fault_is_one_line_of_bounded_length() {
    let hostile = format!("\u{1b}[2J\r\n{}", "x".repeat(1 << 20));
    for name in ["EXPORTER_NAME", "EXPORTER_PEERS", "EXPORTER_LABELS"] {
        let faults = loaded(&[(name, &hostile)]).unwrap_err().to_string();
        assert_eq!(faults.lines().count(), 1, "{name}");
        assert!(faults.len() < 1_000 && !faults.contains(char::is_control), "{name}: {}", faults.len());
    }
}

#[test]
fn help_names_every_variable_with_default_meaning_and_limits() {
    let help = help(&TABLE);
    for text in [
        "\nService\n  EXPORTER_HTTP_LISTEN=127.0.0.1:8000\n      where it serves\n",
        "\n  EXPORTER_INTERVAL=1s\n      how often (1s to 1m)\n",
        "\n  EXPORTER_PEERS=\n      which others (at most 2)\n",
        "\n  EXPORTER_TOKEN=\n      what is secret (never shown)\n",
    ] {
        assert!(help.contains(text), "{text:?} in {help}");
    }
    for variable in TABLE.variables() {
        assert!(help.contains(&format!("\n  {}={}\n", variable.name, variable.default)), "{}", variable.name);
    }
}

#[test]
fn markdown_has_a_table_for_each_group() {
    let markdown = markdown(&TABLE);
    let start = "### Service\n\n| variable | default | meaning |\n|---|---|---|\n\
        | `EXPORTER_HTTP_LISTEN` | `127.0.0.1:8000` | where it serves |\n\
        | `EXPORTER_NAME` |  | what it is called; nothing \\| when unset |\n\
        | `EXPORTER_INTERVAL` | `1s` | how often (1s to 1m) |\n";
    assert!(markdown.starts_with(start), "{markdown}");
    assert!(markdown.contains(" |\n\n### Logs\n\n| variable"), "{markdown}");
    assert_eq!(markdown.matches("\n| `").count(), TABLE.variables().count());
}
