//! One connection as a plain value: what its client says becomes changes of the fleet and answers.

use std::net::SocketAddr;
use std::sync::RwLockWriteGuard;

use cpumon_protocol::limits::CORES_MAX;
use cpumon_protocol::model::{Cores, Hello, Micros, Moment, Now, Sample};
use cpumon_protocol::reject::{RejectReason, Rejection};
use cpumon_protocol::session::exporter::{self, ExporterSession, Received};

use super::pace::Pace;
use super::settings::IngestSettings;
use crate::exposition::own::{OwnMetrics, Refusal};
use crate::fleet::{Claim, ConnectionId, End, Fleet, Place, Reported, SharedFleet};
use crate::journal::Journal;

/// When a refused agent may come back with another outcome.
const RETRY: Micros = Micros::from_secs(3);

/// When an agent may come back to a full fleet.
pub(super) const RETRY_FULL: Micros = Micros::from_secs(30);

/// When an agent may come back whose token did not fit: somebody has to change something first.
const RETRY_AUTH: Micros = Micros::from_secs(30);

/// How old a sample may be when it is sent: agents measure each second, and a late answer lets the newest go.
const SENT_WITHIN: Micros = Micros::from_secs(1);

/// What all connections share.
#[derive(Debug)]
pub struct Desk {
    /// Who is there.
    pub fleet: SharedFleet,
    /// What is counted.
    pub metrics: OwnMetrics,
    /// What is told.
    pub journal: Journal,
    /// What is allowed.
    pub settings: IngestSettings,
}

impl Desk {
    /// The fleet, for a moment: nothing is parsed, written or waited for while it is held.
    pub fn fleet(&self) -> RwLockWriteGuard<'_, Fleet> {
        self.fleet.write()
    }
}

/// What becomes of a connection after a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// It goes on.
    Open,
    /// It is to be closed once the answers are written.
    Close(End),
}

/// Whose frames a connection carries.
#[derive(Debug)]
enum Member {
    /// Nobody's yet.
    Nobody,
    /// An agent's that is welcome; it takes its place with its first sample.
    Welcome { hello: Box<Hello>, claim: Claim },
    /// An agent's.
    Agent(Place),
    /// A client's of the original.
    Original(Place),
}

/// One client's connection.
#[derive(Debug)]
pub struct Connection {
    id: ConnectionId,
    peer: SocketAddr,
    session: ExporterSession,
    member: Member,
    pace: Pace,
    /// The longest silence that is borne.
    patience: Micros,
    /// When the last whole object came; at first, when it connected. Between hello and the first sample, when hello came.
    heard: Moment,
    /// When something was answered last. An agent sends a sample after the answer to what it sent before, so what
    /// comes next was not sent before this moment, however long it was on its way.
    answered: Moment,
    /// Totals of cores whose sample has not come yet, and its place in the run.
    cores: Option<(u64, Box<Cores>)>,
    /// When the object began that is not whole yet.
    frame_begun: Option<Moment>,
}

impl Connection {
    /// A connection from `peer` in which nothing was said yet.
    pub fn new(id: ConnectionId, peer: SocketAddr, settings: &IngestSettings, now: Moment) -> Self {
        Self {
            id,
            peer: SocketAddr::new(peer.ip().to_canonical(), peer.port()),
            session: ExporterSession::new(settings.frame_limits),
            member: Member::Nobody,
            pace: Pace::new(now),
            patience: settings.hello_timeout,
            heard: now,
            answered: now,
            cores: None,
            frame_begun: None,
        }
    }

    /// Bytes came. Every whole frame in them is taken, and its answer appended to `out`.
    pub fn receive(&mut self, bytes: &[u8], desk: &Desk, now: Now, out: &mut Vec<u8>) -> Verdict {
        let mut input = bytes;
        let mut frames = 0u32;
        let said_before = out.len();
        let was_welcome = self.is_awaited();
        let verdict = loop {
            let frame = match self.session.receive(&mut input) {
                Ok(Some(frame)) => frame,
                Ok(None) => break Verdict::Open,
                Err(rejection) => {
                    desk.reject(&rejection, self.peer, now.mono);
                    self.session.complain(&rejection, out);
                    break Verdict::Close(End::Protocol);
                }
            };
            frames += 1;
            self.pace.note(desk.settings.frame_rate, now.mono);
            let verdict = match frame {
                Received::Hello(hello) => self.hello(hello, desk, now.mono, out),
                Received::Sample { seq, sample } => self.sample(seq, sample, desk, now, out),
                Received::Bye { seq, sample } => self.bye(seq.zip(sample), desk, now, out),
                Received::Cores { seq, cores } => {
                    self.stage(seq, cores);
                    Verdict::Open
                }
                Received::Original { utilization, object } => {
                    let taken =
                        match self.member {
                            Member::Original(place) => {
                                desk.fleet().update_original(place, self.id, utilization, now).map(|()| place)
                            }
                            _ => desk.settings.access.check_original().and_then(|()| {
                                desk.fleet().join_original(self.id, self.peer, utilization, now)
                            }),
                        };
                    if taken.is_ok() {
                        exporter::echo(object, out);
                    }
                    self.original(taken, desk, now.mono)
                }
                Received::Unknown(rejection) => {
                    desk.reject(&rejection, self.peer, now.mono);
                    exporter::refuse(&rejection, None, out);
                    Verdict::Open
                }
            };
            if verdict != Verdict::Open {
                break verdict;
            }
        };
        // Whatever else is sent, the first sample is due in the time for it.
        self.note_progress(frames, was_welcome && self.is_awaited(), now.mono);
        if out.len() > said_before {
            self.answered = now.mono;
        }
        verdict
    }

