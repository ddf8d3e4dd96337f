//! Every metric of the table in `docs/metrics.md` that is not opt-in, with its type, its labels and its value.

use std::collections::BTreeSet;
use std::io::Read;
use std::time::{SystemTime, UNIX_EPOCH};

use cpumon_exporter::exposition::families::FAMILIES;
use flate2::read::GzDecoder;
use serde_json::{Value, json};

use crate::support::{
    Agent, Client, Exporter, Exposition, Labels, PERCENT, Page, Series, hello, promtool, sample,
};

/// Everything about the agent `web-1` at `ENDPOINT`: family, type, series without their names.
const PER_AGENT: &[(&str, &str, &[&str])] = &[
    ("my_cpu_percents", "gauge", &[r#"{agent="web-1",endpoint="ENDPOINT"} 87.6543"#]),
    ("cpumon_utilization_ratio", "gauge", &[r#"{agent="web-1"} 0.876543"#]),
    ("cpumon_utilization_max_ratio", "gauge", &[r#"{agent="web-1",window="60s"} 0.99"#]),
    (
        "cpumon_utilization_sample_ratio",
        "histogram",
        &[
            r#"_bucket{agent="web-1",le="0.05"} 1"#,
            r#"_bucket{agent="web-1",le="0.1"} 3"#,
            r#"_bucket{agent="web-1",le="0.2"} 6"#,
            r#"_bucket{agent="web-1",le="0.3"} 10"#,
            r#"_bucket{agent="web-1",le="0.4"} 15"#,
            r#"_bucket{agent="web-1",le="0.5"} 21"#,
            r#"_bucket{agent="web-1",le="0.6"} 28"#,
            r#"_bucket{agent="web-1",le="0.7"} 36"#,
            r#"_bucket{agent="web-1",le="0.8"} 45"#,
            r#"_bucket{agent="web-1",le="0.9"} 55"#,
            r#"_bucket{agent="web-1",le="0.95"} 66"#,
            r#"_bucket{agent="web-1",le="0.99"} 78"#,
            r#"_bucket{agent="web-1",le="+Inf"} 91"#,
            r#"_sum{agent="web-1"} 60.5"#,
            r#"_count{agent="web-1"} 91"#,
        ],
    ),
    (
        "cpumon_samples_above_threshold_total",
        "counter",
        &[r#"{agent="web-1",severity="warning"} 46"#, r#"{agent="web-1",severity="critical"} 25"#],
    ),
    (
        "cpumon_seconds_total",
        "counter",
        &[
            r#"{agent="web-1",mode="user"} 1.000001"#,
            r#"{agent="web-1",mode="nice"} 0.02"#,
            r#"{agent="web-1",mode="system"} 3.3"#,
            r#"{agent="web-1",mode="idle"} 4000000"#,
            r#"{agent="web-1",mode="iowait"} 5"#,
            r#"{agent="web-1",mode="irq"} 0"#,
            r#"{agent="web-1",mode="softirq"} 7.25"#,
            r#"{agent="web-1",mode="steal"} 0.000008"#,
        ],
    ),
    (
        "cpumon_guest_seconds_total",
        "counter",
        &[r#"{agent="web-1",mode="user"} 0.5"#, r#"{agent="web-1",mode="nice"} 0.25"#],
    ),
    ("cpumon_hottest_core_ratio", "gauge", &[r#"{agent="web-1"} 1"#]),
    ("cpumon_logical_cpus", "gauge", &[r#"{agent="web-1"} 8"#]),
    ("cpumon_load1", "gauge", &[r#"{agent="web-1"} 1.5"#]),
    ("cpumon_load5", "gauge", &[r#"{agent="web-1"} 0.25"#]),
    ("cpumon_load15", "gauge", &[r#"{agent="web-1"} 0"#]),
    ("cpumon_procs_running", "gauge", &[r#"{agent="web-1"} 3"#]),
    ("cpumon_context_switches_total", "counter", &[r#"{agent="web-1"} 18446744073709551615"#]),
    ("cpumon_pressure_waiting_seconds_total", "counter", &[r#"{agent="web-1"} 12.345678"#]),
    ("cpumon_agent_up", "gauge", &[r#"{agent="web-1"} 1"#]),
    (
        "cpumon_agent_info",
        "gauge",
        &[
            r#"{agent="web-1",address="127.0.0.1",hostname="web \"one\"",version="0.1.0",os="Debian 13",kernel="6.12",arch="x86_64",cpu_model="C:\\PU é",client="v1",label_dc="fra",label_role="db"} 1"#,
        ],
    ),
    ("cpumon_agent_start_time_seconds", "gauge", &[r#"{agent="web-1"} 1700000000.5"#]),
    // The start of its run and the sample's place in it.
    ("cpumon_agent_sample_order", "gauge", &[r#"{agent="web-1"} 1700000000500001"#]),
    ("cpumon_agent_connections_total", "counter", &[r#"{agent="web-1"} 1"#]),
    (
        "cpumon_agent_disconnects_total",
        "counter",
        &[
            r#"{agent="web-1",reason="bye"} 0"#,
            r#"{agent="web-1",reason="eof"} 0"#,
            r#"{agent="web-1",reason="timeout"} 0"#,
            r#"{agent="web-1",reason="protocol"} 0"#,
            r#"{agent="web-1",reason="replaced"} 0"#,
        ],
    ),
    ("cpumon_agent_missed_samples_total", "counter", &[r#"{agent="web-1"} 2"#]),
    ("cpumon_agent_skipped_frames_total", "counter", &[r#"{agent="web-1"} 3"#]),
    ("cpumon_agent_rtt_seconds", "gauge", &[r#"{agent="web-1"} 0.001234"#]),
];

/// Shown too, with a value that no test can know.
const LAST_SAMPLE: &str = "cpumon_agent_last_sample_timestamp_seconds";

/// A family without labels, or one label and its values.
type Own = (&'static str, &'static str, &'static str, &'static [&'static str]);

/// About the exporter: family, type, label, and the label's values.
const OWN: &[Own] = &[
    ("cpumon_alert_threshold_ratio", "gauge", "severity", &["critical", "warning"]),
    ("cpumon_exporter_agents", "gauge", "state", &["down", "up"]),
    ("cpumon_exporter_build_info", "gauge", "version", &[env!("CARGO_PKG_VERSION")]),
    ("cpumon_exporter_connections", "gauge", "", &[]),
    ("cpumon_exporter_event_streams", "gauge", "", &[]),
    ("cpumon_exporter_frames_total", "counter", "format", &["original", "v1"]),
    (
        "cpumon_exporter_rejected_connections_total",
        "counter",
        "reason",
        &[
            "accept",
            "address",
            "auth",
            "connections",
            "http",
            "http_accept",
            "http_auth",
            "http_crowded",
            "http_events",
            "http_late",
            "http_malformed",
            "http_revoked",
            "http_slow",
            "http_tls",
            "silent",
            "tls",
            "ungreeted",
            "unread",
        ],
    ),
    (
        "cpumon_exporter_rejected_frames_total",
        "counter",
        "reason",
        &[
            "auth",
            "bad_name",
            "bad_text",
            "bad_version",
            "cores_full",
            "fleet_full",
            "name_conflict",
            "not_an_object",
            "not_json",
            "not_utf8",
            "out_of_order",
            "out_of_range",
            "replaced",
            "schema",
            "stale",
            "too_deep",
            "too_large",
            "truncated",
            "unknown_type",
        ],
    ),
    ("cpumon_exporter_scrape_duration_seconds", "gauge", "", &[]),
    ("cpumon_exporter_throttled_total", "counter", "", &[]),
    ("process_cpu_seconds_total", "counter", "", &[]),
    ("process_max_fds", "gauge", "", &[]),
    ("process_open_fds", "gauge", "", &[]),
    ("process_resident_memory_bytes", "gauge", "", &[]),
    ("process_start_time_seconds", "gauge", "", &[]),
    ("process_threads", "gauge", "", &[]),
    ("process_virtual_memory_bytes", "gauge", "", &[]),
];

/// A hello that says all there is to say.
fn full_hello() -> Value {
    let mut hello = hello("web-1", "00112233445566778899aabbccddeeff");
    for (field, value) in [
        ("boot", json!("5a0c6a0e-3f4b-4f1c-8d52-1f3c4a5b6c7d")),
        ("start_us", json!(1_700_000_000_500_000u64)),
        ("hostname", json!("web \"one\"")),
        ("version", json!("0.1.0")),
        ("os", json!("Debian 13")),
        ("kernel", json!("6.12")),
        ("arch", json!("x86_64")),
        ("cpu_model", json!("C:\\PU é")),
        ("labels", json!({"role": "db", "dc": "fra"})),
    ] {
        hello[field] = value;
    }
    hello
}

/// A sample that says all there is to say without being asked for more.
fn full_sample() -> Value {
    let mut sample = sample(1);
    for (field, value) in [
        (PERCENT, json!(87.6543)),
        ("max_ppm", json!(990_000)),
        ("hottest_core_ppm", json!(1_000_000)),
        ("histogram", json!({"buckets": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13], "sum_ppm": 60_500_000})),
        (
            "cpu_us",
            json!({"user": 1_000_001, "nice": 20_000, "system": 3_300_000, "idle": 4_000_000_000_000u64,
                   "iowait": 5_000_000, "irq": 0, "softirq": 7_250_000, "steal": 8}),
        ),
        ("guest_us", json!({"user": 500_000, "nice": 250_000})),
        ("cpus", json!(8)),
        ("load_ppm", json!([1_500_000, 250_000, 0])),
        ("procs_running", json!(3)),
        ("context_switches", json!(u64::MAX)),
        ("pressure_us", json!(12_345_678)),
        ("missed", json!(2)),
        ("skipped", json!(3)),
        ("rtt_us", json!(1_234)),
    ] {
        sample[field] = value;
    }
    sample
}

/// The families that have series about the agent of this name.
fn families_about(metrics: &Exposition, agent: &str) -> BTreeSet<String> {
    let is_about = |series: &Series| series.labels.get("agent").is_some_and(|name| name == agent);
    let families = metrics.families.iter().filter(|family| family.series.iter().any(is_about));
    families.map(|family| family.name.clone()).collect()
}

fn names<'a>(names: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    names.into_iter().map(str::to_owned).collect()
}

#[test]
fn every_metric_of_an_agent_is_there_as_it_was_sent() {
    let exporter = Exporter::start(&[]);
    let mut agent = Agent::greet(&exporter, &full_hello());
    let before = now();
    agent.send(full_sample());
    let page = Page::get(exporter.http, "/metrics", "");
    let metrics = Exposition::parse(page.text()).unwrap();

    let endpoint = agent.client.endpoint().to_string();
    for (name, kind, series) in PER_AGENT {
        assert_eq!(metrics.family(name).unwrap().kind, *kind, "{name}");
        for rest in *series {
            let line = format!("{name}{rest}").replace("ENDPOINT", &endpoint);
            assert!(page.text().lines().any(|shown| shown == line), "{line} is missing in\n{}", page.text());
        }
        let shown: usize = metrics.family(name).unwrap().series.len();
        assert_eq!(shown, series.len(), "{name} has no other series");
    }
    let heard = metrics.value(&format!("{LAST_SAMPLE}{{agent=\"web-1\"}}")).unwrap();
    assert!((before..=now()).contains(&heard), "{heard}");
    let expected = names(PER_AGENT.iter().map(|(name, ..)| *name).chain([LAST_SAMPLE]));
    assert_eq!(families_about(&metrics, "web-1"), expected);
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

#[test]
fn the_table_above_is_the_programs_but_for_what_is_opt_in() {
    let opt_in = |name: &str| {
        name.starts_with("cpumon_cgroup_")
            || ["cpumon_core_seconds_total", "cpumon_top_process_cores"].contains(&name)
    };
    let of_the_program = FAMILIES.iter().map(|family| family.name).filter(|name| !opt_in(name));
    assert_eq!(names(of_the_program), names(PER_AGENT.iter().map(|(name, ..)| *name).chain([LAST_SAMPLE])));
}

#[test]
fn what_a_client_cannot_know_is_absent() {
    let exporter = Exporter::start(&[]);
    let _agent = Agent::join(&exporter, "web-1");
    let mut client = Client::connect(&exporter);
    client.send(r#"{"The Percentage Of CPU USAGE": 90}"#);
    client.bytes(35);
    let metrics = exporter.metrics();

    let of_any = [
        "my_cpu_percents",
        "cpumon_utilization_ratio",
        "cpumon_agent_up",
        "cpumon_agent_info",
        "cpumon_agent_sample_order",
        "cpumon_agent_connections_total",
        "cpumon_agent_disconnects_total",
        LAST_SAMPLE,
    ];
    assert_eq!(families_about(&metrics, "web-1"), names(of_any));
    let kept_for_it = ["cpumon_utilization_sample_ratio", "cpumon_samples_above_threshold_total"];
    let endpoint = client.endpoint().to_string();
    assert_eq!(families_about(&metrics, &endpoint), names(of_any.into_iter().chain(kept_for_it)));
    let info = format!("cpumon_agent_info{{agent=\"{endpoint}\",address=\"127.0.0.1\",client=\"original\"}}");
    assert_eq!(metrics.value(&info), Some(1.0));
}

#[test]
fn every_metric_of_the_exporter_is_there_before_anything_happens() {
    let exporter = Exporter::start(&[("EXPORTER_ALERT_WARNING", "0.7")]);
    let metrics = exporter.metrics();
    let shown: Vec<_> = metrics.families.iter().map(|family| (&*family.name, &*family.kind)).collect();
    assert_eq!(shown, OWN.iter().map(|(name, kind, ..)| (*name, *kind)).collect::<Vec<_>>());
    for (name, _, label, values) in OWN {
        let labels = metrics.family(name).unwrap().series.iter().map(|series| series.labels.clone());
        let of = |value: &&str| Labels::from([((*label).to_owned(), (*value).to_owned())]);
        let expected = if values.is_empty() { vec![Labels::new()] } else { values.iter().map(of).collect() };
        assert_eq!(labels.collect::<Vec<_>>(), expected, "{name}");
    }
    for (selector, value) in [
        (r#"cpumon_alert_threshold_ratio{severity="warning"}"#, 0.7),
        (r#"cpumon_alert_threshold_ratio{severity="critical"}"#, 0.95),
        ("cpumon_exporter_build_info", 1.0),
    ] {
        assert_eq!(metrics.value(selector), Some(value));
    }
    assert!(exporter.value("cpumon_exporter_scrape_duration_seconds").unwrap() > 0.0, "of the scrape before");
}

#[test]
fn metrics_come_as_prometheus_asks_for_them() {
    let exporter = Exporter::start(&[]);
    let _agent = Agent::join(&exporter, "web-1");
    let plain = Page::get(exporter.http, "/metrics", "");
    let gzip = Page::get(exporter.http, "/metrics", "Accept-Encoding: gzip\r\n");
    for (page, coding) in [(&plain, None), (&gzip, Some("gzip"))] {
        assert_eq!(page.status, 200);
        assert_eq!(page.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
        assert_eq!(page.header("vary"), Some("Accept-Encoding"));
        assert_eq!(page.header("content-encoding"), coding);
    }
    let mut text = String::new();
    GzDecoder::new(&*gzip.body).read_to_string(&mut text).unwrap();
    let families = |text: &str| {
        let metrics = Exposition::parse(text).unwrap();
        metrics.families.iter().map(|family| (family.name.clone(), family.help.clone())).collect::<Vec<_>>()
    };
    assert_eq!(families(&text), families(plain.text()));
}

#[test]
fn promtool_accepts_what_the_exporter_serves() {
    let exporter = Exporter::start(&[]);
    let mut agent = Agent::greet(&exporter, &full_hello());
    agent.send(full_sample());
    promtool::check_metrics(Page::get(exporter.http, "/metrics", "").text());
}
