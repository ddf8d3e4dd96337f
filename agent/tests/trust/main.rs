//! Whom the agent tells its secrets: nobody but the exporter that its CA vouches for.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test's helpers end the test")]

#[path = "../../../tests/support/certificates.rs"]
mod certificates;
mod impostor;
mod program;

use std::net::{IpAddr, UdpSocket};
use std::thread;

use certificates::{Authority, Issued, Valid, replace};
use impostor::{Impostor, Speaks};
use program::{Program, run_to_its_end};

const CANARY: &str = "canary-7f3a9c51e0";

/// A directory with the CA that the agent trusts.
struct Stage {
    directory: tempfile::TempDir,
    ca: Authority,
}

impl Stage {
    fn new() -> Self {
        let stage = Self { directory: tempfile::tempdir().unwrap(), ca: Authority::new() };
        replace(&stage.path("ca.pem"), stage.ca.pem());
        stage
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.directory.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    /// The variables of an agent that trusts the CA.
    fn variables(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AGENT_TLS", "true".into()),
            ("AGENT_TLS_CA_FILE", self.text("ca.pem")),
            ("AGENT_TOKEN", CANARY.into()),
            ("AGENT_NAME", "web-1".into()),
            ("AGENT_BACKOFF_MAX", "500ms".into()),
            ("AGENT_LOG", "trace".into()),
        ]
    }
}

/// What stands at the other end, and what the agent's log says about it.
fn impostors(stage: &Stage) -> Vec<(&'static str, Speaks, &'static str)> {
    let ca = &stage.ca;
    let good = || ca.issue(&["localhost"], Valid::Now);
    vec![
        ("another CA", Speaks::tls(&Authority::new().issue(&["localhost"], Valid::Now)), "BadSignature"),
        ("expired", Speaks::tls(&ca.issue(&["localhost"], Valid::Before)), "certificate expired"),
        ("not valid yet", Speaks::tls(&ca.issue(&["localhost"], Valid::Later)), "certificate not valid yet"),
        (
            "another name",
            Speaks::tls(&ca.issue(&["other.example", "127.0.0.1"], Valid::Now)),
            "not valid for name",
        ),
        ("for no name", Speaks::tls(&ca.issue(&[], Valid::Now)), "not valid for name"),
        ("by itself", Speaks::tls(&Issued::by_itself(&["localhost"])), "UnknownIssuer"),
        ("TLS 1.2 alone", Speaks::tls_1_2(&good()), "received fatal alert"),
        ("plain", Speaks::Plain, "corrupt message"),
        ("the original's server", Speaks::UpperCase, "received unexpected handshake message"),
        ("silence", Speaks::Nothing, "no connection within"),
        ("hangs up", Speaks::HangsUp, "cannot begin TLS"),
    ]
}

#[test]
fn nobody_learns_anything_who_is_not_vouched_for() {
    let stage = Stage::new();
    thread::scope(|scope| {
        for (what, speaks, told) in impostors(&stage) {
            let stage = &stage;
            scope.spawn(move || {
                let impostor = Impostor::start(speaks);
                let mut agent = Program::start(&format!("localhost:{}", impostor.port()), &stage.variables());
                agent.log_line("no exporter takes the samples");
                // And once more: it does not give in.
                impostor.wait_for_connections(2);
                let log = agent.end();
                assert!(log.contains(told), "{what}: no {told:?} in\n{log}");
                assert!(!log.contains(CANARY), "{what}: the token is in the log");
                let heard = impostor.heard();
                assert!(heard.clear.is_empty(), "{what} read {:?}", String::from_utf8_lossy(&heard.clear));
                for secret in [CANARY.as_bytes(), b"web-1", b"hello", b"CPU"] {
                    let is_there = heard.raw.windows(secret.len()).any(|window| window == secret);
                    assert!(!is_there, "{what}: {:?} went over the wire", String::from_utf8_lossy(secret));
                }
            });
        }
    });
}

#[test]
fn who_is_vouched_for_is_told() {
    let stage = Stage::new();
    let impostor = Impostor::start(Speaks::tls(&stage.ca.issue(&["localhost"], Valid::Now)));
    let agent = Program::start(&format!("localhost:{}", impostor.port()), &stage.variables());
    impostor.wait_for(&format!("\"token\":\"{CANARY}\""));
    let raw = impostor.heard().raw;
    assert!(!raw.windows(CANARY.len()).any(|window| window == CANARY.as_bytes()));
    drop(agent);
}

#[test]
fn an_exporter_that_wants_a_certificate_gets_the_agents() {
    let stage = Stage::new();
    let [certificate, key] = stage.ca.issue(&["web-1"], Valid::Now).write(stage.directory.path(), "agent");
    let speaks = Speaks::tls(&stage.ca.issue(&["localhost"], Valid::Now)).that_wants_one_of(stage.ca.pem());
    let impostor = Impostor::start(speaks);
    let exporter = format!("localhost:{}", impostor.port());

    let mut without = Program::start(&exporter, &stage.variables());
    without.log_line("CertificateRequired");
    without.end();
    assert!(impostor.heard().clear.is_empty());

    let mut variables = stage.variables();
    variables.push(("AGENT_TLS_CERT_FILE", certificate.to_str().unwrap().into()));
    variables.push(("AGENT_TLS_KEY_FILE", key.to_str().unwrap().into()));
    let _with = Program::start(&exporter, &variables);
    impostor.wait_for(CANARY);
}

