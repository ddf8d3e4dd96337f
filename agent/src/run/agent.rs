//! The loop: ticks, bytes and deadlines, one after the other in one task.
//!
//! In steady state it wakes up twice a second: for the tick, and for the answer.

use std::future::ready;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;

use cpumon_daemon::clock::Clock;
use cpumon_daemon::stop::Stop;
use cpumon_protocol::model::{Micros, Moment, Sample};
use tracing::error;

use crate::alarm::Alarm;
use crate::connection::{Connection, Happened, Resolver};
use crate::credential::{Credential, Shown};
use crate::health::LastTick;
use crate::link::rendezvous::Place;
use crate::link::{Action, Event, Failure, Link};
use crate::recorder::Recorder;
use crate::sampling::Source;
use crate::state::StateFile;
use crate::terminal::Terminal;
use crate::ticker::{Cadence, Ticker};

use super::details::Details;
use super::journal::Journal;

/// All parts of a running agent.
pub(super) struct Agent {
    pub(super) clock: Clock,
    pub(super) alarm: Alarm,
    pub(super) ticker: Ticker,
    pub(super) cadence: Cadence,
    pub(super) source: Box<dyn Source>,
    pub(super) recorder: Recorder,
    pub(super) state: Option<StateFile>,
    pub(super) details: Details,
    pub(super) link: Link,
    pub(super) resolver: Resolver,
    pub(super) connection: Connection,
    /// To an exporter that this agent prefers, until it takes the place of the other.
    pub(super) second: Connection,
    pub(super) credential: Credential,
    pub(super) terminal: Terminal,
    pub(super) journal: Journal,
    pub(super) last_tick: LastTick,
    /// Memory for what the link sends.
    pub(super) out: Vec<u8>,
}

impl Agent {
    /// Runs until `stop` is requested, then until bye is answered or `patience` is over.
    pub(super) async fn run(mut self, stop: Stop, patience: Micros) -> io::Result<()> {
        let mut requested = pin!(stop.requested());
        let mut stopping = false;
        while !(stopping && self.link.is_ended()) {
            if let Some(next) = self.next_wake_up(stopping) {
                self.alarm.set(next)?;
            }
            tokio::select! {
                () = &mut requested, if !stopping => {
                    stopping = true;
                    self.stop(patience);
                }
                rang = self.alarm.rang() => {
                    rang?;
                    self.take_what_came().await;
                    self.time_passed(stopping);
                }
                happened = self.connection.happened() => self.connection_happened(happened),
                happened = self.second.happened() => self.second_happened(happened),
                places = self.resolver.resolved() => self.resolved(places),
            }
            self.tell_events();
        }
        self.terminal.close("stopped");
        Ok(())
    }

    fn next_wake_up(&self, stopping: bool) -> Option<Moment> {
        let tick = (!stopping).then_some(self.ticker.next());
        [tick, self.link.deadline()].into_iter().flatten().min()
    }

    /// Takes what has come already. An answer that came in time counts, even if this process was paused, or kept
    /// from running, until the time for it was over.
    async fn take_what_came(&mut self) {
        tokio::select! {
            biased;
            happened = self.connection.happened() => self.connection_happened(happened),
            () = ready(()) => {}
        }
    }

    fn time_passed(&mut self, stopping: bool) {
        let now = self.clock.now().mono;
        if !stopping && self.ticker.take(now) {
            self.tick(now);
        }
        let action = self.link.expired(now, &mut self.out);
        self.act(action);
    }

    fn tick(&mut self, now: Moment) {
        self.last_tick.note(now);
        let reading = self.source.read();
        let boot_time = reading.as_ref().ok().and_then(|reading| reading.boot_time);
        let outcome = self.recorder.tick(now, reading);
        self.journal.changes(now, outcome.changes);
        match outcome.result {
            Ok(mut sample) => {
                let times = (self.clock.now().wall, boot_time);
                self.details.add(&mut sample, &mut self.recorder, &mut self.link, times);
                self.sampled(now, sample);
            }
            Err(_) => self.link.missed(),
        }
    }

