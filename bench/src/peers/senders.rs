//! A fleet that pushes once a second, in the way that a server understands.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use cpumon_load::client::Dialect;
use cpumon_load::crowd::{Crowd, CrowdSettings, Pace};
use cpumon_protocol::model::Micros;

use super::programs::Kind;
use crate::fleet;
use crate::visible::Probe;

/// The longest wait until a fleet of the original's clients is answered.
const START_MAX: Micros = Micros::from_secs(60);

/// The longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A fleet in one thread.
pub(super) enum Senders {
    Crowd(Box<Crowd>),
    Pushers(Pushers),
}

impl Senders {
    /// So many agents, each of which has been answered once.
    pub(super) fn start(kind: Kind, server: SocketAddr, agents: usize) -> anyhow::Result<Self> {
        match kind {
            Kind::Cpumon => Ok(Self::Crowd(fleet::crowd(server, agents, Dialect::V1)?.into())),
            Kind::Original => {
                let mut crowd = Crowd::new(&CrowdSettings {
                    exporter: server,
                    agents,
                    dialect: Dialect::Original,
                    pace: Pace::Every(Micros::from_secs(1)),
                    name: String::new(),
                    token: None,
                })?;
                crowd.run(START_MAX, |crowd| crowd.answered() == crowd.len())?;
                ensure!(crowd.answered() == agents, "{} of {agents} clients were answered", crowd.answered());
                Ok(Self::Crowd(crowd.into()))
            }
            Kind::Pushgateway | Kind::CheckingPushgateway => {
                let mut pushers = Pushers {
                    all: (0..agents)
                        .map(|number| Pusher::connect(server, &format!("bench-{number:05}")))
                        .collect::<Result<_, _>>()?,
                    next: 0,
                };
                pushers.push(agents)?;
                Ok(Self::Pushers(pushers))
            }
        }
    }

    /// Pushes for `span`; how many samples were answered.
    pub(super) fn run(&mut self, span: Duration) -> anyhow::Result<u64> {
        match self {
            Self::Crowd(crowd) => {
                let before = crowd.counts();
                crowd.run(span.into(), |_| false)?;
                let counts = crowd.counts() - before;
                ensure!(counts.failed + counts.refused == 0, "connections were lost: {counts:?}");
                Ok(counts.acked)
            }
            Self::Pushers(pushers) => pushers.run(span),
        }
    }
}

/// Clients of a Pushgateway, each with a connection that stays. One after the other: what the server needs
/// to answer is then all that it does.
pub(super) struct Pushers {
    all: Vec<Pusher>,
    next: usize,
}

impl Pushers {
    /// At one push a second and client, or as fast as they are answered if that is slower.
    fn run(&mut self, span: Duration) -> anyhow::Result<u64> {
        let begun = Instant::now();
        let mut pushed = 0u64;
        while begun.elapsed() < span {
            let due = Duration::from_secs(1) * u32::try_from(pushed)? / u32::try_from(self.all.len())?;
            thread::sleep(due.saturating_sub(begun.elapsed()));
            self.push(1)?;
            pushed += 1;
        }
        Ok(pushed)
    }

    fn push(&mut self, count: usize) -> anyhow::Result<()> {
        for _ in 0..count {
            let pusher = self.all.get_mut(self.next).context("there are no clients")?;
            pusher.push(self.next as u32)?;
            self.next = (self.next + 1) % self.all.len();
        }
        Ok(())
    }
}

/// One client of a Pushgateway.
pub(super) struct Pusher {
    stream: TcpStream,
    instance: String,
}

impl Pusher {
    pub(super) fn connect(server: SocketAddr, instance: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(server)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream, instance: instance.to_owned() })
    }

    /// Pushes one value and waits for the answer.
    pub(super) fn push(&mut self, value: u32) -> anyhow::Result<()> {
        let body = format!("my_cpu_percents {value}\n");
        let request = format!(
            "PUT /metrics/job/cpumon/instance/{} HTTP/1.1\r\nhost: bench\r\ncontent-length: {}\r\n\r\n{body}",
            self.instance,
            body.len()
        );
        self.stream.write_all(request.as_bytes())?;
        let mut answer = [0; 4096];
        let length = self.stream.read(&mut answer)?;
        let answer = answer.get(..length).unwrap_or_default();
        ensure!(
            // Without its check it answers before it has looked at what was pushed.
            answer.starts_with(b"HTTP/1.1 200") || answer.starts_with(b"HTTP/1.1 202"),
            "a push is answered {:?}",
            String::from_utf8_lossy(answer)
        );
        Ok(())
    }
}

/// One agent whose values are looked for.
pub(super) enum Finder {
    Cpumon(Box<Probe>),
    Pushgateway(Pusher),
    Original(TcpStream),
}

impl Finder {
    pub(super) fn connect(kind: Kind, server: SocketAddr) -> anyhow::Result<Self> {
        Ok(match kind {
            Kind::Cpumon => Self::Cpumon(Probe::connect(server)?.into()),
            Kind::Pushgateway | Kind::CheckingPushgateway => {
                Self::Pushgateway(Pusher::connect(server, "probe")?)
            }
            Kind::Original => {
                let stream = TcpStream::connect(server)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                Self::Original(stream)
            }
        })
    }

    /// Pushes a value that no other has, and waits for the answer; `number` is at most 99,999. Gives the end of the
    /// line that shows it.
    pub(super) fn push(&mut self, number: u32) -> anyhow::Result<String> {
        match self {
            Self::Cpumon(probe) => {
                // Its last digit is none that would be left out.
                let millionths = number * 10 + 1;
                probe.push(millionths)?;
                Ok(format!("{{agent=\"probe\"}} 0.{millionths:06}"))
            }
            Self::Pushgateway(pusher) => {
                pusher.push(number)?;
                Ok(format!("{{instance=\"probe\",job=\"cpumon\"}} {number}"))
            }
            Self::Original(stream) => {
                let percent = format!("{}.{:04}1", number % 100, number / 100);
                // In one piece: the original takes each that it reads for a whole one.
                stream.write_all(format!("{{\"The Percentage Of CPU USAGE\": {percent}}}").as_bytes())?;
                ensure!(stream.read(&mut [0; 1024])? > 0, "the server closed the connection");
                Ok(format!(" {percent}"))
            }
        }
    }
}