#[test]
fn a_new_ca_counts_from_the_next_connection_on() {
    let stage = Stage::new();
    let new = Authority::new();
    let impostor = Impostor::start(Speaks::tls(&new.issue(&["localhost"], Valid::Now)));
    let mut agent = Program::start(&format!("localhost:{}", impostor.port()), &stage.variables());
    agent.log_line("invalid peer certificate");
    replace(&stage.path("ca.pem"), "broken");
    agent.log_line("the certificates in use stay, as the new ones are of no use");
    replace(&stage.path("ca.pem"), new.pem());
    agent.log_line("new certificates are in use");
    impostor.wait_for(CANARY);
}

/// An address of this machine that is not loopback, if it has one.
fn own_address() -> Option<IpAddr> {
    // Nothing is sent: connecting a datagram socket only asks for the route.
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    socket
        .local_addr()
        .ok()
        .map(|address| address.ip())
        .filter(|ip| !ip.is_loopback() && !ip.is_unspecified())
}

#[test]
#[allow(clippy::disallowed_methods, reason = "whether this is CI is no variable of the program")]
fn without_tls_the_token_stays_on_this_machine() {
    let variables = |more: &[(&'static str, &str)]| -> Vec<(&'static str, String)> {
        let token = [("AGENT_TOKEN", CANARY), ("AGENT_NAME", "web-1")];
        token.iter().chain(more).map(|&(name, value)| (name, value.to_owned())).collect()
    };
    let near = Impostor::start(Speaks::Plain);
    let _agent = Program::start(&format!("127.0.0.1:{}", near.port()), &variables(&[]));
    near.wait_for(CANARY);

    let Some(own) = own_address() else {
        assert!(std::env::var_os("CI").is_none(), "this machine has no address but loopback");
        eprintln!("skipped in part: this machine has no address but loopback");
        return;
    };
    let far = Impostor::start(Speaks::Plain);
    let mut agent = Program::start(&format!("{own}:{}", far.port()), &variables(&[]));
    agent.log_line("the token is not sent");
    far.wait_for("hello");
    let log = agent.end();
    let heard = String::from_utf8(far.heard().clear).unwrap();
    assert!(!heard.contains(CANARY) && !heard.contains("token") && !log.contains(CANARY), "{heard}");

    let told_so = Impostor::start(Speaks::Plain);
    let variables = variables(&[("AGENT_PLAINTEXT_TOKEN", "true")]);
    let _agent = Program::start(&format!("{own}:{}", told_so.port()), &variables);
    told_so.wait_for(CANARY);
}

#[test]
fn what_is_wrong_with_its_files_is_said_before_anything_begins() {
    let stage = Stage::new();
    let file = |name: &str, text: &str| {
        replace(&stage.path(name), text);
        stage.text(name)
    };
    let (empty, blank) = (file("empty", ""), file("blank", " \n"));
    let (two_lines, long) = (file("two", "a\nb\n"), file("long", &"x".repeat(129)));
    let ca = stage.text("ca.pem");
    let check = |variables: &[(&str, &str)], lines: &[&str]| {
        let (status, log) = run_to_its_end(variables);
        assert_eq!(status, Some(64), "{variables:?}: {log}");
        let got: Vec<_> = log.lines().collect();
        assert_eq!(got.len(), lines.len(), "{variables:?}: {log}");
        for (got, expected) in got.iter().zip(lines) {
            assert!(got.starts_with(expected), "{got}\n{expected}");
        }
    };
    let token_file = |path: &str, wrong: &str| {
        check(&[("AGENT_TOKEN_FILE", path)], &[&format!("AGENT_TOKEN_FILE={path}: {wrong}; ")]);
    };
    token_file(&empty, "is an empty file");
    token_file(&blank, "is an empty file");
    token_file(&two_lines, "holds more than one line");
    token_file(&long, "is no token");
    token_file("/nowhere", "cannot be read (No such file or directory (os error 2))");
    check(
        &[("AGENT_TOKEN", CANARY), ("AGENT_TOKEN_FILE", &ca)],
        &["AGENT_TOKEN=***: is given beside AGENT_TOKEN_FILE; set one of the two"],
    );
    check(&[("AGENT_TLS_CA_FILE", &ca)], &[&format!("AGENT_TLS_CA_FILE={ca}: is given without TLS; ")]);
    check(
        &[("AGENT_TLS", "yes"), ("AGENT_TLS_CA_FILE", &empty), ("AGENT_TLS_KEY_FILE", &ca)],
        &[
            &format!("AGENT_TLS_CA_FILE={empty}: holds no certificate; "),
            "AGENT_TLS_CERT_FILE (unset): is needed beside AGENT_TLS_KEY_FILE; ",
        ],
    );
    check(
        &[("AGENT_TLS", "yes"), ("AGENT_TLS_CA_FILE", &ca), ("AGENT_EXPORTERS", "a..b:1")],
        &["AGENT_EXPORTERS=a..b:1: names a..b, which no certificate can be good for; "],
    );
}
