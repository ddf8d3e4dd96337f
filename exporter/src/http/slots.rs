//! Who may be connected at once, and who makes room when all places are taken.
//!
//! A stranger who keeps every connection busy with nothing would keep the scraper and the health check out. So a new
//! connection takes the place of the one that has waited the longest for its client's next request: an honest client
//! sends its request at once, and one that rests between two scrapes loses a connection, not a scrape. When all are
//! being answered, who has been reading for longer than the crowded limit makes room, or else the address that has
//! the most. Only when none of these is there is the new one refused.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::lock;
use super::progress::{Progress, Standing};

/// How many connections that made room may still be ending. With more of them no new one is accepted, so that open
/// sockets stay bounded however fast strangers come; the others wait in the kernel's queue meanwhile. Where there are few
/// places there are few descriptors, so it is a quarter of the places at most.
const ENDING_MAX: usize = 32;

/// How long a connection is spared that has not asked yet, as long as another can make room: its request is on its
/// way. Without that, where all others are being answered, who comes next would throw out who came just now.
const JUST_CAME: Duration = Duration::from_millis(250);

/// The places of a server.
#[derive(Debug)]
pub(super) struct Slots {
    max: usize,
    /// How long an answer may take while all places are taken.
    crowded_limit: Duration,
    table: Mutex<Table>,
    /// Told when a connection that made room has ended.
    ended: Notify,
}

#[derive(Debug, Default)]
struct Table {
    next: u64,
    holders: BTreeMap<u64, Holder>,
    /// Connections that were told to make room and have not ended yet.
    ending: usize,
}

#[derive(Debug)]
struct Holder {
    address: IpAddr,
    progress: Arc<Progress>,
    evicted: CancellationToken,
}

impl Slots {
    /// `max` places, at least one.
    pub(super) fn new(max: usize, crowded_limit: Duration) -> Arc<Self> {
        Arc::new(Self { max: max.max(1), crowded_limit, table: Mutex::default(), ended: Notify::new() })
    }

    /// A place for a connection from `peer` that comes `now`, if need be another's; none when all others are busy.
    pub(super) fn take(
        self: &Arc<Self>,
        peer: SocketAddr,
        progress: Arc<Progress>,
        now: Instant,
    ) -> Option<Slot> {
        let address = peer.ip().to_canonical();
        let mut table = lock(&self.table);
        if table.holders.len() >= self.max {
            let victim = table.victim(address, now, self.crowded_limit)?;
            if let Some(holder) = table.holders.remove(&victim) {
                holder.evicted.cancel();
                table.ending += 1;
            }
        }
        let id = table.next;
        table.next += 1;
        let evicted = CancellationToken::new();
        table.holders.insert(id, Holder { address, progress, evicted: evicted.clone() });
        Some(Slot { slots: Arc::clone(self), id, number: table.holders.len(), evicted })
    }
}

impl Slots {
    /// Waits until few enough are ending for another one to be accepted.
    pub(super) async fn calm(&self) {
        loop {
            // It is told to whoever waits already, so the wait begins before the look.
            let ended = self.ended.notified();
            if lock(&self.table).ending < (self.max / 4).clamp(1, ENDING_MAX) {
                return;
            }
            ended.await;
        }
    }
}

impl Table {
    /// Whose place somebody from `newcomer` gets. It looks at all of them: that takes microseconds, and only then.
    fn victim(&self, newcomer: IpAddr, now: Instant, crowded_limit: Duration) -> Option<u64> {
        let mut waiting: Option<(Instant, u64)> = None;
        let mut answering: Option<(Instant, u64)> = None;
        for (&id, holder) in &self.holders {
            let (longest, since) = match holder.progress.standing() {
                Standing::Waiting { since } => (&mut waiting, since),
                Standing::Answering { since } => (&mut answering, since),
            };
            if longest.is_none_or(|known| (since, id) < known) {
                *longest = Some((since, id));
            }
        }
        let lasts = |limit: Duration| {
            move |(since, _): &(Instant, u64)| now.saturating_duration_since(*since) >= limit
        };
        waiting
            .filter(lasts(JUST_CAME))
            .or(answering.filter(lasts(crowded_limit)))
            .or_else(|| self.longest_of_the_busiest(newcomer))
            .or(waiting)
            .map(|(_, id)| id)
    }

    /// The longest connection of the address that has the most of them, if `newcomer` has fewer by more than one.
    fn longest_of_the_busiest(&self, newcomer: IpAddr) -> Option<(Instant, u64)> {
        let mut by_address: BTreeMap<IpAddr, (usize, (Instant, u64))> = BTreeMap::new();
        for (&id, holder) in &self.holders {
            let (Standing::Waiting { since } | Standing::Answering { since }) = holder.progress.standing();
            let (count, longest) = by_address.entry(holder.address).or_insert((0, (since, id)));
            *count += 1;
            *longest = (since, id).min(*longest);
        }
        let mine = by_address.get(&newcomer).map_or(0, |(count, _)| *count);
        let busiest = by_address.into_values().max_by_key(|(count, (since, _))| (*count, *since));
        busiest.filter(|(count, _)| *count > mine + 1).map(|(_, longest)| longest)
    }
}

