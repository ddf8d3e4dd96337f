//! `/sd`.

use serde_json::{Value, json};

use crate::support::{Agent, Exporter, Page, wait_until};

fn targets(exporter: &Exporter) -> (u16, Value) {
    let page = Page::get(exporter.http, "/sd", "");
    (page.status, serde_json::from_slice(&page.body).unwrap_or_default())
}

fn target(agent: &str) -> Value {
    json!({
        "targets": ["test"],
        "labels": {"__meta_cpumon_agent": agent, "__metrics_path__": format!("/agents/{agent}/metrics")},
    })
}

#[test]
fn nobody_is_listed_before_all_may_be_back() {
    let exporter = Exporter::start(&[("EXPORTER_START_GRACE", "600s")]);
    let _agent = Agent::join(&exporter, "web-1");
    let page = Page::get(exporter.http, "/sd", "");
    assert_eq!((page.status, page.header("content-type")), (503, Some("text/plain; charset=utf-8")));
}

#[test]
fn each_agent_is_a_target_until_it_is_forgotten_or_leaves() {
    let exporter =
        Exporter::start(&[("EXPORTER_START_GRACE", "100ms"), ("EXPORTER_EXPECTED_AGENTS", "never-seen")]);
    wait_until("the list is there", || targets(&exporter).0 == 200);
    assert_eq!(targets(&exporter).1, json!([target("never-seen")]));
    let hello = json!({
        "v": 1, "t": "hello", "agent": "labelled", "run": "r", "The Percentage Of CPU USAGE": 1,
        "labels": {"dc": "fra \"1\""},
    });
    let mut labelled = Agent::greet(&exporter, &hello);
    labelled.sample();
    let (dies, leaves) = (Agent::join(&exporter, "dies"), Agent::join(&exporter, "leaves"));
    let mut with_label = target("labelled");
    with_label["labels"]["__meta_cpumon_label_dc"] = json!("fra \"1\"");
    let stay = [target("dies"), with_label];
    let all = json!([&stay[0], &stay[1], target("leaves"), target("never-seen")]);
    assert_eq!(targets(&exporter).1, all);
    leaves.bye();
    drop((dies, labelled));
    exporter.when_value(r#"cpumon_agent_up{agent="dies"}"#, Some(0.0));
    exporter.when_value(r#"cpumon_agent_up{agent="labelled"}"#, Some(0.0));
    assert_eq!(targets(&exporter).1, json!([&stay[0], &stay[1], target("never-seen")]));
}

#[test]
fn the_host_is_the_one_that_the_request_named() {
    let exporter = Exporter::start(&[("EXPORTER_START_GRACE", "100ms")]);
    let _agent = Agent::join(&exporter, "web-1");
    wait_until("the list is there", || targets(&exporter).0 == 200);
    let listed = targets(&exporter).1;
    assert_eq!(listed[0]["targets"], json!(["test"]), "what the client here calls it");
    let mut client = crate::support::Client::to(exporter.http);
    client.send("GET /sd HTTP/1.1\r\nHost: [::1]:8000\r\nConnection: close\r\n\r\n");
    let answer = String::from_utf8(client.until_closed()).unwrap();
    assert!(answer.contains(r#""targets":["[::1]:8000"]"#), "{answer}");
    let mut client = crate::support::Client::to(exporter.http);
    client.send("GET /sd HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n");
    let answer = String::from_utf8(client.until_closed()).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
}
