//! Accepts connections until told to stop.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use cpumon_daemon::clock::Clock;
use cpumon_daemon::stop::{Drained, Stop, drain};
use cpumon_daemon::tls::ServerTls;
use cpumon_protocol::reject::{RejectReason, Rejection};
use cpumon_protocol::session::exporter;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout_at;
use tokio_util::task::TaskTracker;

use super::admission::{Admission, Eviction, Slot};
use super::connection::{Connection, Desk};
use super::socket::Socket;
use super::tls::Handshakes;
use crate::exposition::own::Refusal;
use crate::sockets::AcceptBackoff;

/// Where connections come in. They belong to no runtime: to the one that serves them.
#[derive(Debug)]
pub struct Doors {
    plain: std::net::TcpListener,
    tls: Option<(std::net::TcpListener, Arc<ServerTls>)>,
}

impl Doors {
    /// Connections come in as they are at `plain`, and over TLS at the listener that is given with it.
    ///
    /// # Errors
    ///
    /// When a listener cannot be taken off the runtime that it was bound on, which it has no reason for.
    pub fn new(plain: TcpListener, tls: Option<(TcpListener, Arc<ServerTls>)>) -> io::Result<Self> {
        Ok(Self {
            plain: plain.into_std()?,
            tls: tls.map(|(listener, tls)| Ok::<_, io::Error>((listener.into_std()?, tls))).transpose()?,
        })
    }
}

/// Serves agents at `doors` until `stop`; then every connection ends within `drain_limit`, each frame that was
/// answered being counted. No client's error ends it earlier, and no error of a listener that serves already.
///
/// # Errors
///
/// When the runtime cannot wait for the listeners.
pub async fn serve(
    doors: Doors,
    desk: Arc<Desk>,
    clock: Clock,
    stop: Stop,
    drain_limit: Duration,
) -> io::Result<Drained> {
    let plain = TcpListener::from_std(doors.plain)?;
    let tls = doors
        .tls
        .map(|(listener, tls)| Ok::<_, io::Error>((TcpListener::from_std(listener)?, tls)))
        .transpose()?;
    let front = Front {
        admission: Admission::new(&desk.settings),
        desk,
        clock,
        stop,
        connections: TaskTracker::new(),
    };
    tokio::join!(front.accept_until_stopped(&plain, None), async {
        if let Some((listener, tls)) = &tls {
            let handshakes = Handshakes::new(Arc::clone(tls), front.desk.settings.max_tls_handshakes);
            front.accept_until_stopped(listener, Some(&handshakes)).await;
        }
    });
    drop((plain, tls));
    Ok(drain(&front.connections, drain_limit).await)
}

struct Front {
    desk: Arc<Desk>,
    clock: Clock,
    stop: Stop,
    admission: Arc<Admission>,
    connections: TaskTracker,
}

impl Front {
    async fn accept_until_stopped(&self, listener: &TcpListener, tls: Option<&Handshakes>) {
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
                    self.admit(stream, peer, tls);
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

    fn admit(&self, stream: TcpStream, peer: SocketAddr, tls: Option<&Handshakes>) {
        match self.admission.admit(peer) {
            Ok((slot, eviction)) => {
                let now = self.clock.now().mono;
                let connection = Connection::new(slot.id(), peer, &self.desk.settings, now);
                let (desk, clock, stop) = (Arc::clone(&self.desk), self.clock, self.stop.clone());
                if let Some(handshakes) = tls {
                    let connections = self.connections.clone();
                    let guest = Guest { peer, connection, desk, clock, slot, eviction, stop, connections };
                    self.connections.spawn(guest.enter(stream, handshakes.clone()));
                } else {
                    // Answers are small and waited for.
                    let _ = stream.set_nodelay(true);
                    let socket = Socket::new(stream, peer, connection, desk, clock);
                    self.connections.spawn(socket.serve(slot, eviction, stop));
                }
            }
            Err(refusal) => {
                self.refused(refusal, Some(peer));
                if tls.is_none() {
                    turn_away(&stream);
                }
            }
        }
    }

    fn refused(&self, refusal: Refusal, peer: Option<SocketAddr>) {
        self.desk.metrics.refuse_connection(refusal);
        self.desk.journal.refused(refusal, peer, self.clock.now().mono);
    }
}

/// Who has been let in at the door for TLS, and has yet to shake hands.
struct Guest {
    peer: SocketAddr,
    connection: Connection,
    desk: Arc<Desk>,
    clock: Clock,
    slot: Slot,
    eviction: Eviction,
    stop: Stop,
    connections: TaskTracker,
}

impl Guest {
    /// Shakes hands within the time to hello, which goes on; then the connection is as any, in a task of its own: this
    /// one is as large as a handshake needs, which is several kilobytes for as long as the connection lasts.
    async fn enter(mut self, stream: TcpStream, handshakes: Handshakes) {
        let due = self.clock.instant(self.connection.deadline(&self.desk.settings));
        let refusal = tokio::select! {
            biased;
            () = self.stop.requested() => return,
            shaken = timeout_at(due, handshakes.shake(stream)) => match shaken {
                Ok(Ok(stream)) => {
                    let Self { peer, connection, desk, clock, slot, eviction, stop, connections } = self;
                    let socket = Socket::new(Box::new(stream), peer, connection, desk, clock);
                    connections.spawn(socket.serve(slot, eviction, stop));
                    return;
                }
                Ok(Err(error)) => {
                    self.desk.metrics.refuse_connection(Refusal::Tls);
                    return self.desk.journal.handshake_failed(&error, self.peer, self.clock.now().mono);
                }
                Err(_) => Refusal::Silent,
            },
            () = self.eviction.wait() => Refusal::Ungreeted,
        };
        self.desk.metrics.refuse_connection(refusal);
        self.desk.journal.refused(refusal, Some(self.peer), self.clock.now().mono);
    }
}

/// Says why, if the kernel takes it at once; nobody waits for a stranger to read.
fn turn_away(stream: &TcpStream) {
    let mut answer = Vec::new();
    let full = Rejection::new(RejectReason::FleetFull, "too many connections; come back later");
    exporter::refuse(&full, Some(super::connection::RETRY_FULL), &mut answer);
    let _ = stream.try_write(&answer);
}
