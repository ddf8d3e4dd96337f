//! Fleets: as a script of what happened to each agent, and rendered.

use std::net::SocketAddr;

use cpumon_exporter::exposition::families::Thresholds;
use cpumon_exporter::exposition::render::Renderer;
use cpumon_exporter::fleet::{Claim, ConnectionId, End, Fleet, FleetSettings, Reported, Roster, SharedFleet};
use cpumon_protocol::model::{Cores, Hello, Micros, Moment, Now, Ratio, Sample, WallTime};

/// The thresholds of every fleet here.
pub(crate) const THRESHOLDS: Thresholds = Thresholds { warning: percent(80), critical: percent(95) };

const fn percent(percent: u32) -> Ratio {
    match Ratio::from_millionths(percent * 10_000) {
        Some(ratio) => ratio,
        None => Ratio::ZERO,
    }
}

/// The present, so long after the beginning of everything.
pub(crate) fn at(span: Micros) -> Now {
    Now { mono: Moment(span.0), wall: WallTime(1_700_000_000_000_000 + span.0) }
}

/// Who an agent is.
#[derive(Clone, Debug)]
pub(crate) enum Who {
    /// It says so, and measures this.
    V1(Box<Hello>, Box<Sample>),
    /// It is known by its endpoint, and measures these.
    Original(Vec<Ratio>),
}

/// What happens to an agent.
#[derive(Clone, Debug)]
pub(crate) struct Story {
    pub(crate) who: Who,
    pub(crate) endpoint: SocketAddr,
    pub(crate) joins: Micros,
    /// What it tells of its cores, beside its sample.
    pub(crate) cores: Option<Cores>,
    /// After how long, and how.
    pub(crate) leaves: Option<(Micros, End)>,
}

/// A fleet in which these stories happened, whoever could not join being left out.
pub(crate) fn fleet(settings: FleetSettings, stories: &[Story]) -> Fleet {
    let mut fleet = Fleet::new(settings, &Roster::default(), at(Micros::ZERO));
    for (number, story) in stories.iter().enumerate() {
        let (connection, now) = (ConnectionId(number as u64), at(story.joins));
        let place = match &story.who {
            Who::V1(hello, sample) => {
                let reported = Reported { seq: 1, sample: (**sample).clone(), measured_after: now.mono };
                fleet.join(connection, story.endpoint, (**hello).clone(), Claim::Shared, reported, now)
            }
            Who::Original(measured) => {
                let place = fleet.join_original(connection, story.endpoint, measured[0], now);
                place.inspect(|&place| {
                    for &ratio in &measured[1..] {
                        let _ = fleet.update_original(place, connection, ratio, now);
                    }
                })
            }
        };
        if let Ok(place) = place {
            fleet.report_cores(place, connection, story.cores.clone()).unwrap();
        }
        if let (Ok(place), Some((after, end))) = (place, story.leaves) {
            fleet.leave(place, connection, end, now.mono.plus(after));
        }
    }
    fleet
}

/// The page of `fleet` at `now`.
pub(crate) fn page(fleet: Fleet, now: Moment) -> String {
    String::from_utf8(Renderer::new(THRESHOLDS).page(&SharedFleet::new(fleet), now)).unwrap()
}
