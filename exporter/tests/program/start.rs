//! How it starts, and how it says why it does not.

use std::net::TcpListener;

use cpumon_exporter::config::TABLE;

use crate::support::{Exporter, Output, program, run};

#[test]
fn help_tells_every_variable_with_its_default() {
    // Not even a wrong variable keeps it from telling what would be right.
    for argument in ["--help", "-h"] {
        let output = run(program(&[("EXPORTER_STALE_MIN", "wrong")]).arg(argument));
        assert_eq!((output.status, &*output.stderr), (Some(0), ""));
        for variable in TABLE.groups.iter().flat_map(|group| group.variables) {
            let line = format!("  {}={}", variable.name, variable.default);
            assert!(output.stdout.lines().any(|printed| printed == line), "{line} in {}", output.stdout);
        }
    }
}

#[test]
fn version_is_one_line() {
    for argument in ["--version", "-V"] {
        let output = run(program(&[]).arg(argument));
        let version = concat!("cpumon-exporter ", env!("CARGO_PKG_VERSION"), "\n");
        assert_eq!((output.status, &*output.stdout, &*output.stderr), (Some(0), version, ""));
    }
}

#[test]
fn an_unknown_argument_is_one_line_and_status_64() {
    for arguments in [&["--port=8080"][..], &["serve"], &["healthcheck", "now"]] {
        let Output { status, stdout, stderr } = run(program(&[]).args(arguments));
        assert_eq!((status, &*stdout, stderr.lines().count()), (Some(64), "", 1), "{stderr}");
        assert!(stderr.starts_with("cpumon-exporter: ") && stderr.contains("--help"), "{stderr}");
    }
}

#[test]
fn every_wrong_variable_is_told_at_once_and_the_status_is_64() {
    // The variable, its value, and what would be right.
    let wrong = [
        ("EXPORTER_INGEST_LISTEN", "8080", "127.0.0.1:"),
        ("EXPORTER_HTTP_LISTEN", "localhost", "127.0.0.1:"),
        ("EXPORTER_STALE_INTERVALS", "1", "2 to 100"),
        ("EXPORTER_STALE_MIN", "5", "write a duration such as"),
        ("EXPORTER_EXPECTED_AGENTS", "web-1,web 2", "A-Z a-z 0-9 . _ -"),
        ("EXPORTER_MAX_AGENTS", "many", "number"),
        ("EXPORTER_MAX_FRAME", "64kg", "KiB"),
        ("EXPORTER_ALERT_WARNING", "0.85", "0.05 0.1 0.2"),
        ("EXPORTER_LOG", "loud", "off, error, warn"),
        ("EXPORTER_LOG_FORMAT", "xml", "json"),
    ];
    let variables = wrong.map(|(name, value, _)| (name, value));
    let Output { status, stdout, stderr } = run(&mut program(&variables));
    assert_eq!((status, &*stdout), (Some(64), ""));
    for (name, value, right) in wrong {
        let line = stderr.lines().find(|line| line.starts_with(&format!("{name}={value}: ")));
        assert!(line.is_some_and(|line| line.contains(right)), "{name} and {right:?} in\n{stderr}");
    }
    assert_eq!(stderr.lines().count(), wrong.len(), "{stderr}");
}

#[test]
fn a_taken_port_is_one_line_that_names_the_variable_and_status_1() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for name in ["EXPORTER_INGEST_LISTEN", "EXPORTER_HTTP_LISTEN"] {
        let mut variables =
            [("EXPORTER_INGEST_LISTEN", "127.0.0.1:0"), ("EXPORTER_HTTP_LISTEN", "127.0.0.1:0")];
        variables.iter_mut().find(|(variable, _)| *variable == name).unwrap().1 = &address;
        let output = run(&mut program(&variables));
        let errors: Vec<_> = output.stderr.lines().filter(|line| line.contains("ERROR")).collect();
        assert_eq!((output.status, errors.len()), (Some(1), 1), "{}", output.stderr);
        assert!(errors[0].contains(&format!("cannot listen on {name}={address}")), "{}", errors[0]);
    }
}

#[test]
fn variables_of_others_do_not_keep_it_from_starting() {
    let mut exporter = Exporter::start(&[
        // Kubernetes injects such for a Service named `exporter`.
        ("EXPORTER_PORT", "tcp://10.0.0.1:8080"),
        ("EXPORTER_SERVICE_HOST", "10.0.0.1"),
        ("EXPORTER_STALE_MINN", "1s"),
        // Compose sets what is not set to nothing.
        ("EXPORTER_STATE_FILE", ""),
        ("EXPORTER_MAX_AGENTS", " 7 "),
    ]);
    let log: String = exporter.process.rest().collect();
    for warning in [
        "EXPORTER_PORT is ignored",
        "EXPORTER_STALE_MINN is ignored; the nearest known one is EXPORTER_STALE_MIN",
    ] {
        assert!(log.contains(warning), "{warning} in {log}");
    }
    assert!(!log.contains("tcp://"), "values of unknown variables are nobody's business: {log}");
    exporter.stop();
}

#[test]
fn health_is_0_while_it_runs_and_1_with_the_reason_when_not() {
    let exporter = Exporter::start(&[]);
    let address = exporter.http.to_string();
    let check = || run(program(&[("EXPORTER_HTTP_LISTEN", &address)]).arg("healthcheck"));
    let Output { status, stdout, stderr } = check();
    assert_eq!((status, &*stdout, &*stderr), (Some(0), "", ""));

    exporter.stop();
    let Output { status, stdout, stderr } = check();
    assert_eq!((status, &*stdout, stderr.lines().count()), (Some(1), "", 1), "{stderr}");
    let reason = format!("cpumon-exporter is not healthy: cannot get http://{address}/-/healthy: ");
    assert!(stderr.starts_with(&reason), "{stderr}");

    let Output { status, stderr, .. } = run(program(&[("EXPORTER_HTTP_LISTEN", "here")]).arg("healthcheck"));
    assert_eq!(status, Some(1));
    assert!(stderr.starts_with("EXPORTER_HTTP_LISTEN=here: "), "{stderr}");
}
