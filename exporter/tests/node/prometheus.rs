//! A real Prometheus that finds the agents through `/sd` and answers the questions of node dashboards and alerts.

use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::agents::RealAgent;
use crate::support::{Exporter, wait_until};

/// An address that stays free until a program that cannot be asked for its port listens there: on one that all share,
/// another test may be given the port meanwhile.
pub(crate) fn address_of_its_own() -> SocketAddr {
    let own = if cfg!(target_os = "linux") {
        Ipv4Addr::from_bits(0x7f80_0000 | std::process::id())
    } else {
        Ipv4Addr::LOCALHOST
    };
    TcpListener::bind((own, 0)).unwrap().local_addr().unwrap()
}

/// The body of an answer with status 200; nothing in any other case.
pub(crate) fn get(server: SocketAddr, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(server).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(30))).ok()?;
    // In HTTP/1.0 the body ends with the connection.
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {server}\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    (head.split(' ').nth(1)? == "200").then(|| body.to_owned())
}

/// A Prometheus with `prometheus.node.yml`; it ends with this value.
struct Prometheus {
    child: Child,
    address: SocketAddr,
    _configuration: TempDir,
}

impl Prometheus {
    /// It scrapes what `exporter` lists, every two seconds, and shows `token` where it has one.
    fn start(exporter: SocketAddr, token: Option<&str>) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let shipped = fs::read_to_string(root.join("prometheus/prometheus.node.yml")).unwrap();
        let quick = shipped
            .replace("exporter:8000", &exporter.to_string())
            .replace("_interval: 15s", "_interval: 2s")
            .replace("refresh_interval: 30s", "refresh_interval: 1s")
            .replace("scrape_timeout: 10s", "scrape_timeout: 2s");
        assert_eq!(quick.matches("2s\n").count(), 3, "{quick}");
        let quick = match token {
            Some(token) => with_token(&quick, token),
            None => quick,
        };
        let configuration = TempDir::new().unwrap();
        // Its container may run as somebody else.
        fs::set_permissions(configuration.path(), Permissions::from_mode(0o755)).unwrap();
        let file = configuration.path().join("prometheus.yml");
        fs::write(&file, quick).unwrap();
        let address = address_of_its_own();
        let child = Command::new(root.join("scripts/prometheus-server"))
            .arg(&file)
            .arg(address.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut prometheus = Self { child, address, _configuration: configuration };
        let deadline = Instant::now() + Duration::from_secs(60);
        while get(address, "/-/ready").is_none() {
            let ended = prometheus.child.try_wait().unwrap();
            assert!(ended.is_none() && Instant::now() < deadline, "Prometheus does not start: {ended:?}");
            std::thread::sleep(Duration::from_millis(100));
        }
        prometheus
    }

    /// The instances in the answer to a query, with their values.
    fn ask(&self, query: &str) -> Vec<(String, f64)> {
        let encoded: String = query.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let answer = get(self.address, &format!("/api/v1/query?query={encoded}"));
        let answer: Value =
            serde_json::from_str(&answer.unwrap_or_else(|| panic!("{query} is refused"))).unwrap();
        assert_eq!(answer["status"], "success", "{query}: {answer}");
        let series = answer["data"]["result"].as_array().unwrap().iter();
        let mut values: Vec<_> = series
            .map(|series| {
                let instance = series["metric"]["instance"].as_str().unwrap_or_default().to_owned();
                (instance, series["value"][1].as_str().unwrap().parse().unwrap())
            })
            .collect();
        values.sort_by(|one: &(String, f64), other| one.0.cmp(&other.0));
        values
    }
}

/// The configuration with what its comment says about a token, for the scrapes and for the list.
fn with_token(configuration: &str, token: &str) -> String {
    let authorization = format!("authorization: {{credentials: {token}}}");
    let told = "#   authorization: {credentials_file: /etc/prometheus/cpumon-http-token}";
    let listed = "refresh_interval: 1s";
    assert!([told, listed].iter().all(|line| configuration.matches(line).count() == 1), "{configuration}");
    configuration.replace(told, &authorization).replace(listed, &format!("{listed}\n        {authorization}"))
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // Its script, or the engine's client, ends it.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let _ = self.child.wait();
    }
}