    /// When the connection is to be given up, if nothing is received before.
    pub fn deadline(&self, settings: &IngestSettings) -> Moment {
        let silence = self.heard.plus(self.patience);
        match self.frame_begun {
            Some(begun) => begun.plus(settings.frame_timeout).min(silence),
            None => silence,
        }
    }

    /// Until when nothing is to be read, because the client sends too fast.
    pub fn pause_until(&self, now: Moment) -> Option<Moment> {
        self.pace.pause_until(now)
    }

    /// Whether its client has said who it is. Until then it is one of those that may be strangers.
    pub fn is_greeted(&self) -> bool {
        self.session.is_greeted()
    }

    /// Whether its client speaks version 1 and was welcome.
    pub fn is_v1(&self) -> bool {
        matches!(self.member, Member::Welcome { .. } | Member::Agent(_))
    }

    /// Whether it is an agent's that is welcome and has sent no sample yet.
    fn is_awaited(&self) -> bool {
        matches!(self.member, Member::Welcome { .. })
    }

    /// Whether it carries an agent's frames, whose end the fleet counts.
    pub fn has_joined(&self) -> bool {
        matches!(self.member, Member::Agent(_) | Member::Original(_))
    }

    /// The stream has come to its end; what is cut short is counted.
    pub fn end_of_stream(&self, desk: &Desk, now: Moment) -> End {
        match self.session.end() {
            Ok(()) => End::Eof,
            Err(rejection) => {
                desk.reject(&rejection, self.peer, now);
                End::Eof
            }
        }
    }

    /// The connection is over: the fleet is told.
    pub fn close(self, end: End, desk: &Desk, now: Moment) {
        if let Member::Agent(place) | Member::Original(place) = self.member {
            let departure = desk.fleet().leave(place, self.id, end, now);
            if let Some(departure) = departure {
                desk.journal.left(&departure, end, now);
            }
        }
    }

    fn hello(&mut self, mut hello: Box<Hello>, desk: &Desk, now: Moment, out: &mut Vec<u8>) -> Verdict {
        // Kept no longer than it takes to look at it.
        let token = hello.token.take();
        let judged = desk.settings.access.check(&hello.agent, token.as_ref()).and_then(|claim| {
            let stale = desk.fleet().judge(&hello, claim, now)?;
            Ok((claim, stale))
        });
        match judged {
            Ok((claim, stale)) => {
                self.patience = desk.settings.idle_timeout.max(stale);
                self.session.welcome(stale, out);
                self.member = Member::Welcome { hello, claim };
                Verdict::Open
            }
            Err(rejection) => self.refuse(&rejection, desk, now, out),
        }
    }

    fn sample(&mut self, seq: u64, sample: Sample, desk: &Desk, now: Now, out: &mut Vec<u8>) -> Verdict {
        let mut want_cores = false;
        match self.take(seq, sample, desk, now) {
            Ok(want) => {
                desk.metrics.frames_v1.inc();
                want_cores = want;
            }
            // An older frame harms nobody, and its sender is not to wait for an answer.
            Err(rejection)
                if rejection.reason == RejectReason::Stale && matches!(self.member, Member::Agent(_)) =>
            {
                desk.reject(&rejection, self.peer, now.mono);
            }
            Err(rejection) => return self.refuse(&rejection, desk, now.mono, out),
        }
        exporter::acknowledge(seq, want_cores, out);
        Verdict::Open
    }

    /// Keeps totals of cores until their sample comes.
    fn stage(&mut self, seq: u64, cores: Box<Cores>) {
        match &mut self.cores {
            Some((of, staged)) if *of == seq => {
                // One more than may be is enough to be refused with the sample.
                let room = (CORES_MAX + 1).saturating_sub(staged.times.len());
                staged.times.extend(cores.times.into_iter().take(room));
                match (&mut staged.machine, cores.machine) {
                    (Some(machine), Some(more)) => {
                        let room = CORES_MAX.saturating_sub(machine.cpus.len());
                        machine.cpus.extend(more.cpus.into_iter().take(room));
                    }
                    (none, machine) => *none = none.take().or(machine),
                }
            }
            staged => *staged = Some((seq, cores)),
        }
    }

