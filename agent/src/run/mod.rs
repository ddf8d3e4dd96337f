//! The agent as a whole: puts the parts together and keeps them going until it is asked to stop.

mod agent;
mod details;
mod journal;

use std::time::SystemTime;

use anyhow::Context;
use cpumon_daemon::clock::Clock;
use cpumon_daemon::stop::Stop;
use cpumon_protocol::model::{Boot, Hello, HostFacts, Ratio, RunId};
use tracing::{info, warn};

use crate::alarm::Alarm;
use crate::config::Config;
use crate::connection::{Connection, Resolver};
use crate::credential::Credential;
use crate::health::{self, LastTick};
use crate::identity::{self, Files, Identity, Origin};
use crate::link::Link;
use crate::recorder::{Kept, Recorder};
use crate::sampling::processes::{self, Looks, TopProcesses};
use crate::sampling::{Source, facts};
use crate::state::{Restored, StateFile};
use crate::terminal::Terminal;
use crate::ticker::{Cadence, Ticker};

use agent::Agent;
use details::Details;
use journal::Journal;

/// This program's version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Runs until `stop` is requested and bye is said.
///
/// # Errors
///
/// When it cannot begin: no name to be known by, no random numbers, no timer.
pub async fn run(config: Config, stop: Stop) -> anyhow::Result<()> {
    let clock = Clock::start();
    let last_tick = LastTick::default();
    if let Err(error) = health::serve(&config.health_socket, last_tick.clone(), clock).await {
        let socket = &config.health_socket;
        warn!(
            "cannot answer health checks on {socket}: {error}; give each agent its own AGENT_HEALTH_SOCKET"
        );
    }
    let facts = facts::read(VERSION);
    let boot = facts::boot();
    let Some(identity) = identify(&config, &facts, &stop).await? else { return Ok(()) };
    announce(&config, &identity);

    let (state, kept) = restore(&config, &identity, boot.as_ref());
    let hello = hello(&config, &identity, facts, boot, clock)?;
    let agent = Agent {
        ticker: Ticker::starting(clock.now().mono),
        cadence: Cadence::every(config.interval),
        source: source(&config),
        details: details(&config, clock),
        recorder: Recorder::new(kept),
        state,
        link: Link::new(config.link(), hello, random_bits()? as u64),
        connection: Connection::to(config.exporters.clone(), config.tls_client.clone()),
        second: Connection::to(config.exporters.clone(), config.tls_client),
        resolver: Resolver::of(config.exporters),
        credential: Credential::new(config.token, config.tls, config.plaintext_token),
        terminal: Terminal::of_stdout(),
        journal: Journal::default(),
        last_tick,
        clock,
        alarm: Alarm::new(clock).context("cannot make a timer")?,
        out: Vec::new(),
    };
    agent.run(stop, config.stop_timeout).await.context("cannot wait for the next tick")
}

/// Who this agent is; nothing when it is asked to stop before that is known.
async fn identify(config: &Config, facts: &HostFacts, stop: &Stop) -> anyhow::Result<Option<Identity>> {
    let hostname = facts.hostname.as_deref();
    let replica = match &config.name {
        Some(_) => None,
        None => tokio::select! {
            replica = identity::replica_name(Files::default(), hostname, config.name_lookup_timeout) => replica,
            () = stop.requested() => return Ok(None),
        },
    };
    Ok(Some(Identity::decide(config.name.clone(), replica, hostname, config.ephemeral)?))
}

fn announce(config: &Config, identity: &Identity) {
    let Identity { name, origin, ephemeral } = identity;
    let exporters: Vec<_> = config.exporters.iter().map(ToString::to_string).collect();
    info!(agent = %name, exporters = exporters.join(","), ephemeral, "this agent is called {name}, after {origin}");
    if *origin == Origin::ContainerId {
        warn!(agent = %name, "a container's id names this agent for as long as the container lives; set AGENT_NAME");
    }
}

/// Opens the state, if there is to be one. Without it the agent still does its work.
fn restore(config: &Config, identity: &Identity, boot: Option<&Boot>) -> (Option<StateFile>, Kept) {
    let Some(directory) = &config.state_dir else { return (None, Kept::default()) };
    let Some(boot) = boot else {
        warn!("AGENT_STATE_DIR is of no use: this system does not say which boot this is");
        return (None, Kept::default());
    };
    match StateFile::open(directory, &identity.name, boot, SystemTime::now()) {
        Ok(Restored { file, kept, put_aside }) => {
            if let Some((aside, why)) = put_aside {
                warn!(
                    "the histogram starts anew: its file was of no use ({why}) and is now {}",
                    aside.display()
                );
            }
            let path = file.path().display().to_string();
            info!(path, samples = kept.histogram.count(), missed = kept.missed, "keeping the histogram");
            (Some(file), kept)
        }
        Err(error) => {
            warn!("the histogram is not kept (AGENT_STATE_DIR): {error}");
            (None, Kept::default())
        }
    }
}

fn hello(
    config: &Config,
    identity: &Identity,
    facts: HostFacts,
    boot: Option<Boot>,
    clock: Clock,
) -> anyhow::Result<Hello> {
    Ok(Hello {
        agent: identity.name.clone(),
        run: RunId::from_bits(random_bits()?),
        boot,
        interval: config.interval,
        utilization: Ratio::ZERO,
        start_time: Some(clock.now().wall),
        ephemeral: identity.ephemeral,
        facts,
        labels: config.labels.iter().map(|label| (label.key.clone(), label.value.clone())).collect(),
        token: None,
    })
}

fn random_bits() -> anyhow::Result<u128> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).context("the system gives no random numbers")?;
    Ok(u128::from_ne_bytes(bytes))
}

fn details(config: &Config, clock: Clock) -> Details {
    let looks = Looks { most: config.top_processes, every: config.top_processes_interval };
    let top = (looks.most > 0).then(|| TopProcesses::watch(processes::list(&config.procfs), looks, clock));
    Details { per_core: config.per_core, top, procfs: config.procfs.clone(), machine: None }
}

#[cfg(target_os = "linux")]
fn source(config: &Config) -> Box<dyn Source> {
    use crate::sampling::{cgroup::CgroupReader, proc::ProcSource};

    let cgroup = config.cgroup.then(CgroupReader::of_this_process).and_then(|found| match found {
        Ok(group) => {
            info!(path = %group.directory().display(), "reading the control group's account");
            Some(group)
        }
        Err(error) => {
            warn!("the control group's account is not told (AGENT_CGROUP): {error}");
            None
        }
    });
    Box::new(ProcSource::new(&config.procfs).with_cgroup(cgroup))
}

#[cfg(not(target_os = "linux"))]
fn source(config: &Config) -> Box<dyn Source> {
    if config.cgroup {
        warn!("this system has no control groups; AGENT_CGROUP is of no use");
    }
    Box::new(crate::sampling::sysinfo_source::SysinfoSource::default())
}
