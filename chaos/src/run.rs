//! The run itself: threads that keep the machines going, watch, and strike.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::fault::{AGENTS, Fault, Kind, Victim};
use crate::http::Client;
use crate::machine;
use crate::page::Page;
use crate::plan::Plan;
use crate::shown::agent_name;
use crate::stack::{Rule, Stack};
use crate::stage::Bell;
use crate::world::World;

/// How often the exporter's page is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// How long a thread may sleep before it looks whether the run goes on.
const NAP: Duration = Duration::from_millis(100);

/// The longest wait for all agents to be taken, at the start and after the last fault.
const WHOLE_MAX: Duration = Duration::from_secs(90);

/// What the threads share.
#[derive(Debug)]
pub struct Run<'a> {
    stack: &'a Stack,
    world: Mutex<World>,
    client: Client,
    begun: Instant,
    is_over: AtomicBool,
    /// What ended the run early.
    failure: Mutex<Option<anyhow::Error>>,
    /// Where the exporter is, unless it is being moved.
    exporter: Mutex<Option<SocketAddr>>,
    /// How many addresses the exporter has had.
    addresses: AtomicU8,
}

impl<'a> Run<'a> {
    /// A run that has not begun, of a world in which nothing has happened.
    pub fn new(stack: &'a Stack, world: World) -> Self {
        Self {
            stack,
            world: Mutex::new(world),
            client: Client::default(),
            begun: Instant::now(),
            is_over: AtomicBool::new(false),
            failure: Mutex::new(None),
            exporter: Mutex::new(None),
            addresses: AtomicU8::new(1),
        }
    }

    /// Brings the stack up, strikes as planned, waits until all is well again, and ends the agents. `then` is
    /// called after that, while the world is still being watched.
    ///
    /// # Errors
    ///
    /// When the tools fail, or agents do not come back. What is untrue is no error but in the world.
    pub fn carry_out<T>(
        &self,
        plan: &Plan,
        bell: &Bell,
        then: impl FnOnce(&Self) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        thread::scope(|scope| {
            scope.spawn(|| self.until_over(|| self.machines_go_on()));
            scope.spawn(|| self.until_over(|| self.take_reads(bell)));
            scope.spawn(|| self.until_over(|| self.look()));
            let result = self.strike_all(plan).and_then(|()| then(self));
            self.is_over.store(true, Ordering::Relaxed);
            match lock(&self.failure).take() {
                Some(failure) => Err(failure),
                None => result,
            }
        })
    }

