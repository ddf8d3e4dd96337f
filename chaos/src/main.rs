//! `cpumon-chaos`: the program.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Context;
use cpumon_chaos::findings::Findings;
use cpumon_chaos::judge::judge;
use cpumon_chaos::options::{HELP, Options, Request};
use cpumon_chaos::plan::Plan;
use cpumon_chaos::report::Report;
use cpumon_chaos::run::Run;
use cpumon_chaos::stack::Stack;
use cpumon_chaos::stage::Stage;
use cpumon_chaos::tally::Clock;
use cpumon_chaos::truth;
use cpumon_chaos::world::World;

fn main() -> ExitCode {
    let outcome = match Request::parse(std::env::args_os().skip(1)) {
        Ok(Request::Help) => print(HELP).map(|()| ExitCode::SUCCESS),
        Ok(Request::Plan(options)) => print_plan(&options).map(|()| ExitCode::SUCCESS),
        Ok(Request::Run(options)) => run(&options).and_then(|report| {
            print(&report.to_string())?;
            Ok(if report.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }),
        Err(error) => {
            let _ = writeln!(io::stderr(), "cpumon-chaos: {error}");
            return ExitCode::from(64);
        }
    };
    outcome.unwrap_or_else(|error| {
        let _ = writeln!(io::stderr(), "cpumon-chaos: {error:#}");
        ExitCode::FAILURE
    })
}

fn run(options: &Options) -> anyhow::Result<Report> {
    let plan = Plan::draw(options.seed, options.faults);
    let stack = Stack { project: options.project.clone(), subnet: options.subnet.clone() };
    let stage = Stage::new(&options.directory)?;
    let bell = stage.bell()?;
    let clock = Clock::now();
    let run = Run::new(&stack, World::new(stage, options.seed)?);
    let findings = run.carry_out(&plan, &bell, |run| Findings::gather(run, &stack, clock.start()));
    let world = run.into_world();
    if let Some(path) = &options.truth {
        truth::write(&world, clock.instant(), path)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(judge(world, &plan, &findings?, &clock))
}

fn print_plan(options: &Options) -> anyhow::Result<()> {
    let plan = Plan::draw(options.seed, options.faults);
    plan.faults.iter().try_for_each(|fault| print(&format!("{fault}\n")))
}

fn print(text: &str) -> anyhow::Result<()> {
    Ok(io::stdout().write_all(text.as_bytes())?)
}
