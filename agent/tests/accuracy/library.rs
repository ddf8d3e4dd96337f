//! The agent's reader and recorder, a second at a time, as fast as they go.

use cpumon_agent::recorder::{Missed, Recorder};
use cpumon_agent::sampling::Source;
use cpumon_agent::sampling::proc::ProcSource;
use cpumon_protocol::model::{Micros, Moment};

use super::figures::{Compared, Figures};
use super::machine::Machine;
use super::oracle::Oracle;
use super::stage::{Content, Stage};

/// A stage with the agent's parts before it.
pub(crate) struct Library {
    stage: Stage,
    source: ProcSource,
    recorder: Recorder,
    oracle: Oracle,
    second: u64,
    could_read: bool,
}

impl Library {
    pub(crate) fn new() -> Self {
        let stage = Stage::new();
        Self {
            source: ProcSource::new(stage.root()),
            recorder: Recorder::default(),
            oracle: Oracle::default(),
            second: 0,
            could_read: false,
            stage,
        }
    }

    /// A second with this content.
    pub(crate) fn step(&mut self, content: &Content) -> Compared {
        self.stage.show(content);
        let learnt = self.stage.learnt(content);
        Compared { got: self.tick(), expected: self.expect(learnt) }
    }

    /// A second with a text that says as much as this machine's.
    pub(crate) fn step_learning(&mut self, text: &Content, machine: &Machine) -> Compared {
        self.stage.show(text);
        Compared { got: self.tick(), expected: self.expect(Some(machine)) }
    }

    /// Whether the last second's content could be read.
    pub(crate) fn could_read(&self) -> bool {
        self.could_read
    }

    fn tick(&mut self) -> Option<Figures> {
        let now = Moment(0).plus(Micros::from_secs(self.second));
        let outcome = self.recorder.tick(now, self.source.read());
        let kept = self.recorder.kept();
        assert_eq!(kept.histogram.count() + kept.missed, self.second, "every second is counted once");
        self.could_read = !matches!(outcome.result, Err(Missed::Unreadable));
        outcome.result.ok().map(|sample| Figures::of_sample(&sample))
    }

    fn expect(&mut self, learnt: Option<&Machine>) -> Option<Figures> {
        let expected = self.oracle.step(self.second, learnt);
        self.second += 1;
        expected
    }
}
