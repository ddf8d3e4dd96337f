use super::*;

/// An agent under test, and a clock.
struct Agent {
    history: History,
    now: Instant,
    times: CpuTimes,
}

impl Agent {
    fn new(keeps: bool) -> Self {
        let mut agent = Self { history: History::new(keeps), now: Instant::now(), times: [9; 8] };
        agent.step(1);
        agent
    }

    /// The machine goes on; each step makes another ratio.
    fn step(&mut self, busy: u64) {
        self.times[0] += busy;
        self.times[3] += 1_000;
        self.history.machine_is_at(self.times);
    }

    /// The agent reads after this time, on a machine that went on by this.
    fn read(&mut self, after_ms: u64, busy: u64) {
        self.step(busy);
        self.read_again(after_ms);
    }

    fn read_again(&mut self, after_ms: u64) {
        self.now += Duration::from_millis(after_ms);
        self.history.has_read(self.history.times.len() - 1, self.now);
    }

    fn end(&mut self, killed: bool) {
        self.history.has_ended(End { at: self.now, killed, connected: true });
    }

    /// What is right to be shown now if these samples count, given as the busy time of each.
    fn totals(&self, busy: &[u64]) -> Totals {
        let mut samples = Distribution::default();
        busy.iter()
            .for_each(|&busy| samples.add(utilization(&[0; 8], &[busy, 0, 0, 1_000, 0, 0, 0, 0]).unwrap()));
        Totals { cpu: self.times, samples }
    }

    fn recognises(&mut self, busy: &[u64]) -> Result<usize, Untrue> {
        let totals = self.totals(busy);
        self.history.recognise(&totals)
    }
}

#[test]
fn each_reading_is_recognised_by_its_totals() {
    let mut agent = Agent::new(true);
    agent.read(0, 7);
    assert_eq!(agent.recognises(&[]), Err(Untrue::NoSample { reading: 0 }));
    agent.read(1_000, 10);
    assert_eq!(agent.recognises(&[10]), Ok(1));
    agent.read(1_000, 20);
    let second = agent.totals(&[10, 20]);
    agent.read(1_000, 30);
    assert_eq!(agent.recognises(&[10, 20, 30]), Ok(3));
    assert_eq!(agent.history.recognise(&second), Ok(2), "also later");
}

#[test]
fn what_never_was_is_not_recognised() {
    let mut agent = Agent::new(true);
    for busy in [7, 10, 20] {
        agent.read(1_000, busy);
    }
    let wrong = |shown| Err(Untrue::OtherSamples { reading: 2, shown, possible: 2 });
    assert_eq!(agent.recognises(&[10]), wrong(1), "one lost");
    assert_eq!(agent.recognises(&[10, 20, 20]), wrong(3), "one twice");
    assert_eq!(agent.recognises(&[10, 21]), wrong(2), "another one");
    assert_eq!(agent.recognises(&[10, 20]), Ok(2));
    assert_eq!(agent.recognises(&[10]), wrong(1), "settled before");
    agent.times[0] += 1;
    assert_eq!(agent.recognises(&[10, 20]), Err(Untrue::NeverWas));
    agent.step(30);
    assert_eq!(agent.recognises(&[10, 20]), Err(Untrue::NeverRead { version: 4 }));
}

#[test]
fn the_interval_says_what_counts() {
    for (milliseconds, counted, missed) in [
        (1_000, true, false),
        (800, true, false),
        (1_200, true, false),
        (2_500, false, true),
        (60_000, false, true),
        (1_500, true, true),
        (1_700, true, true),
        (300, true, true),
    ] {
        let may_be = |samples: &[u64]| {
            let mut agent = Agent::new(true);
            agent.read(0, 7);
            agent.read(milliseconds, 10);
            agent.recognises(samples).is_ok()
        };
        assert_eq!((may_be(&[10]), may_be(&[])), (counted, missed), "{milliseconds} ms");
    }
}

#[test]
fn what_is_shown_settles_what_was_unsure() {
    let mut agent = Agent::new(true);
    agent.read(0, 7);
    for busy in [10, 20, 30, 40] {
        agent.read(1_400, busy);
    }
    assert_eq!(agent.recognises(&[10, 30]), Ok(4));
    let weights: Vec<_> = agent.history.readings().iter().map(|reading| reading.weight).collect();
    use Weight::{Counted, Missed};
    assert_eq!(weights, [Missed, Counted, Missed, Counted, Missed]);
    assert!(agent.recognises(&[10, 20]).is_err(), "not again otherwise");
    agent.read(1_400, 50);
    agent.history.settle_the_rest();
    assert_eq!(agent.history.counted(0, 5), 3);
    assert_eq!(agent.history.counted(0, 2), 1);
}

#[test]
fn the_same_version_twice_is_no_sample() {
    let mut agent = Agent::new(true);
    agent.read(0, 7);
    agent.read(1_000, 10);
    agent.read_again(1_000);
    agent.read(1_000, 20);
    assert_eq!(agent.recognises(&[10, 20]), Ok(3));
}

#[test]
fn a_process_begins_anew_or_goes_on() {
    for keeps in [true, false] {
        let mut agent = Agent::new(keeps);
        agent.read(0, 7);
        agent.read(1_000, 10);
        let before = agent.totals(&[10]);
        agent.end(false);
        agent.read(1_000, 8);
        agent.read(1_000, 20);
        let (right, wrong): (&[u64], &[u64]) = if keeps { (&[10, 20], &[20]) } else { (&[20], &[10, 20]) };
        assert!(agent.recognises(wrong).is_err());
        assert_eq!(agent.recognises(right), Ok(3));
        assert_eq!(agent.history.recognise(&before), Ok(1), "shown a while longer");
        assert_eq!(agent.history.accounts().len(), if keeps { 1 } else { 2 });
        let last = agent.history.accounts().len() - 1;
        assert_eq!(agent.history.counted(last, 3), right.len() as u64);
    }
}

#[test]
fn a_kill_may_come_between_reading_and_keeping() {
    for (killed, lost, expected) in
        [(true, false, true), (true, true, true), (false, false, true), (false, true, false)]
    {
        let mut agent = Agent::new(true);
        for busy in [7, 10, 20] {
            agent.read(1_000, busy);
        }
        agent.end(killed);
        agent.read(1_000, 8);
        agent.read(1_000, 30);
        let samples: &[u64] = if lost { &[10, 30] } else { &[10, 20, 30] };
        assert_eq!(agent.recognises(samples).is_ok(), expected, "killed: {killed}, lost: {lost}");
    }
}
