//! The agent against the original's own server, unchanged.

#![cfg(test)]
#![cfg(unix)]

#[path = "../../tests/support/python.rs"]
mod python;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// How many values the server is to show, one after the other: enough that it took more than the hello.
const VALUES: usize = 4;

/// A process that ends with this value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A port on which nobody listens. The original cannot be asked for one of its own choice.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// What `condition` gives, as soon as it gives something.
fn when<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
        sleep(Duration::from_millis(50));
    }
}

/// The server's metrics page, once it has one.
fn page(port: u16) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").ok()?;
    let mut page = String::new();
    stream.read_to_string(&mut page).ok()?;
    Some(page)
}

/// The gauges on it: what the server was told last by each client.
fn gauges(port: u16) -> Vec<f64> {
    let page = page(port).unwrap_or_default();
    let lines = page.lines().filter(|line| line.starts_with("my_cpu_percents{endpoint="));
    lines.map(|line| line.rsplit_once(' ').unwrap().1.parse().unwrap()).collect()
}

/// A twentieth of a second of a machine whose load changes each second: what its `/proc/stat` says then.
fn spend(proc: &Path, clock: &mut u64) {
    *clock += 1;
    let user: u64 = (0..*clock).map(|step| 1 + step / 20 % 7).sum();
    let idle = 5 * *clock;
    // Replaced whole, as the agent may read it at any moment.
    let fresh = proc.join("stat.new");
    std::fs::write(&fresh, format!("cpu  {user} 0 0 {idle} 0 0 0 0 0 0\n")).unwrap();
    std::fs::rename(fresh, proc.join("stat")).unwrap();
}

#[test]
fn the_originals_server_is_told_second_by_second() {
    let (port, metrics_port) = (free_port(), free_port());
    let server = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/original/server.py");
    let _server = Command::new(python::python())
        .arg(server)
        .args([port.to_string(), metrics_port.to_string()])
        .stdout(Stdio::null())
        .spawn()
        .map(Running)
        .unwrap();
    when("the server serves", || page(metrics_port));

    let machine = tempfile::tempdir().unwrap();
    let mut clock = 0;
    spend(machine.path(), &mut clock);
    let mut agent = Command::new(env!("CARGO_BIN_EXE_cpumon-agent"))
        .env("AGENT_EXPORTERS", format!("127.0.0.1:{port}"))
        .env("AGENT_NAME", "original")
        .env("AGENT_PROCFS", machine.path())
        .env("AGENT_HEALTH_SOCKET", format!("@cpumon-original-{port}"))
        .stderr(Stdio::piped())
        .spawn()
        .map(Running)
        .unwrap();

    let mut shown = Vec::new();
    when("the gauge moves on", || {
        spend(machine.path(), &mut clock);
        match gauges(metrics_port)[..] {
            [] => {}
            [percent] => {
                assert!((0.0..=100.0).contains(&percent), "{percent}");
                if shown.last() != Some(&percent) {
                    shown.push(percent);
                }
            }
            ref many => panic!("one agent over one connection, and {} gauges", many.len()),
        }
        (shown.len() >= VALUES).then_some(())
    });
    assert!(agent.0.try_wait().unwrap().is_none(), "the agent still runs");
    agent.0.kill().unwrap();
    let mut log = String::new();
    agent.0.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    assert!(!log.contains("ERROR"), "{log}");
}
