//! What happens, one thing after the other, and what came of it.

use anyhow::ensure;
use cpumon_protocol::model::Micros;

use super::crowd::Crowd;
use super::desk::Presence;
use super::report::{Before, Figures};

/// The longest wait for all to be answered again.
const PATIENCE: Micros = Micros::from_secs(600);

/// What passes after the longest time between two looks until everybody has to be where it wants to be.
const MARGIN: Micros = Micros::from_secs(30);

/// What the time is called in which everybody looks.
const LOOKED: &str = "... and all have looked";

/// How long all exporters are down when all are restarted.
const DOWN: Micros = Micros::from_secs(10);

/// How many of whom there are.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Agents.
    pub agents: usize,
    /// Exporters, at least 3.
    pub exporters: usize,
    /// How many hellos an exporter answers in a second.
    pub hellos_per_second: u32,
    /// The longest time between two looks for a better exporter (`AGENT_LOOK_INTERVAL`).
    pub look_interval: Micros,
    /// What random numbers are drawn from.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            agents: 100_000,
            exporters: 10,
            hellos_per_second: 1_000,
            look_interval: Micros::from_secs(5 * 60),
            seed: 1,
        }
    }
}

/// Who is concerned by what happens.
#[derive(Clone, Copy, Debug)]
enum Concerned {
    /// One exporter.
    One(usize),
    /// Every third.
    Third,
    /// All.
    All,
}

impl Concerned {
    fn includes(self, desk: usize) -> bool {
        match self {
            Self::One(one) => desk == one,
            Self::Third => desk.is_multiple_of(3),
            Self::All => true,
        }
    }
}

/// Plays it all, and tells the figures of each happening as soon as it is over.
///
/// # Errors
///
/// When an invariant does not hold: agents that do not come back in ten minutes, that are not where they prefer to be once
/// everybody has looked, that leave the one that they prefer without need, or that are shown by two
/// exporters at once.
pub fn run(settings: &Settings, tell: impl FnMut(&Figures)) -> anyhow::Result<()> {
    ensure!(
        settings.agents > 0 && settings.exporters >= 3,
        "there have to be agents, and 3 exporters at least"
    );
    let mut play = Play { crowd: Crowd::new(settings), look_interval: settings.look_interval, tell };
    let added = settings.exporters;
    play.until_all_are_answered("all agents start within a second", Concerned::All, |_| {})?;
    // Who found its exporter crowded is elsewhere for now.
    play.until_all_have_looked(LOOKED, Concerned::All, |_| {})?;
    play.gone_and_back("an exporter is killed", Concerned::One(0), Presence::Refusing)?;
    play.gone_and_back("an exporter's machine falls silent", Concerned::One(1), Presence::Silent)?;
    play.until_all_have_looked("an exporter is added", Concerned::One(added), |crowd| {
        crowd.bring_back(added);
        crowd.list();
    })?;
    play.until_all_are_answered("it is taken away for good", Concerned::One(added), |crowd| {
        crowd.desks[added].is_listed = false;
        crowd.list();
        crowd.take_away(added, Presence::Refusing);
    })?;
    play.gone_and_back("every third exporter is killed", Concerned::Third, Presence::Refusing)?;
    play.restart_of_all()
}

/// The agents and exporters while it is played.
struct Play<T> {
    crowd: Crowd,
    look_interval: Micros,
    tell: T,
}

impl<T: FnMut(&Figures)> Play<T> {
    fn gone_and_back(&mut self, name: &str, who: Concerned, presence: Presence) -> anyhow::Result<()> {
        self.until_all_are_answered(name, who, |crowd| {
            concerned(crowd, who).into_iter().for_each(|desk| crowd.take_away(desk, presence));
        })?;
        self.until_all_have_looked("... and back", who, |crowd| {
            concerned(crowd, who).into_iter().for_each(|desk| crowd.bring_back(desk));
        })
    }

    fn restart_of_all(&mut self) -> anyhow::Result<()> {
        let all = concerned(&self.crowd, Concerned::All);
        let before = Before::of(&self.crowd);
        all.iter().for_each(|desk| self.crowd.take_away(*desk, Presence::Refusing));
        let back = self.crowd.now.plus(DOWN);
        self.crowd.run(back, |_| false);
        self.crowd.begin();
        all.iter().for_each(|desk| self.crowd.bring_back(*desk));
        self.wait_for_answers()?;
        self.conclude("all are back after 10 s in which none was there", Concerned::All, &before)?;
        self.until_all_have_looked(LOOKED, Concerned::All, |_| {})
    }

    /// It happens, and time passes until every agent is being answered.
    fn until_all_are_answered(
        &mut self,
        name: &str,
        who: Concerned,
        happens: impl FnOnce(&mut Crowd),
    ) -> anyhow::Result<()> {
        self.until(name, who, happens, Self::wait_for_answers)
    }

    /// It happens, and time passes until every agent has looked for a better exporter.
    fn until_all_have_looked(
        &mut self,
        name: &str,
        who: Concerned,
        happens: impl FnOnce(&mut Crowd),
    ) -> anyhow::Result<()> {
        self.until(name, who, happens, |play| play.wait_for_looks(name))
    }

    fn until(
        &mut self,
        name: &str,
        who: Concerned,
        happens: impl FnOnce(&mut Crowd),
        wait: impl FnOnce(&mut Self) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let before = Before::of(&self.crowd);
        self.crowd.begin();
        happens(&mut self.crowd);
        wait(self)?;
        self.conclude(name, who, &before)
    }

    fn wait_for_answers(&mut self) -> anyhow::Result<()> {
        let until = self.crowd.now.plus(PATIENCE);
        self.crowd.run(until, |crowd| crowd.unsettled == 0);
        ensure!(self.crowd.unsettled == 0, "{} agents are not back after 10 minutes", self.crowd.unsettled);
        Ok(())
    }

    fn wait_for_looks(&mut self, name: &str) -> anyhow::Result<()> {
        let until = self.crowd.now.plus(self.look_interval).plus(MARGIN);
        self.crowd.run(until, |_| false);
        let misplaced = self.crowd.misplaced();
        ensure!(misplaced == 0, "{name}: {misplaced} agents are not at the exporter that they prefer");
        Ok(())
    }

    fn conclude(&mut self, name: &str, who: Concerned, before: &Before) -> anyhow::Result<()> {
        let figures = Figures::of(name, &self.crowd, before, |desk| who.includes(desk));
        (self.tell)(&figures);
        let (needless, twice) = (figures.needless, figures.shown_twice);
        ensure!(
            needless == 0,
            "{name}: {needless} agents left the exporter that they prefer, though it was there"
        );
        ensure!(twice == 0, "{name}: {twice} samples came while another exporter showed their agent");
        Ok(())
    }
}

fn concerned(crowd: &Crowd, who: Concerned) -> Vec<usize> {
    (0..crowd.desks.len()).filter(|desk| crowd.desks[*desk].is_listed && who.includes(*desk)).collect()
}
