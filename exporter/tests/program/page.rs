//! What the live page is told by the program: `/events`, `/api/agents` and one agent of them.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Agent, Client, Exporter, PATIENCE, PERCENT, Page, sample};

/// A page that listens.
struct Listener {
    stream: BufReader<TcpStream>,
}

impl Listener {
    fn start(exporter: &Exporter) -> Self {
        let mut stream = TcpStream::connect(exporter.http).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(b"GET /events HTTP/1.0\r\n\r\n").unwrap();
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            stream.read_line(&mut line).unwrap();
        }
        Self { stream }
    }

    /// The next event of this kind, passing over none.
    fn next(&mut self, kind: &str) -> Value {
        let [event, data, end] = [(); 3].map(|()| {
            let mut line = String::new();
            self.stream.read_line(&mut line).unwrap();
            line
        });
        assert_eq!((event, &*end), (format!("event: {kind}\n"), "\n"));
        serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap()
    }

    /// The next second that has something under `key`.
    fn next_with(&mut self, key: &str) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let event = self.next("second");
            if event[key].as_array().is_some_and(|list| !list.is_empty()) {
                return event;
            }
            assert!(Instant::now() < deadline, "still waiting for {key}");
        }
    }
}

fn get(exporter: &Exporter, path: &str) -> (u16, Value) {
    let page = Page::get(exporter.http, path, "");
    (page.status, serde_json::from_slice(&page.body).unwrap_or_default())
}

#[test]
fn an_agent_comes_changes_dies_and_is_told_of() {
    let exporter = Exporter::start(&[]);
    let mut page = Listener::start(&exporter);
    let empty = page.next("fleet");
    assert_eq!(
        (&empty["agents"], &empty["warning"], &empty["critical"]),
        (&json!([]), &json!(800), &json!(950))
    );
    assert_eq!(empty["ingest"], exporter.ingest.port());

    let mut agent = Agent::join(&exporter, "web-1");
    let joined = page.next_with("agents");
    assert_eq!((&joined["agents"], &joined["states"]), (&json!([[0, "web-1", null]]), &json!([])));
    assert_eq!(joined["utilization"], json!([[0, 125]]));
    assert_eq!(joined["peak"], json!([[0, null]]));

    let mut frame = sample(agent.seq + 1);
    frame[PERCENT] = json!(99.94);
    frame["load_ppm"] = json!([1_234_567, 2, 3]);
    agent.send(frame);
    let changed = page.next_with("load1");
    assert_eq!((&changed["utilization"], &changed["load1"]), (&json!([[0, 999]]), &json!([[0, 123]])));
    assert_eq!(changed["agents"], json!([]));

    drop(agent);
    let died = Instant::now();
    let dead = page.next_with("states");
    assert!(died.elapsed() < Duration::from_secs(6), "{:?}", died.elapsed());
    let state = &dead["states"][0];
    assert_eq!((&state[0], &state[1]), (&json!(0), &json!("down")));
    let silent_ms = dead["time"].as_u64().unwrap() - state[2].as_u64().unwrap();
    assert!(silent_ms < 6_000, "{silent_ms} ms ago");
    assert_eq!(dead["utilization"], json!([[0, null]]), "what is no longer true is not shown");

    let late = Listener::start(&exporter).next("fleet");
    assert_eq!((&late["agents"], &late["states"]), (&json!([[0, "web-1", null]]), &dead["states"]));
}

#[test]
fn one_agent_is_told_of_with_all_that_is_known() {
    let exporter = Exporter::start(&[]);
    let mut agent = Agent::join(&exporter, "web-1");
    let mut frame = sample(agent.seq + 1);
    frame["cpu_us"] = json!({
        "user": 12_500_000, "nice": 0, "system": 0, "idle": 80_000_000, "iowait": 0, "irq": 0, "softirq": 0, "steal": 0,
    });
    frame["pressure_us"] = json!(1_500_000);
    frame["cpus"] = json!(8);
    agent.send(frame);
    let (status, known) = get(&exporter, "/api/agents/web-1");
    assert_eq!(status, 200);
    assert_eq!(
        (&known["agent"], &known["up"], &known["client"]),
        (&json!("web-1"), &json!(true), &json!("v1"))
    );
    assert_eq!(known["utilization_ratio"], 0.125);
    assert_eq!((&known["logical_cpus"], &known["pressure_waiting_seconds_total"]), (&json!(8), &json!(1.5)));
    assert_eq!(
        (&known["seconds_total"]["user"], &known["seconds_total"]["idle"]),
        (&json!(12.5), &json!(80.0))
    );
    assert_eq!(known.get("load"), None, "what it does not say is not there");

    drop(agent);
    exporter.when_value(r#"cpumon_agent_up{agent="web-1"}"#, Some(0.0));
    let (_, known) = get(&exporter, "/api/agents/web-1");
    assert_eq!((&known["up"], known.get("utilization_ratio")), (&json!(false), None));
    assert_eq!(known["seconds_total"]["user"], 12.5, "totals are as good as ever");
    assert_eq!(known["disconnects_total"]["eof"], 1);
    assert_eq!(get(&exporter, "/api/agents/web-2").0, 404);
}

#[test]
fn a_client_of_the_original_is_known_by_its_address() {
    let exporter = Exporter::start(&[]);
    let mut client = Client::connect(&exporter);
    client.send(format!("{{\"{PERCENT}\": 40}}"));
    let name = client.endpoint().to_string();
    exporter.when_value(&format!("cpumon_utilization_ratio{{agent={name:?}}}"), Some(0.4));
    let (status, known) = get(&exporter, &format!("/api/agents/{}", name.replace(':', "%3A")));
    assert_eq!(
        (status, &known["client"], &known["utilization_ratio"]),
        (200, &json!("original"), &json!(0.4))
    );
    let (_, all) = get(&exporter, "/api/agents");
    assert_eq!(all["agents"][0]["agent"], *name);
}

#[test]
fn pages_are_counted_and_one_too_many_is_refused() {
    let exporter = Exporter::start(&[("EXPORTER_MAX_EVENT_STREAMS", "1")]);
    let mut page = Listener::start(&exporter);
    page.next("fleet");
    exporter.when_value("cpumon_exporter_event_streams", Some(1.0));
    assert_eq!(Page::get(exporter.http, "/events", "").status, 503);
    exporter.when_value(r#"cpumon_exporter_rejected_connections_total{reason="http_events"}"#, Some(1.0));
    drop(page);
    exporter.when_value("cpumon_exporter_event_streams", Some(0.0));
    exporter.stop();
}
