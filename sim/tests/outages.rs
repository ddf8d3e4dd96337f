//! Long outages, which the drawn faults have none of: what lives through them loses nothing.

#![allow(clippy::unwrap_used, reason = "a test's helpers end the test")]

use cpumon_protocol::model::Micros;
use cpumon_sim::plan::{Bounds, Direction, Fault, Links, Plan, Planned};
use cpumon_sim::time::Time;
use cpumon_sim::world::{self, Options, Tally};

/// How long a partition lasts, and how long all is well after it.
const PARTITION: Micros = Micros::from_secs(120);
const REST: Micros = Micros::from_secs(20);

/// Of each direction there are so many partitions of each agent.
const ROUNDS: u64 = 7;

/// A plan of so many minutes without faults.
fn calm(seed: u64, minutes: u64) -> Plan {
    let mut plan = Plan::draw(seed, Bounds { minutes, agents_min: 5, agents_max: 8 });
    plan.faults.clear();
    plan
}

fn lasting(at: Time, span: Micros, fault: Fault) -> Planned {
    Planned { at, until: Some(at.plus(span)), agent: None, fault }
}

fn run(plan: &Plan) -> Tally {
    let history = world::run(plan, Options::default());
    history.map_err(|failure| format!("seed {}: {}", failure.seed, failure.violation)).unwrap().tally
}

#[test]
fn ten_minutes_without_prometheus_lose_nothing() {
    let (at, outage) = (Time(60_000_000), Micros::from_secs(600));
    for seed in 0..4 {
        let mut plan = calm(seed, 14);
        let whole = run(&plan).scrapes;
        plan.faults = if seed % 2 == 0 {
            vec![lasting(at, outage, Fault::RestartPrometheus)]
        } else {
            (0..plan.exporters.len())
                .map(|exporter| lasting(at, outage, Fault::MissScrapes { exporter }))
                .collect()
        };
        let tally = run(&plan);
        assert!(tally.scrapes < whole / 2, "{} of {whole} scrapes", tally.scrapes);
        assert!(tally.made > 3_000, "{}", tally.made);
        assert_eq!((tally.lost.sum(), tally.counted), (0, tally.made));
    }
}

#[test]
fn partitions_of_two_minutes_again_and_again_lose_nothing() {
    let directions = [Direction::Both, Direction::Up, Direction::Down];
    let round = PARTITION.0 + REST.0;
    let minutes = (ROUNDS * directions.len() as u64 * round).div_ceil(60_000_000) + 3;
    for seed in 0..2 {
        let mut plan = calm(seed, minutes);
        let agents = plan.agents.len();
        for number in 0..ROUNDS * directions.len() as u64 {
            let begin = 30_000_000 + number * round;
            // Cut one by one, and given back one by one in the opposite order.
            for agent in 0..agents {
                let late = Micros(agent as u64 * 1_000_000);
                let fault =
                    Fault::Cut { links: Links::OfAgent(agent), direction: directions[number as usize % 3] };
                plan.faults.push(lasting(Time(begin).plus(late), Micros(PARTITION.0 - 2 * late.0), fault));
            }
        }
        let tally = run(&plan);
        assert_eq!(tally.faults, ROUNDS * 3 * agents as u64);
        // What was acknowledged shows that they were cut off for most of the time.
        assert!(tally.acked * 3 < tally.made, "{} of {} were acknowledged", tally.acked, tally.made);
        assert_eq!((tally.lost.sum(), tally.counted), (0, tally.made));
    }
}
