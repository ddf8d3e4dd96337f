//! When an agent ticked last, by its own answer.

use std::io::Read;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::time::{Duration, Instant};

use super::process::Agent;

/// The agent's last tick. Once this is known the tick is over: the agent answers and ticks in one thread.
pub(crate) fn last_tick(agent: &Agent) -> Option<Instant> {
    let name = agent.health_socket().strip_prefix('@').unwrap();
    let address = SocketAddr::from_abstract_name(name).unwrap();
    let mut text = String::new();
    // Nobody listens before the agent is up.
    UnixStream::connect_addr(&address).ok()?.read_to_string(&mut text).ok()?;
    let now = Instant::now();
    let micros = text.trim_end().rsplit(' ').next().unwrap().parse().unwrap();
    now.checked_sub(Duration::from_micros(micros))
}
