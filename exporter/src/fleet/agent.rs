//! One agent as the exporter knows it, and what of it may be shown when.

use std::net::SocketAddr;

use cpumon_protocol::model::{
    AgentName, Boot, CpuTimes, Hello, HostFacts, Label, Micros, Moment, Now, RunId, Sample, WallTime,
};

use super::detail::{Detail, Look};
use super::settings::FleetSettings;

/// A connection of this exporter's life; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// Why a connection ended: the label `reason` of `cpumon_agent_disconnects_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The agent said that it leaves.
    Bye,
    /// The agent, or its machine, closed the connection.
    Eof,
    /// The agent was silent, or did not read its answers.
    Timeout,
    /// The agent broke the protocol.
    Protocol,
    /// The same agent came back on another connection.
    Replaced,
}

impl End {
    /// Every end.
    pub const ALL: [Self; 5] = [Self::Bye, Self::Eof, Self::Timeout, Self::Protocol, Self::Replaced];

    /// The value of the label `reason`.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Bye => "bye",
            Self::Eof => "eof",
            Self::Timeout => "timeout",
            Self::Protocol => "protocol",
            Self::Replaced => "replaced",
        }
    }
}

/// What an agent speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// Version 1 of the protocol.
    V1,
    /// The original's client: known by its `ip:port` alone.
    Original,
}

impl Client {
    /// The value of the label `client`.
    pub const fn label(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::Original => "original",
        }
    }
}

/// What an agent said of itself, and where it came from.
#[derive(Clone, Debug)]
pub struct Info {
    /// What it speaks.
    pub client: Client,
    /// Its end of the connection.
    pub endpoint: SocketAddr,
    /// When its process started, by its own clock.
    pub start_time: Option<WallTime>,
    /// Its machine's boot.
    pub boot: Option<Boot>,
    /// About its machine.
    pub facts: HostFacts,
    /// Labels of the user's choice.
    pub labels: Vec<Label>,
}

/// A sample as it came over a connection.
#[derive(Clone, Debug)]
pub struct Reported {
    /// Its place in the run.
    pub seq: u64,
    /// What it says.
    pub sample: Sample,
    /// It was surely measured after this moment. What is heard now may have been on its way for long; what was
    /// sent in answer to something said at this moment has not been on its way for longer.
    pub measured_after: Moment,
}

/// When an agent was last heard, on both clocks, and how fresh that was.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heard {
    pub(super) at: Moment,
    pub(super) wall: WallTime,
    pub(super) measured_after: Moment,
}

/// How and when an agent's last connection ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ended {
    pub(super) at: Moment,
    /// Whether it is not to be missed.
    pub(super) in_peace: bool,
}

/// A run that another one has replaced, and how far it had come: nothing older is believed again.
#[derive(Clone, Debug)]
pub(super) struct Retired {
    pub(super) run: RunId,
    pub(super) seq: u64,
}

/// What is known from a connection: all of it is new with each run.
#[derive(Debug)]
pub(super) struct Life {
    /// Whose frames count; none when the connection has ended.
    pub(super) holder: Option<ConnectionId>,
    /// Its run and its last sample's place in it; none for the original's clients.
    pub(super) run: Option<(RunId, u64)>,
    /// Where the run stands among all runs of its name, in microseconds: when it began, by the agent's clock.
    pub(super) run_order: u64,
    pub(super) interval: Micros,
    pub(super) ephemeral: bool,
    pub(super) heard: Heard,
    pub(super) ended: Option<Ended>,
    pub(super) info: Info,
    pub(super) sample: Sample,
    pub(super) detail: Option<Box<Detail>>,
}

impl Life {
    /// A life that begins with `hello` from `endpoint` and its first sample.
    pub(super) fn v1(
        conn: ConnectionId,
        endpoint: SocketAddr,
        hello: Hello,
        reported: Reported,
        now: Now,
    ) -> Self {
        Self {
            holder: Some(conn),
            run: Some((hello.run, reported.seq)),
            run_order: hello.start_time.unwrap_or(now.wall).0,
            interval: hello.interval,
            ephemeral: hello.ephemeral,
            heard: Heard { at: now.mono, wall: now.wall, measured_after: reported.measured_after },
            ended: None,
            info: Info {
                client: Client::V1,
                endpoint,
                start_time: hello.start_time,
                boot: hello.boot,
                facts: hello.facts,
                labels: hello.labels,
            },
            sample: reported.sample,
            detail: None,
        }
    }

    /// A life of the original's client at `endpoint`.
    pub(super) fn original(conn: ConnectionId, endpoint: SocketAddr, now: Now) -> Self {
        Self {
            holder: Some(conn),
            run: None,
            run_order: now.wall.0,
            interval: Micros::from_secs(1),
            ephemeral: true,
            heard: Heard { at: now.mono, wall: now.wall, measured_after: now.mono },
            ended: None,
            info: Info {
                client: Client::Original,
                endpoint,
                start_time: None,
                boot: None,
                facts: HostFacts::default(),
                labels: Vec::new(),
            },
            sample: Sample::default(),
            detail: None,
        }
    }

