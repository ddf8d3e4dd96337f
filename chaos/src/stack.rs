//! The stack's containers, through Docker's command line, and the firewall in an agent's network namespace.

use std::ffi::OsStr;
use std::net::{IpAddr, SocketAddr};
use std::process::Command;

use anyhow::{Context, ensure};

/// The name of the network between agents and exporter.
const INGEST: &str = "ingest";

/// The name of the network on which metrics are read. The exporter keeps no other way open to us: a port that
/// Docker publishes is another one after each start.
const METRICS: &str = "metrics";

/// How often it is tried to freeze a container.
const PAUSE_TRIES: usize = 5;

/// A compose project that runs, or is to run. Commands inherit our environment, which names it and its files.
#[derive(Clone, Debug)]
pub struct Stack {
    /// The project's name.
    pub project: String,
    /// The first three numbers of the addresses of `INGEST`.
    pub subnet: String,
}

/// What a firewall in front of an agent does.
#[derive(Clone, Copy, Debug)]
pub enum Rule {
    /// Swallows what the agent sends to the exporter.
    DropSent,
    /// Swallows what the exporter sends to the agent.
    DropReceived,
    /// Resets the agent's connection when it sends.
    Reset,
}

impl Rule {
    const fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::DropSent => &["OUTPUT", "-p", "tcp", "--dport", "8080", "-j", "DROP"],
            Self::DropReceived => &["INPUT", "-p", "tcp", "--sport", "8080", "-j", "DROP"],
            Self::Reset => {
                &["OUTPUT", "-p", "tcp", "--dport", "8080", "-j", "REJECT", "--reject-with", "tcp-reset"]
            }
        }
    }
}

impl Stack {
    /// Starts these services and waits until they are healthy.
    pub fn bring_up(&self, services: &[String]) -> anyhow::Result<()> {
        let mut arguments =
            vec!["compose", "up", "--detach", "--no-build", "--wait", "--wait-timeout", "180"];
        arguments.extend(services.iter().map(String::as_str));
        self.compose(&arguments, 1).map(drop)
    }

    /// Kills a service's process and waits until it is gone. It is not started again.
    pub fn kill(&self, service: &str) -> anyhow::Result<()> {
        let container = self.container(service);
        docker(["kill", &container])?;
        docker(["wait", &container]).map(drop)
    }

    /// Asks a service's process to end and waits until it has.
    pub fn stop(&self, service: &str) -> anyhow::Result<()> {
        docker(["stop", "--time", "10", &self.container(service)]).map(drop)
    }

    /// Starts a service's container again.
    pub fn start(&self, service: &str) -> anyhow::Result<()> {
        docker(["start", &self.container(service)]).map(drop)
    }

    /// Freezes a service's processes. The runtime gives up and leaves them running when one of them, such as that
    /// of a health check, begins at the same moment.
    pub fn pause(&self, service: &str) -> anyhow::Result<()> {
        let container = self.container(service);
        let pause = || docker(["pause", &container]).map(drop);
        (1..PAUSE_TRIES).fold(pause(), |outcome, _| outcome.or_else(|_| pause()))
    }

    /// Thaws them.
    pub fn unpause(&self, service: &str) -> anyhow::Result<()> {
        docker(["unpause", &self.container(service)]).map(drop)
    }

    /// Takes a service's interface to the exporter away.
    pub fn unplug(&self, service: &str) -> anyhow::Result<()> {
        docker(["network", "disconnect", &self.network(INGEST), &self.container(service)]).map(drop)
    }

    /// Gives it another one.
    pub fn plug(&self, service: &str) -> anyhow::Result<()> {
        docker(["network", "connect", &self.network(INGEST), &self.container(service)]).map(drop)
    }

    /// Puts a rule into the network namespace of a service, or takes it out again.
    pub fn firewall(&self, service: &str, rule: Rule, is_on: bool) -> anyhow::Result<()> {
        let pid = docker(["inspect", "--format", "{{.State.Pid}}", &self.container(service)])?;
        let mut command = Command::new("nsenter");
        command.args(["--target", pid.trim(), "--net", "iptables", "--wait", "10"]);
        command.arg(if is_on { "--append" } else { "--delete" }).args(rule.arguments());
        output(command).map(drop)
    }

    /// Makes another container of the exporter's service, at the address of this number.
    pub fn recreate_exporter(&self, number: u8) -> anyhow::Result<()> {
        self.compose(&["compose", "up", "--detach", "--no-build", "--no-deps", "exporter"], number).map(drop)
    }

    /// Where the exporter serves `/metrics` at the moment.
    pub fn exporter_metrics(&self) -> anyhow::Result<SocketAddr> {
        self.address("exporter", 8000)
    }

    /// Where Prometheus answers at the moment.
    pub fn prometheus(&self) -> anyhow::Result<SocketAddr> {
        self.address("prometheus", 9090)
    }

    /// Everything that a service has logged.
    pub fn logs(&self, service: &str) -> anyhow::Result<String> {
        let mut command = Command::new("docker");
        command.args(["logs", &self.container(service)]);
        let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
        Ok([output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat())
    }

    /// How often Docker had to start a service anew because it ended by itself.
    pub fn own_ends(&self, service: &str) -> anyhow::Result<u32> {
        let count = docker(["inspect", "--format", "{{.RestartCount}}", &self.container(service)])?;
        count.trim().parse().with_context(|| format!("no number of restarts: {count}"))
    }

    fn compose(&self, arguments: &[&str], exporter: u8) -> anyhow::Result<String> {
        let mut command = Command::new("docker");
        // The first ten addresses are left to the network itself.
        let address = format!("{}.{}", self.subnet, 10 + exporter % 100);
        command.args(arguments).env("CHAOS_EXPORTER_ADDRESS", address);
        output(command)
    }

    fn address(&self, service: &str, port: u16) -> anyhow::Result<SocketAddr> {
        let field =
            format!("{{{{(index .NetworkSettings.Networks \"{}\").IPAddress}}}}", self.network(METRICS));
        let address = docker(["inspect", "--format", &field, &self.container(service)])?;
        let address: IpAddr =
            address.trim().parse().with_context(|| format!("{service} has no address: {address}"))?;
        Ok(SocketAddr::new(address, port))
    }

    fn container(&self, service: &str) -> String {
        format!("{}-{service}-1", self.project)
    }

    fn network(&self, name: &str) -> String {
        format!("{}_{name}", self.project)
    }
}

fn docker<'a>(arguments: impl IntoIterator<Item = &'a str>) -> anyhow::Result<String> {
    let mut command = Command::new("docker");
    command.args(arguments.into_iter().map(OsStr::new));
    output(command)
}

/// Runs a command to its end; gives what it printed.
fn output(mut command: Command) -> anyhow::Result<String> {
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?} failed: {}", errors.trim());
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