/// Questions of the kind that node dashboards and alerts ask, and the range in which each agent's answer must lie.
const QUESTIONS: &[(&str, f64, f64)] = &[
    // Busy, of everything: stat panels, gauges, alerts on load.
    (r#"100 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[8s])) * 100"#, 0.0, 101.0),
    (
        r#"(1 - avg without (cpu) (sum without (mode) (rate(node_cpu_seconds_total{job="node", mode=~"idle|iowait|steal"}[8s])))) != 0 or on (instance) up"#,
        0.0,
        1.01,
    ),
    (
        r#"sum by (instance) (avg by (mode, instance) (rate(node_cpu_seconds_total{mode!="idle"}[8s]))) > -1"#,
        0.0,
        1.01,
    ),
    // All modes of all CPUs together are the time that has passed.
    (
        r#"sum by (instance) (rate(node_cpu_seconds_total[8s])) / count by (instance) (node_cpu_seconds_total{mode="idle"})"#,
        0.5,
        1.5,
    ),
    (r#"avg by (instance) (rate(node_cpu_seconds_total{mode="iowait"}[8s])) * 100"#, 0.0, 100.0),
    (r#"avg by (instance) (rate(node_cpu_seconds_total{mode="steal"}[8s])) * 100"#, 0.0, 100.0),
    (r#"sum by (instance) (irate(node_cpu_guest_seconds_total[8s]))"#, 0.0, 1e3),
    // How many CPUs: recording rules of mixins, and counts of counts.
    (r#"count without (cpu, mode) (node_cpu_seconds_total{job="node", mode="idle"})"#, 1.0, 1e4),
    (r#"count by (instance) (count by (instance, cpu) (node_cpu_seconds_total))"#, 1.0, 1e4),
    (r#"count by (instance) (node_cpu_info)"#, 1.0, 1e4),
    // Saturation.
    (r#"node_load1 / count without (cpu, mode) (node_cpu_seconds_total{mode="idle"})"#, 0.0, 1e4),
    (r#"node_load5{job="node"} + node_load15{job="node"}"#, 0.0, 1e4),
    (r#"node_procs_running"#, 1.0, 1e5),
    (r#"rate(node_context_switches_total[8s]) > 0"#, 0.0, 1e9),
    // Uptime, and what the machine is.
    (r#"node_time_seconds - node_boot_time_seconds"#, 1.0, 1e9),
    (r#"abs(node_time_seconds - timestamp(node_time_seconds))"#, 0.0, 5.0),
    (
        r#"node_load1 * on (instance) group_left (nodename, release) node_uname_info{sysname="Linux"}"#,
        0.0,
        1e4,
    ),
    (r#"changes(node_boot_time_seconds[8s])"#, 0.0, 1.0),
];

#[test]
fn questions_of_node_dashboards_and_alerts_are_answered_for_each_agent() {
    let exporter = Exporter::start(&[("EXPORTER_START_GRACE", "100ms")]);
    let prometheus = Prometheus::start(exporter.http, None);
    let agents = ["one", "three", "two"];
    let running: Vec<_> =
        agents.iter().map(|name| RealAgent::start(&exporter, name, &[("AGENT_LABELS", "dc=fra")])).collect();
    let instances =
        |values: &[(String, f64)]| values.iter().map(|(agent, _)| agent.clone()).collect::<Vec<_>>();
    wait_until("there are rates of each agent", || {
        instances(&prometheus.ask(
            r#"count by (instance) (count_over_time(node_cpu_seconds_total{dc="fra",mode="idle"}[8s]) >= 4)"#,
        )) == agents
    });
    for (query, low, high) in QUESTIONS {
        let values = prometheus.ask(query);
        assert_eq!(instances(&values), agents, "{query}: {values:?}");
        assert!(values.iter().all(|(_, value)| (*low..=*high).contains(value)), "{query}: {values:?}");
    }
    if Path::new("/proc/pressure/cpu").exists() {
        let values = prometheus.ask("rate(node_pressure_cpu_waiting_seconds_total[8s])");
        assert_eq!(instances(&values), agents);
    }
    // An agent that ends without a word is a target that is down; one that says bye is none.
    assert_eq!(prometheus.ask(r#"up{job="node"} == 1"#).len(), 3);
    drop(running);
    wait_until("who said bye is no target any more", || prometheus.ask(r#"up{job="node"}"#).is_empty());
    let dead = crate::support::Agent::join(&exporter, "dead");
    drop(dead);
    wait_until("who died is down", || prometheus.ask(r#"up{job="node"}"#) == [("dead".to_owned(), 0.0)]);
}

#[test]
fn prometheus_shows_the_token_for_the_list_and_for_each_agent() {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), "a-secret-of-the-tests").unwrap();
    let variables =
        [("EXPORTER_START_GRACE", "100ms"), ("EXPORTER_HTTP_TOKEN_FILE", file.path().to_str().unwrap())];
    let exporter = Exporter::start(&variables);
    let _agent = RealAgent::start(&exporter, "one", &[]);
    let prometheus = Prometheus::start(exporter.http, Some("a-secret-of-the-tests"));
    wait_until("the agent is up under node_exporter's names", || {
        prometheus.ask(r#"up{job="node"} == 1 and on (instance) node_load1"#) == [("one".to_owned(), 1.0)]
    });
    for path in ["/sd", "/agents/one/metrics"] {
        assert!(get(exporter.http, path).is_none(), "{path} without the token");
    }
}