    fn bye(&mut self, last: Option<(u64, Sample)>, desk: &Desk, now: Now, out: &mut Vec<u8>) -> Verdict {
        let seq = last.as_ref().map_or(0, |(seq, _)| *seq);
        if let Some((seq, sample)) = last
            && let Err(rejection) = self.take(seq, sample, desk, now)
        {
            return self.refuse(&rejection, desk, now.mono, out);
        }
        desk.metrics.frames_v1.inc();
        exporter::acknowledge(seq, false, out);
        Verdict::Close(End::Bye)
    }

    /// Hands a sample of a v1 agent, and the totals of cores that go with it, to the fleet; says whether somebody looks
    /// at those.
    fn take(&mut self, seq: u64, sample: Sample, desk: &Desk, now: Now) -> Result<bool, Rejection> {
        let cores = self.cores.take().filter(|(of, _)| *of == seq).map(|(_, cores)| each_once(*cores));
        let measured_after = Moment(self.answered.0.saturating_sub(SENT_WITHIN.0));
        let reported = Reported { seq, sample, measured_after };
        let (place, cores_taken, want_cores) = match std::mem::replace(&mut self.member, Member::Nobody) {
            Member::Agent(place) => {
                self.member = Member::Agent(place);
                let mut fleet = desk.fleet();
                fleet.update(place, self.id, reported, now)?;
                (place, fleet.report_cores(place, self.id, cores), fleet.wants_cores(place, now.mono))
            }
            Member::Welcome { hello, claim } => {
                let name = hello.agent.clone();
                let mut fleet = desk.fleet();
                let place = fleet.join(self.id, self.peer, *hello, claim, reported, now)?;
                let outcome =
                    (place, fleet.report_cores(place, self.id, cores), fleet.wants_cores(place, now.mono));
                drop(fleet);
                desk.journal.joined(name.as_str(), self.peer, now.mono);
                outcome
            }
            Member::Nobody | Member::Original(_) => {
                let message = "the first frame of a connection is hello";
                return Err(Rejection::new(RejectReason::OutOfOrder, message));
            }
        };
        self.member = Member::Agent(place);
        if let Err(rejection) = cores_taken {
            desk.reject(&rejection, self.peer, now.mono);
        }
        Ok(want_cores)
    }

    fn original(&mut self, taken: Result<Place, Rejection>, desk: &Desk, now: Moment) -> Verdict {
        match taken {
            Ok(place) => {
                if matches!(self.member, Member::Nobody) {
                    desk.journal.joined(&self.peer.to_string(), self.peer, now);
                    self.patience = desk.settings.original_idle_timeout;
                    self.member = Member::Original(place);
                }
                desk.metrics.frames_original.inc();
                Verdict::Open
            }
            Err(rejection) => {
                desk.reject(&rejection, self.peer, now);
                Verdict::Close(End::Protocol)
            }
        }
    }

    /// Refuses what is well formed but cannot be: the client is told when to come back.
    fn refuse(&mut self, rejection: &Rejection, desk: &Desk, now: Moment, out: &mut Vec<u8>) -> Verdict {
        desk.reject(rejection, self.peer, now);
        let retry = match rejection.reason {
            RejectReason::FleetFull => RETRY_FULL,
            RejectReason::Auth => RETRY_AUTH,
            _ => RETRY,
        };
        exporter::refuse(rejection, Some(retry), out);
        Verdict::Close(End::Protocol)
    }

    fn note_progress(&mut self, frames: u32, is_awaited: bool, now: Moment) {
        if frames > 0 {
            self.frame_begun = None;
            if !is_awaited {
                self.heard = now;
            }
        }
        if self.session.is_inside_frame() {
            self.frame_begun.get_or_insert(now);
        } else {
            self.frame_begun = None;
        }
    }
}

/// The same without what is told twice: two series of one name would cost everybody the scrape.
fn each_once(mut cores: Cores) -> Cores {
    cores.times.sort_by_key(|core| core.core);
    cores.times.dedup_by_key(|core| core.core);
    if let Some(machine) = &mut cores.machine {
        machine.cpus.sort_by_key(|cpu| cpu.cpu);
        machine.cpus.dedup_by_key(|cpu| cpu.cpu);
    }
    cores
}

impl Desk {
    /// Counts and tells a refused frame.
    fn reject(&self, rejection: &Rejection, peer: SocketAddr, now: Moment) {
        self.metrics.reject_frame(rejection.reason);
        if rejection.reason == RejectReason::Auth {
            self.metrics.refuse_connection(Refusal::Auth);
        }
        self.journal.rejected(rejection, peer, now);
    }
}
