//! What is known of an agent beyond its samples: totals of its cores, and what its machine is.
//!
//! They are many, so they travel only where the agent's user wants them on `/metrics`, or while somebody looks at
//! that agent. Who looks is a page, or whoever scrapes the agent under node_exporter's names.

use std::task::Waker;

use cpumon_protocol::limits::CORES_MAX;
use cpumon_protocol::model::{CoreTimes, Cores, Machine, Micros, Moment};
use cpumon_protocol::reject::{RejectReason, Rejection};

use super::{AgentView, ConnectionId, Fleet, Place};

/// How many intervals of the agent the first one who looks waits for the cores.
const PATIENCE_INTERVALS: u64 = 2;

/// Totals of the cores of an agent's last sample, and what its machine is.
#[derive(Debug, Default)]
pub struct Detail {
    /// The cores, if they came with the last sample.
    pub cores: Option<Cores>,
    /// The machine, once it was told.
    pub machine: Option<Box<Machine>>,
}

impl Detail {
    fn kept(&self) -> usize {
        self.cores.as_ref().map_or(0, |cores| cores.times.len())
    }
}

/// That somebody looks at an agent.
#[derive(Debug)]
pub(super) struct Look {
    /// When the first one began to.
    begun: Moment,
    /// Until when cores are asked for.
    until: Moment,
    /// Those who wait for them.
    waiting: Vec<Waker>,
}

/// What there is to be seen of an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looked {
    /// Nobody of that name is known.
    Unknown,
    /// It is gone.
    Gone,
    /// It is there. Its cores were asked for and may still come, until this moment at the latest.
    Waiting(Moment),
    /// It is there, with all that there is.
    There,
}

impl Fleet {
    /// Somebody looks at the agent `name`: from now on, and a while longer, it is asked for its cores. Whoever is told
    /// to wait and gives a `waker` is woken when they have come, or the agent has left; it is to look again then.
    pub fn look(&mut self, name: &str, now: Moment, waker: Option<&Waker>) -> Looked {
        let Some(agent) = self.by_name.get(name).and_then(|&index| self.agents.get_mut(index)) else {
            return Looked::Unknown;
        };
        let Some(life) = agent.life.as_deref().filter(|life| life.gone_since(&self.settings, now).is_none())
        else {
            return Looked::Gone;
        };
        let look =
            agent.look.get_or_insert_with(|| Box::new(Look { begun: now, until: now, waiting: Vec::new() }));
        if now > look.until {
            look.begun = now;
        }
        look.until = now.plus(self.settings.cores_linger);
        let patience = look.begun.plus(life.interval.saturating_mul(PATIENCE_INTERVALS));
        let has_all = life.run.is_none()
            || life.detail.as_ref().is_some_and(|detail| detail.cores.is_some() && detail.machine.is_some());
        if has_all || now >= patience {
            return Looked::There;
        }
        if let Some(waker) = waker
            && !look.waiting.iter().any(|known| known.will_wake(waker))
        {
            look.waiting.push(waker.clone());
        }
        Looked::Waiting(patience)
    }

    /// Whether somebody looks at the cores of the agent at `place`.
    pub fn wants_cores(&self, place: Place, now: Moment) -> bool {
        let look = self.agents.get(place.0).and_then(|agent| agent.look.as_ref());
        look.is_some_and(|look| now < look.until)
    }

    /// The cores that came with the last sample of the connection `conn`, whose agent stands at `place`; none came
    /// where there are none. Those of an earlier sample are known no more.
    ///
    /// # Errors
    ///
    /// When there is no room for them; the sample counts all the same.
    pub fn report_cores(
        &mut self,
        place: Place,
        conn: ConnectionId,
        cores: Option<Cores>,
    ) -> Result<(), Rejection> {
        let Some(agent) = self.agents.get_mut(place.0) else { return Ok(()) };
        let Some(life) = agent.life.as_deref_mut().filter(|life| life.holder == Some(conn)) else {
            return Ok(());
        };
        if cores.is_none() && life.detail.is_none() {
            return Ok(());
        }
        let detail = life.detail.get_or_insert_default();
        self.cores_kept = self.cores_kept.saturating_sub(detail.kept());
        detail.cores = None;
        let Some(mut cores) = cores else { return Ok(()) };
        if let Some(machine) = cores.machine.take() {
            detail.machine = Some(machine);
        }
        let most = CORES_MAX.min(self.settings.max_cores.saturating_sub(self.cores_kept));
        if cores.times.len() > most {
            return Err(no_room(self.settings.max_cores));
        }
        self.cores_kept += cores.times.len();
        detail.cores = Some(cores);
        if let Some(look) = &mut agent.look {
            look.wake();
        }
        Ok(())
    }

    /// Shows the agent `name` as it is at `now`, if it is known.
    pub fn show<T>(&self, name: &str, now: Moment, show: impl FnOnce(AgentView<'_>) -> T) -> Option<T> {
        let &index = self.by_name.get(name)?;
        Some(show(self.agents.get(index)?.view(index, &self.settings, self.started, now)))
    }

    /// Ends looks whose time is over, and counts the cores anew: lives end in many places.
    pub(super) fn sweep_details(&mut self, now: Moment) {
        self.cores_kept = 0;
        for (_, agent) in &mut self.agents {
            if agent.look.as_ref().is_some_and(|look| now >= look.until) {
                agent.look = None;
            }
            let detail = agent.life.as_ref().and_then(|life| life.detail.as_ref());
            self.cores_kept += detail.map_or(0, |detail| detail.kept());
        }
    }
}

impl Look {
    /// Wakes those who wait.
    pub(super) fn wake(&mut self) {
        self.waiting.drain(..).for_each(Waker::wake);
    }
}

impl<'a> AgentView<'a> {
    /// The totals of its cores, as long as its totals are shown, and only where its user wants them on `/metrics`.
    pub fn cores_for_all(&self) -> Option<&'a [CoreTimes]> {
        let cores = self.detail()?.cores.as_ref().filter(|cores| !cores.asked)?;
        Some(&cores.times)
    }

    /// What is known of its cores and its machine, as long as its totals are shown.
    pub fn detail(&self) -> Option<&'a Detail> {
        self.totals.and_then(|life| life.detail.as_deref())
    }

    /// How long ago it was last heard, while its totals are shown.
    pub fn age(&self, now: Moment) -> Option<Micros> {
        self.totals.map(|life| now.since(life.heard.at))
    }
}

fn no_room(most: usize) -> Rejection {
    Rejection::with(
        RejectReason::CoresFull,
        format!("the totals of {most} cores are kept here, and no more; raise EXPORTER_MAX_CORES"),
    )
}
