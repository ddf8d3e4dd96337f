//! What goes out: the newest sample, and what goes with it.

use cpumon_protocol::model::{Cores, Machine, Micros, Moment, Ratio, Sample};
use cpumon_protocol::session::agent::{AgentSession, Leaving};

/// How old a sample may be when it is sent. An exporter relies on it to know how old what it shows can be.
const PRESENT: Micros = Micros::from_secs(1);

/// The newest sample. One that could not be sent is overtaken by the next and counted, never queued.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    newest: Option<Sample>,
    /// When it was measured.
    measured: Moment,
    /// Whether it is of the last tick: an older one is good for its totals only.
    fresh: bool,
    /// Whether it has to be sent yet.
    pending: bool,
    /// Whether it is what hello said.
    said_in_hello: bool,
    /// The totals of each core that go with it, if somebody looks at them.
    cores: Option<Cores>,
    /// What the machine is, once that is known.
    machine: Option<Box<Machine>>,
    /// Whether this connection's other end knows it.
    machine_told: bool,
    /// The last sample frame's number.
    seq: u64,
    skipped_frames: u64,
    rtt: Option<Micros>,
}

impl Outgoing {
    /// A second was measured. `due` says whether the promised interval is over.
    pub(super) fn sampled(&mut self, now: Moment, sample: Sample, due: bool) {
        if due && self.pending {
            self.skipped_frames += 1;
        }
        self.newest = Some(sample);
        self.measured = now;
        self.fresh = true;
        self.said_in_hello = false;
        self.pending |= due;
    }

    /// A second could not be measured.
    pub(super) fn missed(&mut self) {
        if std::mem::take(&mut self.pending) {
            self.skipped_frames += 1;
        }
        self.fresh = false;
    }

    /// The totals of each core that go with the sample of the next tick, or that none do.
    pub(super) fn set_cores(&mut self, cores: Option<Cores>) {
        self.cores = cores;
    }

    /// What the machine is.
    pub(super) fn set_machine(&mut self, machine: Box<Machine>) {
        self.machine = Some(machine);
    }

    /// Whether it is known what the machine is.
    pub(super) const fn has_machine(&self) -> bool {
        self.machine.is_some()
    }

    /// Whether the newest sample is of the last tick.
    pub(super) const fn is_fresh(&self) -> bool {
        self.fresh
    }

    /// What hello can say of the last tick.
    pub(super) fn present(&self) -> Option<Ratio> {
        self.newest.as_ref().filter(|_| self.fresh).map(|sample| sample.utilization)
    }

    /// The number of the last frame.
    pub(super) const fn seq(&self) -> u64 {
        self.seq
    }

    /// Hello said what [`Outgoing::present`] was; the whole sample follows.
    pub(super) fn said_in_hello(&mut self) {
        self.pending = true;
        self.said_in_hello = true;
    }

    /// Who heard hello has taken the sample out of it.
    pub(super) fn was_taken_from_hello(&mut self) {
        self.pending &= !self.said_in_hello;
    }

    /// Another exporter listens, or an earlier one again: what it knew is gone.
    pub(super) fn has_new_listener(&mut self) {
        self.machine_told = false;
    }

    /// The newest sample is to be sent (again), if it is of the last tick.
    pub(super) fn send_again(&mut self) {
        self.pending = self.fresh;
    }

    /// A sample was answered.
    pub(super) fn answered(&mut self, rtt: Micros) {
        self.rtt = Some(rtt);
    }

    /// Writes the newest sample if it is due; whether it was. One of more than a second ago, when the process was
    /// paused, is no present any more: the tick that is due has the next.
    pub(super) fn send(&mut self, now: Moment, session: &AgentSession, out: &mut Vec<u8>) -> bool {
        let is_old = now.since(self.measured) > PRESENT;
        if !self.pending || is_old {
            return false;
        }
        let Some(sample) = self.newest.take().map(|sample| self.stamped(sample)) else {
            return false;
        };
        self.pending = false;
        self.seq += 1;
        self.send_cores(session, out);
        session.sample(self.seq, &sample, out);
        self.newest = Some(sample);
        true
    }

    /// Writes bye, with the last totals.
    pub(super) fn say_bye(&mut self, session: &AgentSession, leaving: Leaving, out: &mut Vec<u8>) {
        let last = self.newest.take().map(|sample| self.stamped(sample));
        self.seq += 1;
        self.send_cores(session, out);
        session.bye(leaving, last.as_ref().map(|sample| (self.seq, sample)), out);
        self.newest = last;
        self.pending = false;
    }

    /// Writes the totals of each core that belong to the sample that is about to go.
    fn send_cores(&mut self, session: &AgentSession, out: &mut Vec<u8>) {
        if let Some(cores) = &mut self.cores {
            if !self.machine_told {
                cores.machine = self.machine.clone();
                self.machine_told = cores.machine.is_some();
            }
            session.cores(self.seq, cores, out);
            cores.machine = None;
        }
    }

    /// The sample with what only the link knows.
    fn stamped(&self, sample: Sample) -> Sample {
        Sample { skipped_frames: Some(self.skipped_frames), rtt: self.rtt, ..sample }
    }
}
