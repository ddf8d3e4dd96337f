//! HTTP on :8000: the metrics, the live page and its events, the list of agents, health and readiness.
//!
//! warp's filters route; everything around them is here, because `warp::serve` has no time limits, no
//! connection limit and a stop that waits for ever on one half-sent request:
//!
//! ```text
//! listener -> server (accept errors, stop) -> slots (who may be connected)
//!               -> connection (hyper's HTTP/1, time limits)
//!                    -> answer (refusals that need no route, security headers, shared bodies)
//!                         -> routes (warp) -> shared rendering -> Site
//!                                          -> events -> Feed of the Site
//! ```
//!
//! What is shown comes from a [`Site`]; this module knows nothing of agents or of the text format.
//! A document is rendered at most once at a time, step by step between other work, and a request shares only a
//! rendering that began after it arrived.
//!
//! Deliberately absent: HTTP/2 (nobody needs it here, and it has no idle limit), request bodies,
//! methods other than GET and HEAD. TLS wraps the stream before `connection` gets it.

mod answer;
mod assets;
mod body;
mod config;
mod connection;
mod events;
mod feed;
mod gzip;
pub mod healthcheck;
mod leases;
mod negotiate;
mod nodes;
mod progress;
mod rendering;
mod routes;
mod screen;
mod server;
mod shared_rendering;
mod site;
mod slots;
mod stats;
mod token;
mod turns;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use config::HttpConfig;
pub use feed::Feed;
pub use server::{Stopped, serve};
pub use site::{AgentPage, Document, PageOf, Site, Step};
pub use stats::{Counter, HttpStats};
pub use token::HttpToken;

/// Locks, whether or not a holder panicked: every critical section here leaves its value whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