/// One connection's place; free again when dropped.
#[derive(Debug)]
pub(super) struct Slot {
    slots: Arc<Slots>,
    id: u64,
    number: usize,
    evicted: CancellationToken,
}

impl Slot {
    /// How many connections there were when it was taken, this one included.
    pub(super) fn number(&self) -> usize {
        self.number
    }

    /// Cancelled when the connection has to make room for another.
    pub(super) fn evicted(&self) -> &CancellationToken {
        &self.evicted
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut table = lock(&self.slots.table);
        if table.holders.remove(&self.id).is_none() {
            table.ending -= 1;
            self.slots.ended.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::progress::Limits;
    use super::*;

    const CROWDED: Duration = Duration::from_secs(5);

    /// Places, and a clock that the test turns.
    struct Stage {
        slots: Arc<Slots>,
        now: Instant,
        taken: Vec<(Option<Slot>, Arc<Progress>)>,
    }

    impl Stage {
        fn new(max: usize) -> Self {
            Self { slots: Slots::new(max, CROWDED), now: Instant::now(), taken: Vec::new() }
        }

        /// Somebody comes a little later; says whether there was a place.
        fn comes(&mut self, host: u8) -> bool {
            self.now += Duration::from_millis(50);
            let limit = Duration::from_secs(60);
            let limits = Limits { first_request: limit, head: limit, response: limit };
            let progress = Arc::new(Progress::new(limits, self.now));
            let peer = SocketAddr::from(([10, 0, 0, host], 1));
            let slot = self.slots.take(peer, Arc::clone(&progress), self.now);
            let is_in = slot.is_some();
            self.taken.push((slot, progress));
            is_in
        }

        fn asks(&mut self, index: usize) {
            self.taken[index].1.request_began(self.now);
        }

        fn evicted(&self) -> Vec<usize> {
            let is_evicted =
                |slot: &Option<Slot>| slot.as_ref().is_some_and(|slot| slot.evicted().is_cancelled());
            (0..self.taken.len()).filter(|index| is_evicted(&self.taken[*index].0)).collect()
        }
    }

    #[test]
    fn who_has_waited_the_longest_makes_room() {
        let mut stage = Stage::new(3);
        assert!((1..=3).all(|host| stage.comes(host)));
        stage.asks(0);
        assert!(stage.comes(4));
        assert_eq!(stage.evicted(), [1], "the first is being answered");
        assert!(stage.comes(4));
        assert_eq!(stage.evicted(), [1, 2]);
        // It stays so: whoever comes takes the place of the one before the one before.
        assert!((0..40).all(|_| stage.comes(9)));
        assert!(!stage.evicted().contains(&0));
    }

    #[test]
    fn who_came_just_now_is_spared_while_others_can_make_room() {
        let mut stage = Stage::new(3);
        for index in 0..2 {
            assert!(stage.comes(1));
            stage.asks(index);
        }
        assert!(stage.comes(2));
        // Its request is on its way; the address that has most of them is another.
        assert!(stage.comes(3));
        assert_eq!(stage.evicted(), [0]);
    }

    #[test]
    fn who_reads_slowly_makes_room_when_nobody_waits() {
        let mut stage = Stage::new(2);
        for index in 0..2 {
            assert!(stage.comes(1));
            stage.asks(index);
        }
        assert!(!stage.comes(1), "both are being answered, from the same address");
        stage.now += CROWDED;
        assert!(stage.comes(1));
        assert_eq!(stage.evicted(), [0]);
    }

    #[test]
    fn an_address_that_has_most_of_them_makes_room_for_others() {
        let mut stage = Stage::new(4);
        for index in 0..4 {
            assert!(stage.comes(1));
            stage.asks(index);
        }
        stage.taken.remove(3);
        assert!(stage.comes(2));
        stage.asks(3);
        assert!(!stage.comes(1));
        assert!(stage.comes(3));
        assert_eq!(stage.evicted(), [0]);
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_make_room_are_bounded_until_they_have_ended() {
        let mut stage = Stage::new(4 * ENDING_MAX);
        let is_calm = async |slots: &Slots| tokio::time::timeout(CROWDED, slots.calm()).await.is_ok();
        for _ in 0..5 * ENDING_MAX {
            assert!(is_calm(&stage.slots).await);
            assert!(stage.comes(1));
        }
        assert!(!is_calm(&stage.slots).await);
        let (calm, ()) = tokio::join!(is_calm(&stage.slots), async { drop(stage.taken.remove(0)) });
        assert!(calm, "one has ended meanwhile");
        stage.taken.clear();
        assert_eq!(lock(&stage.slots.table).ending, 0);
        assert!(lock(&stage.slots.table).holders.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn where_there_are_few_places_few_are_ending() {
        let mut stage = Stage::new(8);
        for _ in 0..10 {
            assert!(stage.comes(1));
        }
        assert!(tokio::time::timeout(CROWDED, stage.slots.calm()).await.is_err());
    }
}