    /// Where its last sample stands among all samples of its name: by run, then by place in the run.
    pub(super) fn order(&self) -> u64 {
        self.run_order.saturating_add(self.run.as_ref().map_or(0, |(_, seq)| *seq))
    }

    /// Whether its last sample still says what is at `now`.
    fn is_present(&self, settings: &FleetSettings, now: Moment) -> bool {
        let stale = self.heard.measured_after.plus(settings.stale_after(self.interval));
        now <= stale && self.gone_since(settings, now).is_none()
    }

    /// Since when this life is over at `now`: its connection ended or it fell silent, whatever came first. Totals
    /// count from here: they are as good as ever, however long they were on their way.
    pub(super) fn gone_since(&self, settings: &FleetSettings, now: Moment) -> Option<Moment> {
        let stale = self.heard.at.plus(settings.stale_after(self.interval));
        match self.ended {
            Some(ended) => Some(ended.at.min(stale)),
            None => (now > stale).then_some(stale),
        }
    }
}

/// One agent.
#[derive(Debug)]
pub struct Agent {
    pub(super) name: Box<str>,
    pub(super) expected: bool,
    /// When it was last heard in an earlier life of the exporter, and until when that is remembered.
    pub(super) remembered: Option<(WallTime, Moment)>,
    pub(super) life: Option<Box<Life>>,
    /// Who looks at it; the next life is looked at, too.
    pub(super) look: Option<Box<Look>>,
    pub(super) retired: Vec<Retired>,
    pub(super) connections: u64,
    pub(super) disconnects: [u64; End::ALL.len()],
}

impl Agent {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            expected: false,
            remembered: None,
            life: None,
            look: None,
            retired: Vec::new(),
            connections: 0,
            disconnects: [0; End::ALL.len()],
        }
    }

    /// Begins another life; whoever held the name loses it.
    pub(super) fn replace(&mut self, mut life: Life) {
        if let Some(old) = &self.life {
            // Here at least it is known that a run came later, even if its clock was set back in between.
            let same_run = old.run.is_some()
                && old.run.as_ref().map(|run| &run.0) == life.run.as_ref().map(|run| &run.0);
            let after_old = old.order().saturating_add(1);
            life.run_order = if same_run { old.run_order } else { life.run_order.max(after_old) };
        }
        if self.life.as_ref().is_some_and(|old| old.holder.is_some()) {
            self.disconnects[End::Replaced as usize] += 1;
        }
        self.connections += 1;
        self.remembered = None;
        self.life = Some(Box::new(life));
    }

    /// Its line in the roster, if it is to be missed after a restart.
    pub(super) fn for_roster(&self) -> Option<(AgentName, WallTime)> {
        let last_heard = match &self.life {
            Some(life) if life.ephemeral || life.ended.is_some_and(|ended| ended.in_peace) => return None,
            Some(life) => life.heard.wall,
            None => self.remembered?.0,
        };
        Some((AgentName::new(&self.name).ok()?, last_heard))
    }

    /// What may be shown at `now` of this agent, which stands at `place`, in an exporter that began at `started`.
    pub(super) fn view(
        &self,
        place: usize,
        settings: &FleetSettings,
        started: Moment,
        now: Moment,
    ) -> AgentView<'_> {
        let grace_over = now.since(started) >= settings.start_grace;
        let mut view = AgentView {
            place,
            agent: self,
            up: None,
            gauges: None,
            totals: None,
            last_heard: None,
            silence: None,
        };
        let Some(life) = &self.life else {
            view.up = grace_over.then_some(false);
            let remembered = view.up.and(self.remembered);
            view.last_heard = remembered.map(|(wall, _)| wall);
            view.silence = remembered.map(|(_, until)| now.plus(settings.forget_after).since(until));
            return view;
        };
        let gone = life.gone_since(settings, now);
        let in_peace = life.ended.is_some_and(|ended| ended.in_peace) && !self.expected;
        let is_present = life.is_present(settings, now);
        view.up = (!in_peace).then_some(gone.is_none());
        view.last_heard = view.up.map(|_| life.heard.wall);
        view.silence = view.up.map(|_| now.since(life.heard.at));
        view.gauges = is_present.then_some(&**life);
        view.totals = gone.is_none_or(|since| now.since(since) < settings.totals_linger).then_some(&**life);
        view
    }

    /// Whether nothing of it is worth keeping at `now`.
    pub(super) fn is_forgotten(&self, settings: &FleetSettings, now: Moment) -> bool {
        if self.expected {
            return false;
        }
        match (&self.life, self.remembered) {
            (None, None) => true,
            (None, Some((_, until))) => now >= until,
            (Some(life), _) => {
                let keep = match life.ended {
                    Some(ended) if ended.in_peace => settings.totals_linger,
                    _ => settings.forget_after,
                };
                life.gone_since(settings, now).is_some_and(|since| now.since(since) >= keep)
            }
        }
    }

    /// Looks at a little of every part of what an agent's lines are made of.
    pub(super) fn touch(&self) -> u64 {
        let mut seen = first(&self.name) ^ self.disconnects[End::ALL.len() - 1];
        if let Some(life) = &self.life {
            let Sample { histogram, cpu_times, load, pressure_waiting, rtt, cgroup, .. } = &life.sample;
            let number = |micros: Option<Micros>| micros.map_or(0, |micros| micros.0);
            seen ^= life.heard.at.0 ^ life.interval.0 ^ u64::from(life.info.endpoint.port());
            seen ^= u64::from(life.sample.utilization.millionths());
            if let Some(histogram) = histogram {
                let [one, .., other] = histogram.buckets;
                seen ^= one ^ other ^ histogram.sum.0;
            }
            if let Some(CpuTimes([one, .., other])) = cpu_times {
                seen ^= one.0 ^ other.0;
            }
            seen ^= load.map_or(0, |[load, ..]| load.0) ^ number(*pressure_waiting) ^ number(*rtt);
            seen ^= number(cgroup.and_then(|cgroup| cgroup.usage));
        }
        seen
    }

    /// The same for what its life points to.
    pub(super) fn touch_texts(&self) -> u64 {
        let Some(life) = &self.life else { return 0 };
        let HostFacts { hostname, version, os, kernel, arch, cpu_model } = &life.info.facts;
        let facts =
            [hostname, version, os, kernel, arch, cpu_model].map(|fact| fact.as_deref().map_or(0, first));
        let labels = life.info.labels.iter().map(|(key, value)| first(key) ^ first(value));
        facts.into_iter().chain(labels).fold(0, |seen, text| seen ^ text)
    }

    /// The moment by which the longest gone is told; none while it lives.
    pub(super) fn gone_since(&self, settings: &FleetSettings, now: Moment) -> Option<Moment> {
        match &self.life {
            None => Some(Moment(0)),
            Some(life) => life.gone_since(settings, now),
        }
    }
}

