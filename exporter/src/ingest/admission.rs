//! Who may connect: bounds on connections, in all, from one address, and of those that have said nothing yet.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::settings::IngestSettings;
use crate::exposition::own::Refusal;
use crate::fleet::ConnectionId;

/// Keeps count of open connections.
#[derive(Debug)]
pub(super) struct Admission {
    max: usize,
    max_per_address: Option<usize>,
    max_ungreeted: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    open: usize,
    /// Only kept where there is a bound on it.
    by_address: HashMap<IpAddr, usize>,
    /// By age: identities only grow. Dropping a sender tells its connection to go.
    ungreeted: BTreeMap<ConnectionId, oneshot::Sender<()>>,
    next_id: u64,
}

impl Admission {
    pub(super) fn new(settings: &IngestSettings) -> Arc<Self> {
        Arc::new(Self {
            max: settings.max_connections,
            max_per_address: settings.max_connections_per_address,
            max_ungreeted: settings.max_ungreeted,
            state: Mutex::default(),
        })
    }

    /// Lets a connection from `peer` in, or says why not. Where there are too many strangers, the oldest
    /// of them goes: an agent says hello at once, so it is never the oldest for long.
    pub(super) fn admit(self: &Arc<Self>, peer: SocketAddr) -> Result<(Slot, Eviction), Refusal> {
        let mut state = self.state();
        if state.open >= self.max {
            return Err(Refusal::Connections);
        }
        let address = peer.ip().to_canonical();
        if let Some(max) = self.max_per_address {
            let count = state.by_address.entry(address).or_default();
            if *count >= max {
                return Err(Refusal::Address);
            }
            *count += 1;
        }
        if state.ungreeted.len() >= self.max_ungreeted {
            state.ungreeted.pop_first();
        }
        let id = ConnectionId(state.next_id);
        state.next_id += 1;
        state.open += 1;
        let (tell, eviction) = oneshot::channel();
        state.ungreeted.insert(id, tell);
        drop(state);
        Ok((Slot { admission: Arc::clone(self), id, address, is_greeted: false }, Eviction(eviction)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends when the connection is the oldest of too many strangers.
#[derive(Debug)]
pub(super) struct Eviction(oneshot::Receiver<()>);

impl Eviction {
    pub(super) async fn wait(&mut self) {
        // Nothing is ever sent: the sender is dropped.
        let _ = (&mut self.0).await;
    }
}

/// One connection's place; free again when dropped.
#[derive(Debug)]
pub(super) struct Slot {
    admission: Arc<Admission>,
    id: ConnectionId,
    address: IpAddr,
    is_greeted: bool,
}

impl Slot {
    pub(super) fn id(&self) -> ConnectionId {
        self.id
    }

    /// The connection's client is no stranger any more; its eviction must not be waited for from here on.
    pub(super) fn greeted(&mut self) {
        if !self.is_greeted {
            self.is_greeted = true;
            self.admission.state().ungreeted.remove(&self.id);
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut state = self.admission.state();
        state.open -= 1;
        state.ungreeted.remove(&self.id);
        if let Some(count) = state.by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                state.by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(max: usize, max_per_address: Option<usize>, max_ungreeted: usize) -> Arc<Admission> {
        Admission::new(&IngestSettings {
            max_connections: max,
            max_connections_per_address: max_per_address,
            max_ungreeted,
            ..IngestSettings::default()
        })
    }

    fn peer(host: u8) -> SocketAddr {
        SocketAddr::from(([10, 0, 0, host], 1))
    }

    #[test]
    fn places_are_bounded_and_come_free() {
        let admission = admission(3, Some(2), 100);
        let first = admission.admit(peer(1)).unwrap();
        let second = admission.admit(peer(1)).unwrap();
        assert_eq!(admission.admit(peer(1)).err(), Some(Refusal::Address));
        let third = admission.admit(peer(2)).unwrap();
        assert_eq!(admission.admit(peer(3)).err(), Some(Refusal::Connections));
        drop((first, third));
        assert!(admission.admit(peer(1)).is_ok());
        drop(second);
        assert_eq!(admission.state().open, 0);
        assert!(admission.state().by_address.is_empty());
    }

    #[tokio::test]
    async fn the_oldest_stranger_makes_room() {
        let admission = admission(100, None, 2);
        let (mut agent, _) = admission.admit(peer(1)).unwrap();
        agent.greeted();
        let (_oldest, mut eviction) = admission.admit(peer(2)).unwrap();
        let (_second, mut stays) = admission.admit(peer(3)).unwrap();
        let (_third, _) = admission.admit(peer(4)).unwrap();
        eviction.wait().await;
        let still_there = tokio::time::timeout(std::time::Duration::from_millis(1), stays.wait()).await;
        assert!(still_there.is_err());
    }
}
