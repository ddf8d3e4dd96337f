//! `healthcheck`: whether the agent that runs here still ticks, whoever listens to it.
//!
//! The running agent answers on a Unix socket with the age of its last tick, and decides nothing: whoever asks
//! says how old it may be. An exporter that is gone makes no agent unhealthy, or its end would have the whole
//! fleet restarted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, bail};
use cpumon_daemon::clock::Clock;
use cpumon_protocol::model::Moment;

use crate::config::{Config, HealthSocket};

/// When the last tick was: written by the loop, read by whoever answers.
#[derive(Clone, Debug, Default)]
pub struct LastTick(Arc<AtomicU64>);

impl LastTick {
    /// Notes a tick.
    pub fn note(&self, now: Moment) {
        self.0.store(now.0, Ordering::Relaxed);
    }
}

/// Asks the running agent; an error says why it is not healthy.
///
/// # Errors
///
/// When nobody answers, or the last tick is too old.
pub async fn check(config: &Config) -> anyhow::Result<()> {
    let socket = &config.health_socket;
    let age = system::ask(socket).await.with_context(|| format!("no agent answers on {socket}"))?;
    if age > config.health_max_age {
        let (age, most) = (age.as_millis(), config.health_max_age.as_millis());
        bail!("its last tick was {age}ms ago, more than {most}ms");
    }
    Ok(())
}

/// Answers in the background for as long as the runtime lives.
///
/// # Errors
///
/// When the socket cannot be had.
pub async fn serve(socket: &HealthSocket, last_tick: LastTick, clock: Clock) -> std::io::Result<()> {
    system::serve(socket, last_tick, clock).await
}

#[cfg(unix)]
mod system {
    //! Unix sockets.

    use std::fs;
    use std::io::{self, ErrorKind};
    use std::os::unix::fs::FileTypeExt;
    use std::path::{Path, PathBuf};
    use std::sync::atomic::Ordering;
    use std::time::Duration;

    use anyhow::Context;
    use cpumon_daemon::clock::Clock;
    use cpumon_protocol::model::{Micros, Moment};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{UnixListener, UnixStream};
    use tokio::time::sleep;

    use super::LastTick;
    use crate::config::HealthSocket;

    /// What the answer begins with; microseconds follow.
    const ANSWER: &str = "microseconds since the last tick: ";

    /// The longest answer, in bytes.
    const ANSWER_MAX: u64 = 64;

    /// The pause after a failure to accept, which is seldom over at once.
    const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

    pub(super) async fn serve(socket: &HealthSocket, last_tick: LastTick, clock: Clock) -> io::Result<()> {
        let address = address(socket);
        remove_leftover(&address).await;
        let listener = UnixListener::bind(&address)?;
        tokio::spawn(async move {
            loop {
                match listener.accept().await {
                    // The answer fits into the socket's buffer, so nobody can make this wait.
                    Ok((mut asker, _)) => {
                        let age = clock.now().mono.since(Moment(last_tick.0.load(Ordering::Relaxed)));
                        let _ = asker.write_all(answer(age).as_bytes()).await;
                    }
                    Err(_) => sleep(ACCEPT_PAUSE).await,
                }
            }
        });
        Ok(())
    }

    pub(super) async fn ask(socket: &HealthSocket) -> anyhow::Result<Micros> {
        let stream = UnixStream::connect(address(socket)).await?;
        let mut text = String::new();
        stream.take(ANSWER_MAX).read_to_string(&mut text).await.context("cannot read its answer")?;
        parse(&text)
    }

    fn answer(age: Micros) -> String {
        format!("{ANSWER}{}\n", age.0)
    }

    pub(super) fn parse(answer: &str) -> anyhow::Result<Micros> {
        let age = answer.strip_prefix(ANSWER).and_then(|rest| rest.strip_suffix('\n')?.parse().ok());
        age.map(Micros).context("its answer makes no sense")
    }

    /// A name of the abstract namespace is a path that begins with a zero byte.
    fn address(socket: &HealthSocket) -> PathBuf {
        match socket {
            HealthSocket::Path(path) => path.clone(),
            HealthSocket::Abstract(name) => PathBuf::from(format!("\0{name}")),
        }
    }

    /// Removes the socket of an agent that ended: nobody accepts on it. Anything else is left alone.
    async fn remove_leftover(path: &Path) {
        let is_socket = fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket());
        if is_socket
            && UnixStream::connect(path).await.is_err_and(|e| e.kind() == ErrorKind::ConnectionRefused)
        {
            let _ = fs::remove_file(path);
        }
    }
}

#[cfg(not(unix))]
mod system {
    //! Systems without Unix sockets.

    use std::io;

    use cpumon_daemon::clock::Clock;
    use cpumon_protocol::model::Micros;

    use super::LastTick;
    use crate::config::HealthSocket;

    pub(super) async fn serve(_: &HealthSocket, _: LastTick, _: Clock) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) async fn ask(_: &HealthSocket) -> anyhow::Result<Micros> {
        anyhow::bail!("this system has no Unix sockets")
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use cpumon_daemon::variables::{self, Environment};

    use cpumon_protocol::model::Micros;

    use super::*;

    fn config(socket: &str) -> Config {
        let environment: Environment = [("AGENT_HEALTH_SOCKET", socket)].into_iter().collect();
        variables::load(&environment).unwrap().config
    }

    async fn verdict(config: &Config) -> Result<(), String> {
        check(config).await.map_err(|error| format!("{error:#}"))
    }

    #[tokio::test]
    async fn healthy_while_the_last_tick_is_recent() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("health.sock");
        let config = config(path.to_str().unwrap());
        let nobody =
            format!("no agent answers on {}: No such file or directory (os error 2)", path.display());
        assert_eq!(verdict(&config).await, Err(nobody));

        let (clock, last_tick) = (Clock::start(), LastTick::default());
        serve(&config.health_socket, last_tick.clone(), clock).await.unwrap();
        for _ in 0..3 {
            assert_eq!(verdict(&config).await, Ok(()));
        }
        let impatient = Config { health_max_age: Micros::ZERO, ..config };
        last_tick.note(Moment(0));
        let old = verdict(&impatient).await.unwrap_err();
        assert!(old.starts_with("its last tick was ") && old.ends_with(" ago, more than 0ms"), "{old}");
    }

    #[tokio::test]
    async fn a_socket_in_use_is_refused_and_a_leftover_is_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let config = config(directory.path().join("health.sock").to_str().unwrap());
        let start = async || serve(&config.health_socket, LastTick::default(), Clock::start()).await;
        // Dropped without a farewell, a listener leaves its file.
        drop(std::os::unix::net::UnixListener::bind(directory.path().join("health.sock")).unwrap());
        start().await.unwrap();
        assert_eq!(start().await.unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
        assert_eq!(verdict(&config).await, Ok(()));
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_name_needs_no_file() {
        let config = config(&format!("@cpumon-agent-test-{}", std::process::id()));
        serve(&config.health_socket, LastTick::default(), Clock::start()).await.unwrap();
        assert_eq!(verdict(&config).await, Ok(()));
    }

    #[tokio::test]
    async fn another_programs_answer_is_not_health() {
        for (answer, expected) in [
            ("", Err(())),
            ("microseconds since the last tick: \n", Err(())),
            ("microseconds since the last tick: 5", Err(())),
            ("microseconds since the last tick: 5\n", Ok(Micros(5))),
            ("HTTP/1.1 200 OK\r\n", Err(())),
        ] {
            assert_eq!(system::parse(answer).map_err(drop), expected, "{answer:?}");
        }
    }
}
