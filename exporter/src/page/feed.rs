//! Looks at the fleet for those who have the page open.

use std::sync::Arc;

use cpumon_daemon::clock::Clock;
use cpumon_protocol::model::Now;

use super::encode::{self, About};
use super::roll::Roll;
use crate::http::Feed;
use crate::ingest::Desk;

/// What pages are told of the fleet. It lives while one is open.
#[derive(Debug)]
pub(crate) struct FleetFeed {
    desk: Arc<Desk>,
    clock: Clock,
    about: About,
    roll: Roll,
    looked: Now,
}

impl FleetFeed {
    /// Begins with a look at the fleet.
    pub(crate) fn new(desk: Arc<Desk>, clock: Clock, about: About) -> Self {
        let mut feed = Self { desk, clock, about, roll: Roll::default(), looked: Now::default() };
        feed.look();
        feed
    }

    fn look(&mut self) {
        self.looked = self.clock.now();
        self.roll.look(&self.desk.fleet, self.looked);
    }
}

impl Feed for FleetFeed {
    fn whole(&self, out: &mut Vec<u8>) {
        encode::whole(&self.roll, self.looked, &self.about, out);
    }

    fn next(&mut self, out: &mut Vec<u8>) {
        self.look();
        encode::second(&self.roll, self.looked, out);
    }
}
