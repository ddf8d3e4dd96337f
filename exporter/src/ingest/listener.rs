//! Accepts connections until told to stop.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use cpumon_daemon::clock::Clock;
use cpumon_daemon::stop::{Drained, Stop, drain};
use cpumon_protocol::reject::{RejectReason, Rejection};
use cpumon_protocol::session::exporter;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::TaskTracker;

use super::admission::Admission;
use super::connection::{Connection, Desk};
use super::socket::Socket;
use crate::exposition::own::Refusal;
use crate::sockets::AcceptBackoff;

/// Serves agents on `listener` until `stop`; then every connection ends within `drain_limit`, each frame that was
/// answered being counted. No client's and no listener's error ends it earlier.
pub async fn serve(
    listener: TcpListener,
    desk: Arc<Desk>,
    clock: Clock,
    stop: Stop,
    drain_limit: Duration,
) -> Drained {
    let front = Front {
        admission: Admission::new(&desk.settings),
        desk,
        clock,
        stop,
        connections: TaskTracker::new(),
    };
    front.accept_until_stopped(&listener).await;
    drop(listener);
    drain(&front.connections, drain_limit).await
}

struct Front {
    desk: Arc<Desk>,
    clock: Clock,
    stop: Stop,
    admission: Arc<Admission>,
    connections: TaskTracker,
}

impl Front {
    async fn accept_until_stopped(&self, listener: &TcpListener) {
        let mut backoff = AcceptBackoff::default();
        loop {
            let accepted = tokio::select! {
                biased;
                () = self.stop.requested() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    backoff.succeeded();
                    self.admit(stream, peer);
                }
                Err(error) => {
                    let wait = backoff.after(&error);
                    if !wait.is_zero() {
                        self.refused(Refusal::Accept, None);
                    }
                    tokio::time::sleep(wait).await;
                }
            }
        }
    }

    fn admit(&self, stream: TcpStream, peer: SocketAddr) {
        match self.admission.admit(peer) {
            Ok((slot, eviction)) => {
                let now = self.clock.now().mono;
                let connection = Connection::new(slot.id(), peer, &self.desk.settings, now);
                let socket = Socket::new(stream, connection, Arc::clone(&self.desk), self.clock);
                let stop = self.stop.clone();
                self.connections.spawn(socket.serve(slot, eviction, stop));
            }
            Err(refusal) => {
                self.refused(refusal, Some(peer));
                turn_away(&stream);
            }
        }
    }

    fn refused(&self, refusal: Refusal, peer: Option<SocketAddr>) {
        self.desk.metrics.refuse_connection(refusal);
        self.desk.journal.refused(refusal, peer, self.clock.now().mono);
    }
}

/// Says why, if the kernel takes it at once; nobody waits for a stranger to read.
fn turn_away(stream: &TcpStream) {
    let mut answer = Vec::new();
    let full = Rejection::new(RejectReason::FleetFull, "too many connections; come back later");
    exporter::refuse(&full, Some(super::connection::RETRY_FULL), &mut answer);
    let _ = stream.try_write(&answer);
}
