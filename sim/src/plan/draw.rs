//! Drawing the faults of a seed: from another stream for each host, so that one host's can be left out.

use cpumon_protocol::model::Micros;
use fastrand::Rng;

use super::Planned;
use super::fault::{Direction, Fault, Links, Oddity};
use crate::random::{Purpose, chance, span_ms, stream};
use crate::time::Time;

/// No fault strikes before.
const FIRST: Time = Time(8_000_000);

/// A year, in microseconds.
const YEAR: i64 = 365 * 24 * 3_600 * 1_000_000;

/// All faults of `seed` before `heal`.
pub(super) fn faults(seed: u64, agents: usize, exporters: usize, heal: Time) -> Vec<Planned> {
    // Some seeds are calm, so that long healthy times are seen, too; some are hell.
    let every_s = [20, 45, 90, 200][stream(seed, Purpose::Plan, 1).usize(0..4)];
    let mut faults = Vec::new();
    for agent in 0..agents {
        let mut random = stream(seed, Purpose::AgentFaults, agent);
        each(&mut random, every_s, heal, |random, at| {
            faults.push(of_agent(random, agent, exporters, at, heal));
        });
    }
    for exporter in 0..exporters {
        let mut random = stream(seed, Purpose::ExporterFaults, exporter);
        each(&mut random, every_s * 2, heal, |random, at| {
            faults.push(of_exporter(random, exporter, at, heal))
        });
    }
    let mut random = stream(seed, Purpose::SharedFaults, 0);
    each(&mut random, every_s * 4, heal, |random, at| {
        shared(random, agents, exporters, at, heal, &mut faults)
    });
    faults
}

/// Calls `strike` at random moments, `every_s` seconds apart in the mean.
fn each(random: &mut Rng, every_s: u64, heal: Time, mut strike: impl FnMut(&mut Rng, Time)) {
    let mut at = FIRST;
    loop {
        at = at.plus(span_ms(random, 1_000, every_s * 2_000));
        if at >= heal {
            return;
        }
        strike(random, at);
    }
}

fn of_agent(random: &mut Rng, agent: usize, exporters: usize, at: Time, heal: Time) -> Planned {
    let exporter = random.usize(0..exporters);
    let moves = random.bool();
    let (fault, lasts) = match random.u32(0..100) {
        0..16 => (Fault::KillAgent { agent, down: down(random), moves }, None),
        16..20 => (Fault::CrashMachine { agent, down: down(random) }, None),
        20..26 => (Fault::StopAgent { agent, down: down(random), moves }, None),
        26..34 => (Fault::PauseAgent { agent }, Some(span_ms(random, 100, 61_000))),
        34..38 => (Fault::SetAgentClock { agent, change: clock_change(random) }, None),
        38..52 => (machine(random, agent), None),
        52..60 => (cut(random, Links::OfAgent(agent)), Some(cut_span(random))),
        60..74 => (cut(random, Links::One(agent, exporter)), Some(cut_span(random))),
        74..80 => (Fault::HalfOpen { agent }, None),
        80..86 => (Fault::Reset { agent }, None),
        _ => (Fault::Replay { agent, exporter }, None),
    };
    planned(at, lasts, heal, Some(agent), fault)
}

fn machine(random: &mut Rng, agent: usize) -> Fault {
    let (oddity, span) = match random.u32(0..5) {
        0 => (Oddity::Unreadable, span_ms(random, 500, 20_000)),
        1 => (Oddity::Standing, span_ms(random, 500, 8_000)),
        2 => (Oddity::Fall, Micros::ZERO),
        3 => (Oddity::Cores, Micros::ZERO),
        _ => (Oddity::Burst, span_ms(random, 1_000, 6_000)),
    };
    Fault::Machine { agent, oddity, span }
}

fn of_exporter(random: &mut Rng, exporter: usize, at: Time, heal: Time) -> Planned {
    let (fault, lasts) = match random.u32(0..100) {
        0..25 => {
            let is_silent = chance(random, 30);
            (Fault::KillExporter { exporter, is_silent, down: span_ms(random, 50, 40_000) }, None)
        }
        25..35 => (Fault::StopExporter { exporter, down: span_ms(random, 50, 20_000) }, None),
        35..50 => (Fault::PauseExporter { exporter }, Some(span_ms(random, 50, 61_000))),
        50..60 => (Fault::SetExporterClock { exporter, change: clock_change(random) }, None),
        60..80 => (cut(random, Links::OfExporter(exporter)), Some(cut_span(random))),
        _ => (Fault::MissScrapes { exporter }, Some(span_ms(random, 1_000, 100_000))),
    };
    planned(at, lasts, heal, None, fault)
}

/// What concerns more than one host: Prometheus, and links cut one by one and given back in another order.
fn shared(
    random: &mut Rng,
    agents: usize,
    exporters: usize,
    at: Time,
    heal: Time,
    faults: &mut Vec<Planned>,
) {
    if chance(random, 40) {
        let lasts = Some(span_ms(random, 2_000, 120_000));
        faults.push(planned(at, lasts, heal, None, Fault::RestartPrometheus));
        return;
    }
    let exporter = random.usize(0..exporters);
    let mut order: Vec<usize> = (0..agents).collect();
    random.shuffle(&mut order);
    order.truncate(random.usize(1..=agents.min(8)));
    let all_cut = at.plus(Micros::from_secs(order.len() as u64));
    for (index, agent) in order.into_iter().enumerate() {
        let start = at.plus(Micros::from_secs(index as u64));
        let lasts = Some(Micros(all_cut.since(start).0 + random.u64(0..25_000_000)));
        if start < heal {
            // Its loss changes nothing for the others, so it goes with the agent.
            faults.push(planned(start, lasts, heal, Some(agent), cut(random, Links::One(agent, exporter))));
        }
    }
}

fn planned(at: Time, lasts: Option<Micros>, heal: Time, agent: Option<usize>, fault: Fault) -> Planned {
    Planned { at, until: lasts.map(|span| at.plus(span).min(heal)), agent, fault }
}

/// How long somebody is down: mostly seconds, so that he is back before the next scrape; now and then for ever.
fn down(random: &mut Rng) -> Option<Micros> {
    match random.u32(0..20) {
        0 => None,
        1..12 => Some(span_ms(random, 100, 10_000)),
        12..17 => Some(span_ms(random, 5_000, 60_000)),
        _ => Some(span_ms(random, 60_000, 150_000)),
    }
}

fn cut(random: &mut Rng, links: Links) -> Fault {
    let direction = [Direction::Both, Direction::Both, Direction::Up, Direction::Down][random.usize(0..4)];
    Fault::Cut { links, direction }
}

fn cut_span(random: &mut Rng) -> Micros {
    if chance(random, 70) { span_ms(random, 100, 25_000) } else { span_ms(random, 25_000, 180_000) }
}

fn clock_change(random: &mut Rng) -> i64 {
    match random.u32(0..4) {
        0 => YEAR,
        1 => -YEAR,
        2 => random.i64(-7_200_000_000..7_200_000_000),
        _ => random.i64(-3_000_000..3_000_000),
    }
}
