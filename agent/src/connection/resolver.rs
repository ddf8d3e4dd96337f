//! The exporters' names into addresses, anew each time: they change.

use std::future::{Future, pending};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::time::Duration;

use cpumon_daemon::variables::HostPort;
use tokio::net::lookup_host;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::link::Failure;
use crate::link::rendezvous::Place;

/// The most addresses of all names together.
const PLACES_MAX: usize = 4_096;

/// How long the other names are waited for once one has an address: a name server that is silent must not keep an
/// agent from the exporters that it can find.
const OTHERS_WAIT: Duration = Duration::from_millis(500);

/// The addresses, each with the exporter that it came from, or why there is none.
pub(crate) type Places = Result<Vec<Place>, Failure>;

/// Resolves the names of all exporters.
pub struct Resolver {
    exporters: Vec<HostPort>,
    running: Option<Pin<Box<dyn Future<Output = Places>>>>,
}

impl Resolver {
    /// Of these exporters.
    pub fn of(exporters: Vec<HostPort>) -> Self {
        Self { exporters, running: None }
    }

    /// Begins anew.
    pub fn start(&mut self) {
        self.running = Some(Box::pin(resolve_all(self.exporters.clone())));
    }

    /// Gives up.
    pub fn cancel(&mut self) {
        self.running = None;
    }

    /// Waits for the addresses, each with the exporter that it came from. Dropped before, it goes on at the next call.
    ///
    /// # Errors
    ///
    /// When no name has an address.
    pub async fn resolved(&mut self) -> Places {
        let result = match &mut self.running {
            Some(running) => running.await,
            None => pending().await,
        };
        self.running = None;
        result
    }
}

async fn resolve_all(exporters: Vec<HostPort>) -> Places {
    let mut lookups = JoinSet::new();
    let mut places = Vec::new();
    for (index, exporter) in exporters.into_iter().enumerate() {
        // Without a name there is nothing to ask, and no thread to start for it.
        match exporter.host().parse::<IpAddr>() {
            Ok(ip) => {
                places.push(Place { address: SocketAddr::new(ip, exporter.port()), exporter: index });
            }
            Err(_) => drop(lookups.spawn(async move { (index, resolve(&exporter).await) })),
        }
    }
    let mut failure = None;
    let mut latest = (!places.is_empty()).then(|| Instant::now() + OTHERS_WAIT);
    while let Some(joined) = next_before(&mut lookups, latest).await {
        match joined {
            (index, Ok(addresses)) => {
                places.extend(addresses.into_iter().map(|address| Place { address, exporter: index }));
                latest = latest.or(Some(Instant::now() + OTHERS_WAIT));
            }
            (_, Err(error)) => failure = Some(Failure::Io(error.to_string().into())),
        }
    }
    places.truncate(PLACES_MAX);
    match failure {
        Some(failure) if places.is_empty() => Err(failure),
        _ => Ok(places),
    }
}

/// The next name's addresses; nothing when all are there or the time is over.
async fn next_before<T: 'static>(lookups: &mut JoinSet<T>, latest: Option<Instant>) -> Option<T> {
    let next = async {
        loop {
            // A look-up does not panic, and nobody ends it.
            if let Ok(done) = lookups.join_next().await? {
                return Some(done);
            }
        }
    };
    match latest {
        None => next.await,
        Some(latest) => tokio::select! {
            biased;
            next = next => next,
            () = sleep_until(latest) => None,
        },
    }
}

async fn resolve(exporter: &HostPort) -> io::Result<Vec<SocketAddr>> {
    match lookup_host((exporter.host(), exporter.port())).await {
        Ok(addresses) => Ok(addresses.collect()),
        Err(error) => {
            Err(io::Error::new(error.kind(), format!("cannot resolve {}: {error}", exporter.host())))
        }
    }
}

#[cfg(test)]
mod tests {
    use cpumon_daemon::variables::Value;

    use super::*;

    async fn resolved(exporters: &[&str]) -> Places {
        let mut resolver =
            Resolver::of(exporters.iter().map(|text| HostPort::from_text(text).unwrap()).collect());
        resolver.start();
        resolver.resolved().await
    }

    #[tokio::test]
    async fn every_name_is_resolved_and_each_address_knows_its_name() {
        let places = resolved(&["127.0.0.9:1", "localhost:2", "[::1]:3", "host.invalid:4"]).await.unwrap();
        let of = |exporter| {
            places.iter().filter(move |place| place.exporter == exporter).map(|place| place.address)
        };
        assert_eq!(of(0).collect::<Vec<_>>(), ["127.0.0.9:1".parse().unwrap()]);
        assert_eq!(of(2).collect::<Vec<_>>(), ["[::1]:3".parse().unwrap()]);
        assert!(of(1).count() > 0 && of(1).all(|address| address.ip().is_loopback() && address.port() == 2));
        assert_eq!(of(3).count(), 0);
    }

    #[tokio::test]
    async fn without_any_address_it_says_why() {
        match resolved(&["host.invalid:80"]).await {
            Err(Failure::Io(why)) => assert!(why.starts_with("cannot resolve host.invalid: "), "{why}"),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn nothing_is_resolved_unasked() {
        let mut resolver = Resolver::of(vec![HostPort::from_text("127.0.0.1:1").unwrap()]);
        resolver.start();
        resolver.cancel();
        let silence = tokio::time::timeout(Duration::from_millis(20), resolver.resolved()).await;
        assert!(silence.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_name_server_keeps_nobody_from_the_others() {
        let mut lookups = JoinSet::new();
        lookups.spawn(pending::<usize>());
        let latest = Instant::now() + OTHERS_WAIT;
        assert_eq!(next_before(&mut lookups, Some(latest)).await, None);
        assert!(Instant::now() >= latest);
        lookups.spawn(async { 7 });
        assert_eq!(next_before(&mut lookups, None).await, Some(7));
    }
}
