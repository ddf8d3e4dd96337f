//! Beside Debian's node_exporter on this machine: the same families, types and labels and, within one tick, the same
//! values.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use cpumon_exporter::exposition::node::NODE_FAMILIES;

use crate::agents::RealAgent;
use crate::prometheus::{address_of_its_own, get};
use crate::support::{Exporter, Exposition, Series, wait_until};

/// A hundredth of a second, the kernel's unit, and what a float makes of it.
const TICK: f64 = 0.010_001;

/// node_exporter, which ends with this value.
struct NodeExporter {
    child: Child,
    address: SocketAddr,
}

impl NodeExporter {
    fn start() -> Option<Self> {
        let address = address_of_its_own();
        let mut command = Command::new("prometheus-node-exporter");
        command.arg(format!("--web.listen-address={address}")).arg("--collector.disable-defaults");
        for collector in ["cpu", "cpu.info", "loadavg", "pressure", "stat", "time", "uname"] {
            command.arg(format!("--collector.{collector}"));
        }
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
        let exporter = Self { child, address };
        wait_until("node_exporter answers", || get(address, "/metrics").is_some());
        Some(exporter)
    }

    fn metrics(&self) -> String {
        get(self.address, "/metrics").unwrap()
    }
}

impl Drop for NodeExporter {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The page without families that other programs' libraries add, which our own reader does not know the types of.
fn of_interest(page: &str) -> Exposition {
    let is_ours = |line: &&str| {
        let name = line.trim_start_matches("# HELP ").trim_start_matches("# TYPE ");
        let name = name.split(['{', ' ']).next().unwrap_or_default();
        NODE_FAMILIES.iter().any(|family| family.name == name)
    };
    let lines: String = page.split_inclusive('\n').filter(is_ours).collect();
    Exposition::parse(&lines).unwrap()
}

fn same(page: &Exposition, series: &Series) -> Option<f64> {
    let mut found = page.series().filter(|other| other.name == series.name && other.labels == series.labels);
    found.next().map(|found| found.value)
}

#[test]
fn the_same_as_node_exporter() {
    let Some(theirs) = NodeExporter::start() else {
        #[allow(clippy::disallowed_methods, reason = "a test")]
        let is_required = std::env::var_os("CI").is_some();
        let missing =
            "prometheus-node-exporter is not installed (on Debian: apt-get install prometheus-node-exporter)";
        assert!(!is_required, "{missing}");
        eprintln!("skipped: {missing}");
        return;
    };
    let exporter = Exporter::start(&[]);
    let _agent = RealAgent::start(&exporter, "web-1", &[]);
    let ours = || of_interest(&get(exporter.http, "/agents/web-1/metrics").unwrap_or_default());
    wait_until("the agent tells its cores", || {
        let page = ours();
        page.family("node_cpu_seconds_total").is_some() && page.family("node_uname_info").is_some()
    });
    let before = ours();
    let between = of_interest(&theirs.metrics());
    // One tick later, and what it takes to arrive.
    std::thread::sleep(Duration::from_millis(1_500));
    let after = ours();

    let families = |page: &Exposition| -> Vec<(String, String)> {
        let mut named: Vec<_> =
            page.families.iter().map(|family| (family.name.clone(), family.kind.clone())).collect();
        named.sort();
        named
    };
    assert_eq!(families(&before), families(&between));
    assert_eq!(before.series().count(), between.series().count());
    for series in between.series() {
        let what = format!("{} {:?}", series.name, series.labels);
        let (before, after) = (same(&before, series), same(&after, series));
        let (Some(before), Some(after)) = (before, after) else {
            panic!("{what} is missing: {before:?}, {after:?}");
        };
        let is_same = match &*series.name {
            // It is another one each time that somebody looks.
            "node_procs_running" => before >= 1.0 && after >= 1.0 && series.value >= 1.0,
            "node_load1" | "node_load5" | "node_load15" => [before, after].contains(&series.value),
            _ => (before - TICK..=after + TICK).contains(&series.value),
        };
        assert!(is_same, "{what}: {before}, node_exporter {}, {after}", series.value);
    }
}
