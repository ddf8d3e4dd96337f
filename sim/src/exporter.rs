//! A host with an exporter on it: the roster on its disk, and the process while there is one.

use std::collections::VecDeque;

use anyhow::Context as _;
use cpumon_exporter::exposition::families::Thresholds;
use cpumon_exporter::exposition::own::OwnMetrics;
use cpumon_exporter::exposition::render::Renderer;
use cpumon_exporter::fleet::{Fleet, FleetSettings, Roster, SharedFleet};
use cpumon_exporter::ingest::{Desk, IngestSettings};
use cpumon_exporter::journal::Journal;
use cpumon_protocol::model::{Micros, Ratio};

use crate::network::ConnId;
use crate::time::{HostClock, Time};

/// The most answered frames of an agent that the replayer remembers at an exporter.
const OVERHEARD_MAX: usize = 12;

/// An exporter's host.
#[derive(Debug)]
pub(crate) struct ExporterHost {
    pub(crate) clock: HostClock,
    pub(crate) random: fastrand::Rng,
    /// Whether its roster survives.
    pub(crate) keeps_roster: bool,
    /// The roster file.
    pub(crate) disk: Option<String>,
    pub(crate) process: Option<ExporterProcess>,
    /// Whether its machine answers at all.
    pub(crate) is_host_up: bool,
    /// Counted over all processes, from 1.
    pub(crate) lives: u32,
    pub(crate) paused_until: Time,
    max_agents: usize,
}

/// A running exporter.
#[derive(Debug)]
pub(crate) struct ExporterProcess {
    pub(crate) desk: Desk,
    pub(crate) renderer: Renderer,
    pub(crate) conns: Vec<ConnId>,
    /// What it has answered last, by agent.
    pub(crate) heard: Vec<Option<Heard>>,
    /// What the replayer has overheard, by agent.
    pub(crate) overheard: Vec<VecDeque<Overheard>>,
}

/// The newest sample that an exporter has answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heard {
    pub(crate) at: Time,
    /// When it had answered before, on the same connection.
    pub(crate) answered_before: Option<Time>,
    /// The sample, by its place in the ledger.
    pub(crate) sample: usize,
    pub(crate) conn: ConnId,
}

/// A frame that was answered, and the hello that it came after.
#[derive(Clone, Debug)]
pub(crate) struct Overheard {
    pub(crate) at: Time,
    pub(crate) hello: Vec<u8>,
    pub(crate) frame: Vec<u8>,
}

impl ExporterHost {
    pub(crate) fn new(mut random: fastrand::Rng, keeps_roster: bool, max_agents: usize) -> Self {
        Self {
            clock: HostClock::new(&mut random),
            random,
            keeps_roster,
            disk: None,
            process: None,
            is_host_up: true,
            lives: 0,
            paused_until: Time(0),
            max_agents,
        }
    }

    /// Starts the process, with what the roster file holds.
    pub(crate) fn start(&mut self, now: Time, agents: usize) -> anyhow::Result<()> {
        let roster = match &self.disk {
            Some(text) if self.keeps_roster => {
                Roster::from_json(text.as_bytes()).context("the roster is not read back")?
            }
            _ => Roster::default(),
        };
        let thresholds = thresholds()?;
        let settings = FleetSettings { max_agents: self.max_agents, ..FleetSettings::default() };
        self.lives += 1;
        self.is_host_up = true;
        self.process = Some(ExporterProcess {
            desk: Desk {
                fleet: SharedFleet::new(Fleet::new(settings, &roster, self.clock.now(now))),
                metrics: OwnMetrics::new(&thresholds).context("the exporter's own metrics")?,
                journal: Journal::default(),
                settings: IngestSettings::default(),
            },
            renderer: Renderer::new(thresholds),
            conns: Vec::new(),
            heard: vec![None; agents],
            overheard: vec![VecDeque::new(); agents],
        });
        Ok(())
    }

    /// Sweeps the fleet, and writes the roster if its names have changed or `is_due`.
    pub(crate) fn keep_house(&mut self, now: Time, is_due: bool) {
        let Some(process) = &self.process else { return };
        let mut fleet = process.desk.fleet();
        fleet.sweep(self.clock.mono(now));
        let changed = fleet.roster_if_changed();
        if let Some(roster) = if is_due { Some(fleet.roster()) } else { changed } {
            self.disk = Some(roster.to_json());
        }
    }
}

impl ExporterProcess {
    /// The newest sample of an agent by its mark, as the fleet has it.
    pub(crate) fn mark_of(&self, agent: &str, now: cpumon_protocol::model::Moment) -> Option<u64> {
        let mut mark = None;
        self.desk.fleet().visit(0, usize::MAX, now, |view| {
            if view.name() == agent {
                mark = view.totals().and_then(|sample| sample.context_switches);
            }
        });
        mark
    }

    pub(crate) fn overhear(&mut self, agent: usize, overheard: Overheard) {
        let frames = &mut self.overheard[agent];
        if frames.len() == OVERHEARD_MAX {
            frames.pop_front();
        }
        frames.push_back(overheard);
    }
}

/// The alerts' thresholds by default.
fn thresholds() -> anyhow::Result<Thresholds> {
    let ratio = |millionths| Ratio::from_millionths(millionths).context("a ratio above one");
    Ok(Thresholds { warning: ratio(800_000)?, critical: ratio(950_000)? })
}

/// How long a silent agent of this interval is shown.
pub(crate) fn stale_after(interval: Micros) -> Micros {
    FleetSettings::default().stale_after(interval)
}
