//! The simulator's program.

use std::io::{self, Write};
use std::process::ExitCode;

use cpumon_sim::campaign::{self, Report};
use cpumon_sim::options::{CommandLine, HELP};
use cpumon_sim::plan::Plan;
use cpumon_sim::world::{self, Failure, Options};

fn main() -> anyhow::Result<ExitCode> {
    let line = CommandLine::read(std::env::args().skip(1))?;
    let mut out = io::stdout().lock();
    if line.help {
        write!(out, "{HELP}")?;
        return Ok(ExitCode::SUCCESS);
    }
    let outcome = if line.trace {
        let options = Options { keeps_trace: true, ..Options::default() };
        let history = world::run(&Plan::draw(line.from, line.bounds), options);
        history.and_then(|history| {
            history.trace.iter().for_each(|happening| drop(writeln!(out, "{happening}")));
            campaign::run(line.from..line.from + 1, line.bounds, |_| {})
        })
    } else {
        campaign::run(line.from..line.from + line.seeds, line.bounds, |report| {
            if report.seeds.is_multiple_of(100) {
                let _ =
                    writeln!(io::stderr(), "{} seeds in {:.1} s", report.seeds, report.wall.as_secs_f64());
            }
        })
    };
    match outcome {
        Ok(report) => {
            tell(&mut out, line.from, &report)?;
            Ok(ExitCode::SUCCESS)
        }
        Err(failure) => {
            tell_failure(&mut out, &failure)?;
            Ok(ExitCode::FAILURE)
        }
    }
}

fn tell(out: &mut impl Write, from: u64, report: &Report) -> io::Result<()> {
    let total = &report.total;
    let lost = &total.lost;
    let (median, longest) = report.back();
    writeln!(
        out,
        "seeds {} (from {from}), {} of them also without one agent's faults",
        report.seeds, report.twins
    )?;
    let (steps, faults, replays, moves) = (total.steps, total.faults, total.replays, total.moves);
    writeln!(out, "steps {steps}, faults {faults}, replays {replays}, moves {moves}")?;
    writeln!(out, "sample frames {}, acknowledged {}, scrapes {}", total.frames, total.acked, total.scrapes)?;
    writeln!(out, "samples made {}, counted {}, lost {}:", total.made, total.counted, lost.sum())?;
    writeln!(out, "  {:>9}  not acknowledged when their agent died", lost.unanswered)?;
    writeln!(
        out,
        "  {:>9}  acknowledged by an exporter that died, too, before a scrape",
        lost.exporter_died
    )?;
    writeln!(out, "  {:>9}  of an agent that came back with new totals before a scrape", lost.unscraped)?;
    writeln!(
        out,
        "  {:>9}  of one that came back elsewhere with new totals before the rules ran",
        lost.unevaluated
    )?;
    writeln!(
        out,
        "  {:>9}  of a restart that no scrape could tell, the new totals being above the old",
        lost.hidden_restart
    )?;
    writeln!(out, "oldest gauge shown {:.3} intervals", total.gauge_age_max as f64 / 1e3)?;
    writeln!(out, "a dead agent's gauge shown for at most {} ms", total.dead_gauge_max.as_millis())?;
    writeln!(
        out,
        "back after the faults: median {} ms, longest {} ms",
        median.as_millis(),
        longest.as_millis()
    )?;
    writeln!(out, "violations 0, {:.1} s", report.wall.as_secs_f64())
}

fn tell_failure(out: &mut impl Write, failure: &Failure) -> io::Result<()> {
    for happening in &failure.trace {
        writeln!(out, "{happening}")?;
    }
    writeln!(out, "seed {}: {}", failure.seed, failure.violation)?;
    writeln!(out, "run it again: cpumon-sim --seed {} --trace", failure.seed)
}
