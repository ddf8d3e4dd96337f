//! A limit on how often the same thing is logged.

use cpumon_protocol::model::{Micros, Moment};

/// Lets one event a kind through in each span of time, and counts those that it keeps back.
///
/// A kind is a value of a small closed set (an enum, a `&'static str`): what a peer sent is never one, as each
/// kind takes memory for good.
///
/// ```
/// # use cpumon_daemon::logs::Limited;
/// # use cpumon_protocol::model::{Micros, Moment};
/// # let now = Moment(0);
/// # let mut rejects = Limited::new(Micros::from_secs(1));
/// if let Some(left_out) = rejects.pass("oversize", now) {
///     tracing::warn!(left_out, "rejected an oversize frame");
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Limited<K> {
    every: Micros,
    kinds: Vec<Kind<K>>,
}

#[derive(Clone, Debug)]
struct Kind<K> {
    kind: K,
    next: Moment,
    left_out: u64,
}

impl<K: PartialEq> Limited<K> {
    /// At most one event a kind in each `every`.
    pub const fn new(every: Micros) -> Self {
        Self { every, kinds: Vec::new() }
    }

    /// Whether an event of this kind may be logged now: if so, how many were kept back since the last one
    /// that was.
    pub fn pass(&mut self, kind: K, now: Moment) -> Option<u64> {
        let next = now.plus(self.every);
        let Some(known) = self.kinds.iter_mut().find(|known| known.kind == kind) else {
            self.kinds.push(Kind { kind, next, left_out: 0 });
            return Some(0);
        };
        if now < known.next {
            known.left_out = known.left_out.saturating_add(1);
            return None;
        }
        known.next = next;
        Some(std::mem::take(&mut known.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_each_kind_passes_and_the_rest_is_counted() {
        let mut limited = Limited::new(Micros::from_secs(1));
        for (millis, kind, expected) in [
            (0, "a", Some(0)),
            (0, "a", None),
            (500, "b", Some(0)),
            (999, "a", None),
            (1_000, "a", Some(2)),
            (1_499, "b", None),
            (1_999, "a", None),
            (60_000, "a", Some(1)),
            (60_000, "b", Some(1)),
        ] {
            let now = Moment(millis * 1_000);
            assert_eq!(limited.pass(kind, now), expected, "{kind} at {millis} ms");
        }
    }
}
