//! Which cores a program and those that use it run on.
//!
//! On a machine of two, Linux may leave who sends, who is sent to and who is watched on one core, to take turns, and the
//! other idle. A server is used from other machines: with a core for itself it is measured as if it were.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// All cores of this thread, with one of them set apart. Gone, the thread runs on all of them again.
#[derive(Debug)]
pub(crate) struct Cores {
    all: CpuSet,
    one: CpuSet,
    others: CpuSet,
}

impl Cores {
    /// None where there is one alone.
    pub(crate) fn apart() -> anyhow::Result<Option<Self>> {
        let all = sched_getaffinity(None)?;
        let (mut one, mut others) = (CpuSet::new(), all);
        let Some(first) = (0..CpuSet::MAX_CPU).find(|&core| all.is_set(core)) else { return Ok(None) };
        one.set(first);
        others.unset(first);
        Ok((others.count() > 0).then_some(Self { all, one, others }))
    }

    /// Lets this thread run on one core, and what it starts from now on.
    pub(crate) fn take_one(&self) -> anyhow::Result<()> {
        Ok(sched_setaffinity(None, &self.one)?)
    }

    /// Lets this thread run on the others, and what it starts from now on.
    pub(crate) fn take_others(&self) -> anyhow::Result<()> {
        Ok(sched_setaffinity(None, &self.others)?)
    }
}

impl Drop for Cores {
    fn drop(&mut self) {
        // They were all allowed before.
        let _ = sched_setaffinity(None, &self.all);
    }
}
