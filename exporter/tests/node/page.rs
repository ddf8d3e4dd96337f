//! `/agents/<agent>/metrics`, with agents that are written out frame by frame.

use std::net::SocketAddr;
use std::sync::mpsc::channel;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Agent, Exporter, Exposition, Page, promtool, sample};

/// Asks for an agent's page while the test goes on.
fn ask(exporter: &Exporter, agent: &str, more: &'static str) -> JoinHandle<Page> {
    let (http, path) = (exporter.http, path(agent));
    thread::spawn(move || Page::get(http, &path, more))
}

fn path(agent: &str) -> String {
    format!("/agents/{agent}/metrics")
}

/// Sends the next sample; whether its ack asks for cores.
fn sent(agent: &mut Agent, frame: fn(u64) -> Value) -> bool {
    agent.seq += 1;
    let frame = frame(agent.seq);
    agent.client.send_frame(&frame);
    let ack = agent.client.frame();
    assert_eq!((&ack["t"], &ack["seq"]), (&json!("ack"), &frame["seq"]));
    ack["want"] == json!(["cores"])
}

fn with_gauges(seq: u64) -> Value {
    let mut frame = sample(seq);
    frame["load_ppm"] = json!([1_500_000, 250_000, 10_000]);
    frame["procs_running"] = json!(3);
    frame["context_switches"] = json!(123_456_789);
    frame["pressure_us"] = json!(1_250_000);
    frame
}

fn cores(seq: u64) -> Value {
    let core = |core: u64, user: u64| {
        json!({
            "core": core,
            "cpu_us": {"user": user, "nice": 1, "system": 2_500_000, "idle": 9_000_000,
                "iowait": 0, "irq": 0, "softirq": 10_000, "steal": 0},
            "guest_us": {"user": 70_000, "nice": 0},
        })
    };
    json!({
        "v": 1, "t": "cores", "seq": seq, "asked": true,
        "time_us": 1_795_392_017_000_000u64, "boot_us": 1_795_390_000_000_000u64,
        "machine": {
            "sysname": "Linux", "nodename": "web \"one\"", "release": "6.12.48", "version": "#1 SMP",
            "machine": "x86_64", "domainname": "(none)",
            "models": [{"vendor": "AuthenticAMD", "family": "25", "model": "17", "model_name": "EPYC",
                "stepping": "1", "microcode": "0xa1", "cache_size": "1024 KB"}],
            "cpus": [{"cpu": 0, "package": 0, "core": 3, "model": 0}, {"cpu": 12, "model": 7}],
        },
        "cores": [core(0, 40_630_000), core(12, 1_000_000)],
    })
}

