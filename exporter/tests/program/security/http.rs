//! HTTP over TLS and with a token.

use super::tls_client::TlsClient;
use super::{Stage, start};
use crate::support::{Agent, Client, Exporter, Output, Page, program, run, wait_until};

const SECRET: &str = "a-secret-of-the-tests";

fn is_healthy(exporter: &Exporter, variables: &[(&'static str, String)]) -> (Option<i32>, String) {
    let mut command = program(&[("EXPORTER_HTTP_LISTEN", &exporter.http.to_string())]);
    let Output { status, stderr, .. } =
        run(command.envs(variables.iter().map(|(name, value)| (*name, value))).arg("healthcheck"));
    (status, stderr)
}

#[test]
fn without_the_token_nothing_of_the_fleet_is_told() {
    let stage = Stage::new();
    stage.put("token", &format!("  {SECRET}\n"));
    let variables = [
        ("EXPORTER_HTTP_TOKEN_FILE", stage.text("token")),
        ("EXPORTER_START_GRACE", "100ms".to_owned()),
        // The agent says no more than its first sample.
        ("EXPORTER_STALE_MIN", "60s".to_owned()),
    ];
    let exporter = start(&variables);
    let bearer = format!("Authorization: Bearer {SECRET}\r\n");
    let _agent = Agent::join(&exporter, "web-1");
    wait_until("the list of targets is there", || Page::get(exporter.http, "/sd", &bearer).status == 200);
    let paths = [
        ("/", 200),
        ("/metrics", 200),
        ("/api/agents", 200),
        ("/api/agents/web-1", 200),
        ("/sd", 200),
        ("/agents/web-1/metrics", 200),
        // Who is there is told to nobody either.
        ("/agents/nobody/metrics", 404),
        ("/nowhere", 404),
    ];
    for (path, expected) in paths {
        for wrong in ["", "Authorization: Bearer x\r\n", "Authorization: Basic eDp4\r\n"] {
            let page = Page::get(exporter.http, path, wrong);
            assert_eq!(page.status, 401, "{path} {wrong:?}");
            assert_eq!(page.header("www-authenticate"), Some("Bearer realm=\"cpumon\""));
            let text = page.text();
            assert!(
                text.contains("Authorization: Bearer")
                    && !text.contains("cpumon_")
                    && !text.contains("web-1")
            );
        }
        assert_eq!(Page::get(exporter.http, path, &bearer).status, expected, "{path}");
    }
    for path in ["/-/healthy", "/-/ready"] {
        assert_eq!(Page::get(exporter.http, path, "").status, 200, "{path}");
    }
    let page = Page::get(exporter.http, "/metrics", &bearer);
    let counted = r#"cpumon_exporter_rejected_connections_total{reason="http_auth"} 24"#;
    assert!(page.text().lines().any(|line| line == counted), "{}", page.text());
    assert_eq!(is_healthy(&exporter, &variables), (Some(0), String::new()));
}

#[test]
fn with_a_certificate_http_is_over_tls_alone() {
    let stage = Stage::new();
    let exporter = start(&stage.http());
    let get = |path| TlsClient::connect(exporter.http, &stage, None).get(path, "");
    let (status, answer) = get("/metrics").unwrap();
    assert_eq!((status, answer.contains("cpumon_exporter_build_info")), (200, true), "{answer}");
    let mut plain = Client::to(exporter.http);
    plain.send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    let answer = plain.until_closed();
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    let (_, answer) = get("/metrics").unwrap();
    assert!(answer.contains("rejected_connections_total{reason=\"http_tls\"} 1\n"), "{answer}");

    assert_eq!(is_healthy(&exporter, &stage.http()), (Some(0), String::new()));
    // Its files are no question of health.
    stage.put("server.pem", "broken");
    assert_eq!(is_healthy(&exporter, &stage.http()), (Some(0), String::new()));
    let (status, reason) = is_healthy(&exporter, &[]);
    assert_eq!(status, Some(1), "asked without TLS: {reason}");
    exporter.stop();
}

#[test]
fn http_may_ask_for_certificates_and_is_healthy_all_the_same() {
    let stage = Stage::new();
    stage.issue("prometheus", &["prometheus"]);
    let mut variables = stage.http();
    variables.push(("EXPORTER_HTTP_TLS_CLIENT_CA_FILE", stage.text("ca.pem")));
    let exporter = start(&variables);
    let get = |identity| TlsClient::connect(exporter.http, &stage, identity).get("/metrics", "");
    assert_eq!(get(Some("prometheus")).unwrap().0, 200);
    let refused = get(None).unwrap_err();
    assert!(refused.contains("CertificateRequired"), "{refused}");
    assert_eq!(is_healthy(&exporter, &variables), (Some(0), String::new()));
    drop(exporter);
    let plain = Exporter::start(&[]);
    let (status, reason) = is_healthy(&plain, &variables);
    assert_eq!((status, reason.lines().count()), (Some(1), 1), "no TLS there: {reason}");
}
