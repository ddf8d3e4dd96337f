//! Stopping: the signals that ask for it, the token that carries it, the wait until all is done.

use std::{future::Future, io, time::Duration};

use tokio::time::Instant;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{info, warn};

/// For how long a further signal is taken for the same wish to stop.
const SAME_WISH: Duration = Duration::from_secs(1);

/// What tells every part of a program to come to its end. Clones share one state; once requested, a stop
/// stays requested.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    token: CancellationToken,
}

impl Stop {
    /// Asks every holder of this stop to end. Asking again changes nothing.
    pub fn request(&self) {
        self.token.cancel();
    }

    /// Whether the stop was requested.
    pub fn is_requested(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Ends when the stop is requested, at once when it already was. Can be dropped and asked for again.
    pub fn requested(&self) -> impl Future<Output = ()> + Send + 'static {
        self.token.clone().cancelled_owned()
    }

    /// The token underneath, for code that knows tokio and not this crate.
    pub fn token(&self) -> CancellationToken {
        self.token.clone()
    }

    /// A stop that is requested with this one, and can be requested alone.
    pub fn child(&self) -> Self {
        Self { token: self.token.child_token() }
    }

    /// From here on SIGTERM and SIGINT request this stop, and say so in the log. A signal more than
    /// a second later ends the process at once, with status 1. Within that second it is taken for the same wish: a
    /// terminal and `timeout` signal a whole process group, and so its members once more.
    ///
    /// Must be called on a tokio runtime.
    ///
    /// # Errors
    ///
    /// When the system refuses to deliver a signal.
    pub fn on_signals(&self) -> io::Result<()> {
        let mut signals = Signals::listen()?;
        let stop = self.clone();
        tokio::spawn(async move {
            let signal = signals.next().await;
            info!(signal, "stopping");
            stop.request();
            let asked = Instant::now();
            let mut signal = signals.next().await;
            while asked.elapsed() <= SAME_WISH {
                signal = signals.next().await;
            }
            warn!(signal, "ending at once: this is the second signal");
            std::process::exit(1)
        });
        Ok(())
    }
}

/// The signals that ask a program to stop.
#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// The name of the next signal.
    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// The signals that ask a program to stop: Ctrl-C is all that other systems have in common.
#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> &'static str {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        "Ctrl-C"
    }
}

/// How a drain ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Drained {
    /// Every task ended by itself.
    Complete,
    /// So many tasks were still running at the deadline.
    Left(usize),
}

/// Closes `tasks` and waits until all of them have ended, at most `within`. Tasks that are left keep running;
/// they end with the runtime.
pub async fn drain(tasks: &TaskTracker, within: Duration) -> Drained {
    tasks.close();
    match tokio::time::timeout(within, tasks.wait()).await {
        Ok(()) => Drained::Complete,
        Err(_) => Drained::Left(tasks.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_drain_waits_for_every_task() {
        let (stop, tasks) = (Stop::default(), TaskTracker::new());
        for delay in [0, 100, 4_999] {
            let requested = stop.requested();
            tasks.spawn(async move {
                requested.await;
                tokio::time::sleep(Duration::from_millis(delay)).await;
            });
        }
        stop.request();
        assert_eq!(drain(&tasks, Duration::from_secs(5)).await, Drained::Complete);
    }

    #[tokio::test(start_paused = true)]
    async fn a_drain_gives_up_at_its_deadline() {
        let tasks = TaskTracker::new();
        tasks.spawn(std::future::pending::<()>());
        tasks.spawn(std::future::ready(()));
        let before = Instant::now();
        assert_eq!(drain(&tasks, Duration::from_secs(5)).await, Drained::Left(1));
        assert_eq!(before.elapsed(), Duration::from_secs(5));
    }

    #[tokio::test]
    async fn a_child_stops_alone_or_with_its_parent() {
        let parent = Stop::default();
        let (one, other) = (parent.child(), parent.child());
        one.request();
        assert_eq!((parent.is_requested(), one.is_requested(), other.is_requested()), (false, true, false));
        parent.request();
        other.requested().await;
        assert!(other.is_requested());
    }
}
