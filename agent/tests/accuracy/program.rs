//! The agent as a process: each of its ticks sees one step of a script, each of its frames is read.

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::exporter::{Connection, Exporter};
use super::figures::{Compared, Figures};
use super::health::last_tick;
use super::oracle::Oracle;
use super::process::{Agent, FINISH};
use super::stage::{Content, Stage};

const SECOND: Duration = Duration::from_secs(1);

/// A tick that comes so much before or after its second may have seen another step than it was meant to.
const LATE: Duration = Duration::from_millis(200);

/// How often the agent is asked whether it has ticked, once that is due.
const ASK_EVERY: Duration = Duration::from_millis(2);

/// The machine was too busy to keep a tick and a step together: this time says nothing.
#[derive(Debug)]
pub(crate) struct OutOfStep(#[allow(dead_code, reason = "shown when a test fails")] Duration);

/// An agent before a stage.
struct Play {
    stage: Stage,
    exporter: Exporter,
    agent: Agent,
    connection: Option<Connection>,
    oracle: Oracle,
    second: u64,
    /// When the agent ticked last.
    tick: Instant,
}

/// Plays `steps`, a second each.
pub(crate) fn play(steps: &[Content]) -> Result<Vec<Compared>, OutOfStep> {
    let (first, others) = steps.split_first().unwrap();
    let mut play = Play::begin(first);
    others.iter().map(|content| play.step(content)).collect()
}

impl Play {
    /// Starts an agent. Its first two ticks see the same, and by what it says of that the second one is known.
    fn begin(first: &Content) -> Self {
        let stage = Stage::new();
        stage.show(first);
        let exporter = Exporter::listen();
        let procfs = stage.root().to_str().unwrap();
        let agent = Agent::start(&exporter, &[("AGENT_NAME", "accuracy"), ("AGENT_PROCFS", procfs)]);
        agent.log_line("no samples: the CPU times stand still");
        let mut oracle = Oracle::default();
        for second in 0..2 {
            assert_eq!(oracle.step(second, stage.learnt(first)), None);
        }
        let tick = last_tick(&agent).unwrap();
        Self { stage, exporter, agent, connection: None, oracle, second: 2, tick }
    }

    fn step(&mut self, content: &Content) -> Result<Compared, OutOfStep> {
        self.stage.show(content);
        self.is_in_step(Duration::ZERO)?;
        let expected = self.oracle.step(self.second, self.stage.learnt(content));
        self.second += 1;
        self.tick = self.next_tick()?;
        let got = expected.is_some().then(|| self.frame());
        self.is_in_step(Duration::ZERO)?;
        Ok(Compared { got, expected })
    }

    fn next_tick(&self) -> Result<Instant, OutOfStep> {
        sleep((self.tick + SECOND).saturating_duration_since(Instant::now()));
        let deadline = Instant::now() + FINISH;
        loop {
            let tick = last_tick(&self.agent).unwrap();
            if tick > self.tick + SECOND / 2 {
                self.is_in_step(SECOND)?;
                return Ok(tick);
            }
            assert!(Instant::now() < deadline, "the agent does not tick");
            sleep(ASK_EVERY);
        }
    }

    /// Whether the last tick is the one that is known, or so much later.
    fn is_in_step(&self, later: Duration) -> Result<(), OutOfStep> {
        let since = last_tick(&self.agent).unwrap().saturating_duration_since(self.tick);
        if since.abs_diff(later) < LATE { Ok(()) } else { Err(OutOfStep(since)) }
    }

    /// The next sample. Any that should not have been made would come before it.
    fn frame(&mut self) -> Figures {
        let connection = self.connection.get_or_insert_with(|| self.exporter.accept_and_welcome());
        let frame = connection.frame();
        assert_eq!(frame["t"], "sample");
        connection.ack(&frame);
        Figures::of_frame(&frame)
    }
}
