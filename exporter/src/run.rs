//! The exporter put together.

use std::sync::Arc;

use anyhow::Context as _;
use cpumon_daemon::clock::Clock;
use cpumon_daemon::stop::{Drained, Stop};
use tokio::net::TcpListener;

use crate::config::Config;
use crate::exposition::own::OwnMetrics;
use crate::exposition::render::Renderer;
use crate::fleet::{Fleet, Roster, SharedFleet};
use crate::http::{self, HttpStats};
use crate::ingest::{self, Desk, Doors};
use crate::journal::Journal;
use crate::page::About;
use crate::roster_file::RosterFile;
use crate::site::ExporterSite;
use crate::{apart, certificates, housekeeping, sockets};

/// The exporter's sockets, bound.
#[derive(Debug)]
pub struct Listeners {
    /// For agents.
    pub ingest: TcpListener,
    /// For agents over TLS.
    pub ingest_tls: Option<TcpListener>,
    /// For HTTP.
    pub http: TcpListener,
}

/// What the kernel keeps of a request that was not read yet, in bytes: a head, and no body.
const HTTP_RECEIVE_BUFFER: u32 = 32 * 1024;

impl Listeners {
    /// Binds where the configuration says, and tells the addresses.
    ///
    /// # Errors
    ///
    /// Names the variable whose address cannot be had.
    pub fn bind(config: &Config) -> anyhow::Result<Self> {
        let ingest =
            sockets::listen("EXPORTER_INGEST_LISTEN", config.ingest_listen, config.ingest_buffers())?;
        let ingest_tls = config
            .ingest_tls_listen
            .map(|address| sockets::listen("EXPORTER_INGEST_TLS_LISTEN", address, config.ingest_buffers()))
            .transpose()?;
        let http = sockets::listen(
            "EXPORTER_HTTP_LISTEN",
            config.http_listen,
            sockets::KernelBuffers { received: Some(HTTP_RECEIVE_BUFFER), sent: None },
        )?;
        let over_tls = ingest_tls.as_ref().map(TcpListener::local_addr).transpose()?;
        tracing::info!(
            ingest = %ingest.local_addr()?,
            ingest_tls = over_tls.map(tracing::field::display),
            http = %http.local_addr()?,
            is_http_tls = config.has_http_tls(),
            "listening"
        );
        Ok(Self { ingest, ingest_tls, http })
    }
}

/// Runs an exporter on `listeners` until `stop`.
///
/// # Errors
///
/// When it cannot begin; later, no client and no error of a client ends it.
pub async fn run(config: Config, listeners: Listeners, stop: Stop) -> anyhow::Result<()> {
    let clock = Clock::start();
    config.security.warn();
    let mut settings = config.ingest();
    let mut http_config = config.http();
    let room = sockets::room_for_connections(sockets::Room {
        ingest: settings.max_connections,
        http: http_config.max_connections,
    });
    (settings.max_connections, http_config.max_connections) = (room.ingest, room.http);
    let roster_file = config.state_file.clone().map(RosterFile::new);
    let roster = roster_file.as_ref().map_or_else(Roster::default, RosterFile::load);
    let metrics =
        OwnMetrics::new(&config.thresholds()).context("cannot set up the exporter's own metrics")?;
    let desk = Arc::new(Desk {
        fleet: SharedFleet::new(Fleet::new(config.fleet(), &roster, clock.now())),
        metrics,
        journal: Journal::default(),
        settings,
    });
    let http_stats = Arc::new(HttpStats::default());
    let renderer = Arc::new(Renderer::new(config.thresholds()));
    let site = ExporterSite {
        desk: Arc::clone(&desk),
        about: About { thresholds: config.thresholds(), ingest_port: listeners.ingest.local_addr()?.port() },
        renderer: Arc::clone(&renderer),
        http: Arc::clone(&http_stats),
        clock,
        stop: stop.clone(),
    };

    let security = &config.security;
    tokio::spawn(certificates::follow(
        [("EXPORTER_INGEST_TLS", &security.ingest_tls), ("EXPORTER_HTTP_TLS", &security.http_tls)]
            .into_iter()
            .filter_map(|(variables, tls)| Some((variables, Arc::clone(tls.as_ref()?))))
            .collect(),
        config.tls_reload_interval,
        stop.clone(),
    ));
    let doors = Doors::new(listeners.ingest, listeners.ingest_tls.zip(security.ingest_tls.clone()))
        .context("cannot hand over the listeners for agents")?;
    let house = tokio::spawn(housekeeping::keep(
        Arc::clone(&desk),
        Arc::clone(&http_stats),
        renderer,
        clock,
        roster_file,
        config.state_interval,
        stop.clone(),
    ));
    let http =
        tokio::spawn(http::serve(listeners.http, Arc::new(site), http_config, http_stats, stop.token()));
    // Apart, so that no scrape and no page keeps a sample waiting.
    let served_desk = Arc::clone(&desk);
    let drained =
        apart::run("ingest", move || ingest::serve(doors, served_desk, clock, stop, config.stop_timeout))
            .await??;
    let http = http.await.context("the HTTP server has panicked")?;
    house.await.context("housekeeping has panicked")?;
    // The last that is heard of the counters: nobody will scrape them any more.
    let frames = desk.metrics.frames_v1.get() + desk.metrics.frames_original.get();
    match drained {
        Drained::Complete if http.cut_connections == 0 => {
            tracing::info!(frames, "stopped, every connection ended")
        }
        drained => {
            tracing::warn!(frames, ingest = ?drained, http_cut = http.cut_connections, "stopped, some connections were cut")
        }
    }
    Ok(())
}