    fn sampled(&mut self, now: Moment, sample: Sample) {
        // First kept, then told: what is kept must never be behind what an exporter knows.
        self.keep();
        let due = self.cadence.take(now);
        self.terminal.sample(sample.utilization);
        let action = self.link.tick(now, sample, due, &mut self.out);
        self.act(action);
        if !due {
            self.terminal.close("goes with the next frame");
        }
    }

    fn keep(&mut self) {
        if let Some(state) = &mut self.state
            && let Err(error) = state.save(self.recorder.kept())
        {
            let path = state.path().display().to_string();
            error!(path, "the histogram is no longer kept: {error}; a restart of the agent will begin anew");
            self.state = None;
        }
    }

    fn connection_happened(&mut self, happened: Happened) {
        let now = self.clock.now().mono;
        let action = match happened {
            Happened::Opened(peer) => {
                self.journal.opened(peer);
                self.show_token(now, peer);
                self.link.connected(now, &mut self.out)
            }
            Happened::Received(length) => {
                self.link.receive(now, self.connection.received(length), &mut self.out)
            }
            Happened::Failed(why) => self.link.failed(now, why),
        };
        self.act(action);
    }

    fn show_token(&mut self, now: Moment, peer: SocketAddr) {
        let token = match self.credential.for_peer(peer) {
            Shown::Token(token) => Some(token),
            Shown::Nothing => None,
            Shown::Withheld => {
                self.journal.withheld(now, peer);
                None
            }
        };
        self.link.show(token);
    }

    fn second_happened(&mut self, happened: Happened) {
        let now = self.clock.now().mono;
        let action = match happened {
            Happened::Opened(peer) => {
                self.show_token(now, peer);
                let action = self.link.second_connected(now, &mut self.out);
                self.second.send(&self.out);
                self.out.clear();
                action
            }
            Happened::Received(length) => {
                self.link.second_receive(now, self.second.received(length), &mut self.out)
            }
            Happened::Failed(why) => self.link.second_failed(now, why),
        };
        self.act(action);
    }

    fn resolved(&mut self, places: Result<Vec<Place>, Failure>) {
        let now = self.clock.now().mono;
        let action = self.link.resolved(now, places.as_deref().map_err(Clone::clone));
        self.act(action);
    }

    fn stop(&mut self, patience: Micros) {
        let now = self.clock.now().mono;
        self.keep();
        let action = self.link.stop(now, patience, &mut self.out);
        self.act(action);
    }

    /// Sends what the link has said, then does what it wants.
    fn act(&mut self, action: Action) {
        self.connection.send(&self.out);
        self.out.clear();
        match action {
            Action::None => {}
            Action::Resolve => self.resolver.start(),
            Action::Open(place) => self.connection.open(place),
            Action::OpenSecond(place) => self.second.open(place),
            Action::Close => {
                self.connection.close();
                self.close_second();
            }
            Action::CloseSecond => self.close_second(),
            Action::Switch => {
                std::mem::swap(&mut self.connection, &mut self.second);
                self.second.close();
                let action = self.link.switched(self.clock.now().mono, &mut self.out);
                self.act(action);
            }
        }
    }

    fn close_second(&mut self) {
        self.second.close();
        self.resolver.cancel();
    }

    fn tell_events(&mut self) {
        while let Some(event) = self.link.next_event() {
            match &event {
                Event::Acked { rtt } => self.terminal.answered(*rtt),
                // Its server takes the sample out of hello.
                Event::FellBack => self.terminal.close("answered"),
                Event::Lost { .. } | Event::Refused { .. } => self.terminal.close("no exporter"),
                Event::Welcome { .. } | Event::Moved { .. } | Event::Stayed { .. } => {}
            }
            self.journal.event(self.clock.now().mono, &event);
        }
    }
}