#[test]
fn the_first_one_who_asks_waits_for_the_cores_and_the_next_does_not() {
    let exporter = Exporter::start(&[]);
    let mut agent = Agent::join(&exporter, "web-1");
    let asked = ask(&exporter, "web-1", "");
    // The next acks ask for cores; nothing else tells that the question has arrived.
    while !sent(&mut agent, with_gauges) {
        thread::sleep(Duration::from_millis(100));
    }
    agent.client.send_frame(&cores(agent.seq + 1));
    assert!(sent(&mut agent, with_gauges));
    let page = asked.join().unwrap();
    assert_eq!(page.status, 200);
    assert_eq!(page.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let metrics = Exposition::parse(page.text()).unwrap();
    for (series, value) in [
        (r#"node_cpu_seconds_total{cpu="0",mode="user"}"#, 40.63),
        (r#"node_cpu_seconds_total{cpu="12",mode="nice"}"#, 0.000_001),
        (r#"node_cpu_guest_seconds_total{cpu="0",mode="user"}"#, 0.07),
        ("node_load1", 1.5),
        ("node_load5", 0.25),
        ("node_load15", 0.01),
        ("node_procs_running", 3.0),
        ("node_context_switches_total", 123_456_789.0),
        ("node_pressure_cpu_waiting_seconds_total", 1.25),
        ("node_boot_time_seconds", 1_795_390_000.0),
        (r#"node_uname_info{nodename="web \"one\"",sysname="Linux",domainname="(none)"}"#, 1.0),
        (r#"node_cpu_info{cpu="0",package="0",core="3",vendor="AuthenticAMD",cachesize="1024 KB"}"#, 1.0),
        (r#"node_cpu_info{cpu="12",package="",model_name=""}"#, 1.0),
    ] {
        assert_eq!(metrics.value(series), Some(value), "{series}");
    }
    let time = metrics.value("node_time_seconds").unwrap();
    assert!((1_795_392_017.0..1_795_392_047.0).contains(&time), "{time}");
    assert_eq!(metrics.family("node_cpu_seconds_total").unwrap().series.len(), 16);
    assert!(metrics.series().all(|series| !series.labels.contains_key("agent")));
    promtool::check_metrics(page.text());

    // Cores that were only asked for are nobody else's.
    assert!(exporter.metrics().family("cpumon_core_seconds_total").is_none());
    agent.client.send_frame(&cores(agent.seq + 1));
    assert!(sent(&mut agent, with_gauges));
    let begun = Instant::now();
    let again = Page::get(exporter.http, &path("web-1"), "");
    assert!(again.text().contains("node_cpu_seconds_total"));
    assert!(begun.elapsed() < Duration::from_secs(1), "nobody waits for what is there");
    let packed = Page::get(exporter.http, &path("web-1"), "Accept-Encoding: gzip\r\n");
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    assert!(packed.body.len() < again.body.len() / 2);
    assert_eq!(Page::get(exporter.http, &path("web-1"), "Accept-Encoding: *;q=0\r\n").status, 406);
}

#[test]
fn who_has_no_cores_to_tell_is_waited_for_once_and_for_two_intervals() {
    let exporter = Exporter::start(&[]);
    let mut agent = Agent::join(&exporter, "small");
    let (over, is_over) = channel::<()>();
    let sender = thread::spawn(move || {
        while is_over.recv_timeout(Duration::from_millis(200)).is_err() {
            sent(&mut agent, with_gauges);
        }
        agent
    });
    let timed = |http: SocketAddr| {
        let begun = Instant::now();
        let page = Page::get(http, &path("small"), "");
        (
            page.status,
            page.text().contains("node_load1 1.5\n"),
            page.text().contains("node_cpu"),
            begun.elapsed(),
        )
    };
    let (status, has_load, has_cores, took) = timed(exporter.http);
    assert_eq!((status, has_load, has_cores), (200, true, false));
    assert!((Duration::from_millis(1_900)..Duration::from_secs(10)).contains(&took), "{took:?}");
    let (status, has_load, has_cores, took) = timed(exporter.http);
    assert_eq!((status, has_load, has_cores), (200, true, false));
    assert!(took < Duration::from_millis(1_500), "{took:?}");
    over.send(()).unwrap();
    drop(sender.join().unwrap());
}

#[test]
fn a_scrape_that_has_less_time_is_answered_in_time() {
    let exporter = Exporter::start(&[]);
    let _agent = Agent::join(&exporter, "slow");
    let begun = Instant::now();
    let page = ask(&exporter, "slow", "X-Prometheus-Scrape-Timeout-Seconds: 1\r\n").join().unwrap();
    assert_eq!(page.status, 200);
    assert!(begun.elapsed() < Duration::from_millis(1_700), "{:?}", begun.elapsed());
}

#[test]
fn who_is_gone_is_unavailable_and_who_is_not_known_is_not_found() {
    let exporter = Exporter::start(&[]);
    assert_eq!(Page::get(exporter.http, &path("nobody"), "").status, 404);
    let agent = Agent::join(&exporter, "web-1");
    drop(agent);
    exporter.when_value(r#"cpumon_agent_up{agent="web-1"}"#, Some(0.0));
    let page = Page::get(exporter.http, &path("web-1"), "");
    assert_eq!((page.status, page.header("content-type")), (503, Some("text/plain; charset=utf-8")));
    for nowhere in ["/agents", "/agents/", "/agents//metrics", "/agents/web-1", "/agents/web-1/metrics/x"] {
        assert_eq!(Page::get(exporter.http, nowhere, "").status, 404, "{nowhere}");
    }
}

#[test]
fn who_waits_is_told_at_once_that_the_agent_has_gone() {
    let exporter = Exporter::start(&[]);
    let hello = json!({"v": 1, "t": "hello", "agent": "rare", "run": "r", "interval_ms": 60_000, "The Percentage Of CPU USAGE": 1});
    let mut agent = Agent::greet(&exporter, &hello);
    agent.sample();
    let asked = ask(&exporter, "rare", "");
    while !sent(&mut agent, with_gauges) {
        thread::sleep(Duration::from_millis(100));
    }
    let begun = Instant::now();
    drop(agent);
    assert_eq!(asked.join().unwrap().status, 503);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[test]
fn cores_that_are_for_all_are_on_the_page_of_all() {
    let exporter = Exporter::start(&[("EXPORTER_MAX_CORES", "3")]);
    let mut agent = Agent::join(&exporter, "web-1");
    let mut told = cores(2);
    told["asked"] = json!(false);
    agent.client.send_frame(&told);
    sent(&mut agent, sample);
    let series = r#"cpumon_core_seconds_total{agent="web-1",core="12",mode="system"}"#;
    assert_eq!(exporter.value(series), Some(2.5));
    // Those of another sample do not count, nor do those of an earlier one.
    agent.client.send_frame(&told);
    sent(&mut agent, sample);
    assert_eq!(exporter.value(series), None);
    // Two frames of one sample count together; more than there is room for are refused, and the sample counts.
    for seq in [4, 5] {
        told["seq"] = json!(seq);
        agent.client.send_frame(&told);
        if seq == 5 {
            let mut others = told.clone();
            others["cores"][0]["core"] = json!(1);
            others["cores"][1]["core"] = json!(2);
            agent.client.send_frame(&others);
        }
        sent(&mut agent, sample);
        assert_eq!(exporter.value(series), (seq == 4).then_some(2.5));
    }
    let refused = r#"cpumon_exporter_rejected_frames_total{reason="cores_full"}"#;
    assert_eq!(exporter.value(refused), Some(1.0));
}