    /// The world as it is now.
    pub fn world(&self) -> MutexGuard<'_, World> {
        lock(&self.world)
    }

    /// The world in the end.
    pub fn into_world(self) -> World {
        self.world.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn strike_all(&self, plan: &Plan) -> anyhow::Result<()> {
        let services = ["exporter".to_owned(), "prometheus".to_owned()];
        self.tell("starting the stack");
        self.stack.bring_up(&[services.to_vec(), (0..AGENTS).map(agent_name).collect()].concat())?;
        self.find_exporter()?;
        self.wait_until_whole().context("before the first fault")?;
        self.tell(&format!("{} faults in about {} s", plan.faults.len(), plan.length().as_secs()));

        let start = Instant::now();
        thread::scope(|scope| {
            let victims = (0..AGENTS).map(Victim::Agent).chain([Victim::Exporter, Victim::Prometheus]);
            for victim in victims {
                scope.spawn(move || {
                    self.unless_it_fails(plan.of(victim).try_for_each(|fault| self.strike(fault, start)));
                });
            }
        });
        if self.is_over.load(Ordering::Relaxed) {
            bail!("ended early");
        }

        self.tell("the last fault is over");
        self.wait_until_whole().context("after the last fault")?;
        self.tell("all agents are well; stopping them");
        self.world().the_end_begins(Instant::now());
        (0..AGENTS).try_for_each(|agent| self.end_agent(agent, false))
    }

    fn strike(&self, fault: Fault, start: Instant) -> anyhow::Result<()> {
        self.sleep_until(start + fault.due)?;
        self.tell(&fault.to_string());
        let number = self.world().fault_begins(fault, Instant::now());
        self.begin(fault)?;
        self.sleep_until(Instant::now() + fault.span)?;
        self.end(fault)?;
        self.world().fault_is_over(number, Instant::now());
        self.tell(&format!("over: {} ({})", fault.kind.label(), fault.victim));
        Ok(())
    }

    fn begin(&self, fault: Fault) -> anyhow::Result<()> {
        let (stack, service) = (self.stack, fault.victim.to_string());
        match (fault.kind, fault.victim) {
            (Kind::Kill, Victim::Agent(agent)) => self.end_agent(agent, true),
            (Kind::Restart | Kind::Stop, Victim::Agent(agent)) => self.end_agent(agent, false),
            (Kind::Pause | Kind::ExporterPause, _) => stack.pause(&service),
            (Kind::Unplug, _) => stack.unplug(&service),
            (Kind::DropSent, _) => stack.firewall(&service, Rule::DropSent, true),
            (Kind::DropReceived, _) => stack.firewall(&service, Rule::DropReceived, true),
            (Kind::Reset, _) => stack.firewall(&service, Rule::Reset, true),
            (Kind::ExporterKill | Kind::ExporterMove, _) => stack.kill(&service),
            (Kind::PrometheusRestart, _) => stack.stop(&service),
            (Kind::Kill | Kind::Restart | Kind::Stop, victim) => bail!("{victim} is no agent"),
        }
    }

    fn end(&self, fault: Fault) -> anyhow::Result<()> {
        let (stack, service) = (self.stack, fault.victim.to_string());
        match fault.kind {
            Kind::Kill | Kind::Restart | Kind::Stop | Kind::PrometheusRestart => stack.start(&service),
            Kind::Pause | Kind::ExporterPause => stack.unpause(&service),
            Kind::Unplug => stack.plug(&service),
            Kind::DropSent => stack.firewall(&service, Rule::DropSent, false),
            Kind::DropReceived => stack.firewall(&service, Rule::DropReceived, false),
            Kind::Reset => stack.firewall(&service, Rule::Reset, false),
            Kind::ExporterKill => stack.start(&service).and_then(|()| self.find_exporter()),
            Kind::ExporterMove => {
                let number = self.addresses.fetch_add(1, Ordering::Relaxed) + 1;
                stack.recreate_exporter(number).and_then(|()| self.find_exporter())
            }
        }
    }

    fn end_agent(&self, agent: usize, kill: bool) -> anyhow::Result<()> {
        let service = agent_name(agent);
        if kill {
            self.stack.kill(&service)?
        } else {
            self.stack.stop(&service)?
        }
        Ok(self.world().process_ended(agent, kill, Instant::now())?)
    }

    fn find_exporter(&self) -> anyhow::Result<()> {
        let address = self.stack.exporter_metrics()?;
        *lock(&self.exporter) = Some(address);
        Ok(())
    }

    fn wait_until_whole(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + WHOLE_MAX;
        while !self.world().is_whole() {
            if Instant::now() > deadline {
                bail!("not every agent was taken within {WHOLE_MAX:?}");
            }
            self.sleep_until(Instant::now() + NAP)?;
        }
        Ok(())
    }

    fn machines_go_on(&self) -> anyhow::Result<()> {
        thread::sleep(machine::STEP);
        self.world().step_machines().context("cannot write /proc/stat")
    }

    fn take_reads(&self, bell: &Bell) -> anyhow::Result<()> {
        bell.wait(NAP)?;
        self.world().take_reads(Instant::now()).context("cannot tell what agents read")
    }

    fn look(&self) -> anyhow::Result<()> {
        let asked = Instant::now();
        let exporter = *lock(&self.exporter);
        // An exporter that is struck does not answer; the faults are told elsewhere.
        if let Some(text) = exporter.and_then(|exporter| self.client.get(exporter, "/metrics", &[]).ok()) {
            let page = Page::read(&text);
            let mut world = self.world();
            let before = world.violations.len();
            world.look(&page, asked, Instant::now())?;
            for violation in &world.violations[before..] {
                self.tell(&format!("VIOLATION {}: {}", violation.of, violation.what));
            }
        }
        thread::sleep(LOOK.saturating_sub(asked.elapsed()));
        Ok(())
    }

    fn until_over(&self, mut work: impl FnMut() -> anyhow::Result<()>) {
        while !self.is_over.load(Ordering::Relaxed) {
            self.unless_it_fails(work());
        }
    }

    /// The first failure of a thread ends the run.
    fn unless_it_fails(&self, result: anyhow::Result<()>) {
        if let Err(error) = result {
            lock(&self.failure).get_or_insert(error);
            self.is_over.store(true, Ordering::Relaxed);
        }
    }

    fn sleep_until(&self, moment: Instant) -> anyhow::Result<()> {
        while Instant::now() < moment {
            if self.is_over.load(Ordering::Relaxed) {
                bail!("ended early");
            }
            thread::sleep(NAP.min(moment.saturating_duration_since(Instant::now())));
        }
        Ok(())
    }

    fn tell(&self, what: &str) {
        // Nobody has to listen.
        let _ = writeln!(io::stderr(), "{:7.1} s  {what}", self.begun.elapsed().as_secs_f64());
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
