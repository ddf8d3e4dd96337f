//! What the page shows of one agent in a list of all.

use cpumon_protocol::model::{Millionths, Now, Ratio, WallTime};

use crate::fleet::AgentView;

/// Whether an agent is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Its samples arrive.
    Up,
    /// It is missed.
    Down,
    /// It has said that it leaves.
    Left,
    /// It was there before the exporter started, and has some time left to come back.
    Awaited,
}

impl State {
    /// The word for it on the wire.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Left => "left",
            Self::Awaited => "awaited",
        }
    }

    fn of(view: &AgentView<'_>) -> Self {
        match (view.up(), view.totals()) {
            (Some(true), _) => Self::Up,
            (Some(false), _) => Self::Down,
            (None, Some(_)) => Self::Left,
            (None, None) => Self::Awaited,
        }
    }
}

/// A number that may change with every sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    /// Utilization of the last second, in thousandths.
    Utilization,
    /// The highest one-second utilization of the last minute, in thousandths.
    Peak,
    /// Utilization of the busiest core, in thousandths.
    Hottest,
    /// Load average over one minute, in hundredths.
    Load,
}

impl Column {
    /// Every column.
    pub(super) const ALL: [Self; 4] = [Self::Utilization, Self::Peak, Self::Hottest, Self::Load];

    /// Its key on the wire.
    pub(super) const fn key(self) -> &'static str {
        match self {
            Self::Utilization => "utilization",
            Self::Peak => "peak",
            Self::Hottest => "hottest",
            Self::Load => "load1",
        }
    }
}

/// One agent. What is not known, or not true any more, is `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) state: State,
    /// When one that is missed was last heard, as the clock showed then.
    pub(super) last_heard: Option<WallTime>,
    /// The same as what the clock says now, less the silence: right however the clock was set in between.
    pub(super) silent_since: Option<WallTime>,
    pub(super) logical_cpus: Option<u32>,
    /// By [`Column::ALL`].
    pub(super) cells: [Option<u64>; Column::ALL.len()],
}

impl Row {
    /// The row of an agent at `now`.
    pub(super) fn of(view: &AgentView<'_>, now: Now) -> Self {
        let state = State::of(view);
        let is_missed = state == State::Down;
        let sample = view.gauges();
        let silence = view.silence().filter(|_| is_missed);
        Self {
            state,
            last_heard: view.last_heard().filter(|_| is_missed),
            silent_since: silence.map(|silence| WallTime(now.wall.0.saturating_sub(silence.0))),
            logical_cpus: view.totals().and_then(|sample| sample.logical_cpus),
            cells: [
                sample.map(|sample| thousandths(sample.utilization)),
                sample.and_then(|sample| sample.utilization_max).map(thousandths),
                sample.and_then(|sample| sample.hottest_core).map(thousandths),
                sample.and_then(|sample| sample.load).map(|[one, ..]| hundredths(one)),
            ],
        }
    }

    /// Its number in `column`.
    pub(super) const fn cell(&self, column: Column) -> Option<u64> {
        self.cells[column as usize]
    }
}

fn thousandths(ratio: Ratio) -> u64 {
    (u64::from(ratio.millionths()) + 500) / 1_000
}

fn hundredths(Millionths(millionths): Millionths) -> u64 {
    millionths.saturating_add(5_000) / 10_000
}