/// What may be shown of an agent at one moment. Only what is true then is there.
#[derive(Clone, Copy, Debug)]
pub struct AgentView<'a> {
    place: usize,
    agent: &'a Agent,
    up: Option<bool>,
    gauges: Option<&'a Life>,
    pub(super) totals: Option<&'a Life>,
    last_heard: Option<WallTime>,
    silence: Option<Micros>,
}

impl<'a> AgentView<'a> {
    /// Its number among all agents: small, and its own until it is forgotten. Then it may be given to another.
    pub fn place(&self) -> usize {
        self.place
    }

    /// The value of the label `agent`.
    pub fn name(&self) -> &'a str {
        &self.agent.name
    }

    /// Whether samples arrive; `None` when the agent has left in peace.
    pub fn up(&self) -> Option<bool> {
        self.up
    }

    /// What it measured last, while it is up and that is not too old.
    pub fn gauges(&self) -> Option<&'a Sample> {
        self.gauges.map(|life| &life.sample)
    }

    /// Its running totals, while it is up and a while longer.
    pub fn totals(&self) -> Option<&'a Sample> {
        self.totals.map(|life| &life.sample)
    }

    /// Where its totals stand among all that the agent has sent, to whichever exporter; goes with totals.
    pub fn order(&self) -> Option<u64> {
        self.totals.map(Life::order)
    }

    /// What it said of itself, while it is up.
    pub fn info(&self) -> Option<&'a Info> {
        self.gauges.map(|life| &life.info)
    }

    /// The labels of the user's choice that it had when it was last heard.
    pub fn labels(&self) -> &'a [Label] {
        self.agent.life.as_ref().map_or(&[], |life| &life.info.labels)
    }

    /// What it speaks, or spoke; `None` when it was never heard.
    pub fn client(&self) -> Option<Client> {
        self.agent.life.as_ref().map(|life| life.info.client)
    }

    /// When it was last heard, by the exporter's clock; goes with [`AgentView::up`].
    pub fn last_heard(&self) -> Option<WallTime> {
        self.last_heard
    }

    /// How long ago that was, however the clock has been set since; goes with [`AgentView::up`].
    pub fn silence(&self) -> Option<Micros> {
        self.silence
    }

    /// Connections that it has made here; goes with up or totals.
    pub fn connections(&self) -> Option<u64> {
        self.is_known().then_some(self.agent.connections)
    }

    /// Ends of its connections here, by [`End::ALL`]; goes with up or totals.
    pub fn disconnects(&self) -> Option<&'a [u64; End::ALL.len()]> {
        self.is_known().then_some(&self.agent.disconnects)
    }

    fn is_known(&self) -> bool {
        self.up.is_some() || self.totals.is_some()
    }
}

fn first(text: &str) -> u64 {
    text.as_bytes().first().map_or(0, |byte| u64::from(*byte))
}
