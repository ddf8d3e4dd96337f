//! Files that are not what they should be: nothing begins.

use super::{Authority, Stage, Valid};
use crate::support::{Output, program, run};

/// The exporter ends with 64, and says exactly this, each line being the beginning of one.
fn check(variables: &[(&str, &str)], lines: &[String]) {
    let listen = [("EXPORTER_INGEST_LISTEN", "127.0.0.1:0"), ("EXPORTER_HTTP_LISTEN", "127.0.0.1:0")];
    let Output { status, stderr, .. } = run(program(&listen).envs(variables.iter().copied()));
    assert_eq!(status, Some(64), "{variables:?}: {stderr}");
    assert_eq!(stderr.lines().count(), lines.len(), "{variables:?}: {stderr}");
    for (got, expected) in stderr.lines().zip(lines) {
        assert!(got.starts_with(expected), "{got}\n{expected}");
        assert!(got.contains("; "), "what would be right: {got}");
    }
}

#[test]
fn a_token_file_without_a_token_stops_it() {
    let stage = Stage::new();
    stage.put("empty", "");
    stage.put("blank", " \r\n\n");
    stage.put("two", "one\ntwo\n");
    stage.put("long", &"x".repeat(129));
    stage.put("huge", &"x".repeat(10_000));
    std::fs::write(stage.path("bytes"), [0xff, 0xfe]).unwrap();
    for variable in ["EXPORTER_TOKEN_FILE", "EXPORTER_HTTP_TOKEN_FILE"] {
        for (name, wrong) in [
            ("empty", "is an empty file"),
            ("blank", "is an empty file"),
            ("two", "holds more than one line"),
            ("huge", "is larger than 4 KiB"),
            ("bytes", "is not UTF-8"),
            ("missing", "cannot be read (No such file or directory"),
            (".", "cannot be read (Is a directory"),
        ] {
            let path = stage.text(name);
            check(&[(variable, &path)], &[format!("{variable}={path}: {wrong}")]);
        }
    }
    let long = stage.text("long");
    check(&[("EXPORTER_TOKEN_FILE", &long)], &[format!("EXPORTER_TOKEN_FILE={long}: is no token")]);
    check(&[("EXPORTER_TOKEN", &"x".repeat(129))], &["EXPORTER_TOKEN=***: is no token".into()]);
    check(
        &[("EXPORTER_TOKEN", "a"), ("EXPORTER_TOKEN_FILE", &long)],
        &["EXPORTER_TOKEN=***: is given beside EXPORTER_TOKEN_FILE".into()],
    );
}

#[test]
fn certificates_of_no_use_stop_it_and_all_are_named() {
    let stage = Stage::new();
    let (certificate, key, ca) = (stage.text("server.pem"), stage.text("server.key"), stage.text("ca.pem"));
    Authority::new().issue(&["localhost"], Valid::Now).write(stage.directory(), "other");
    let other = stage.text("other.key");
    check(
        &[("EXPORTER_INGEST_TLS_LISTEN", "127.0.0.1:0"), ("EXPORTER_HTTP_TLS_CLIENT_CA_FILE", &ca)],
        &[
            "EXPORTER_INGEST_TLS_CERT_FILE (unset): is needed for TLS, beside".into(),
            "EXPORTER_INGEST_TLS_KEY_FILE (unset): is needed for TLS, beside".into(),
            "EXPORTER_HTTP_TLS_CERT_FILE (unset): is needed for TLS, beside".into(),
            "EXPORTER_HTTP_TLS_KEY_FILE (unset): is needed for TLS, beside".into(),
        ],
    );
    check(
        &[("EXPORTER_INGEST_TLS_CERT_FILE", &certificate), ("EXPORTER_INGEST_TLS_KEY_FILE", &key)],
        &["EXPORTER_INGEST_TLS_LISTEN (unset): is needed for the certificates that are given".into()],
    );
    check(
        &[
            ("EXPORTER_INGEST_TLS_LISTEN", "127.0.0.1:0"),
            ("EXPORTER_INGEST_TLS_CERT_FILE", &certificate),
            ("EXPORTER_INGEST_TLS_KEY_FILE", &other),
            ("EXPORTER_HTTP_TLS_CERT_FILE", "/nowhere"),
            ("EXPORTER_HTTP_TLS_KEY_FILE", &key),
            ("EXPORTER_MAX_AGENTS", "many"),
        ],
        &[
            format!("EXPORTER_INGEST_TLS_KEY_FILE={other}: does not go with the certificate"),
            "EXPORTER_HTTP_TLS_CERT_FILE=/nowhere: cannot be read (No such file or directory".into(),
            "EXPORTER_MAX_AGENTS=many: ".into(),
        ],
    );
}
