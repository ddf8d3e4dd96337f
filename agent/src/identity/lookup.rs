//! Asks Docker's DNS for the name of the container that this process is in.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use cpumon_protocol::model::{AgentName, Micros};
use tokio::net::UdpSocket;
use tokio::time::{sleep, timeout};

use super::{compose, dns};

/// Where Docker's DNS answers, inside a container on a network of the user's.
const DOCKER_DNS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 11)), 53);

/// The pause before the same is asked again.
const RETRY: Duration = Duration::from_millis(100);

/// The largest of these files that is read, in bytes.
const FILE_MAX: u64 = 64 * 1024;

/// The files that say where names are looked up, and which addresses are one's own.
#[derive(Clone, Copy, Debug)]
pub struct Files<'a> {
    /// Usually `/etc/resolv.conf`.
    pub resolv_conf: &'a Path,
    /// Usually `/etc/hosts`; Docker writes the container's own addresses there, beside its host name.
    pub hosts: &'a Path,
}

impl Default for Files<'static> {
    fn default() -> Self {
        Self { resolv_conf: Path::new("/etc/resolv.conf"), hosts: Path::new("/etc/hosts") }
    }
}

/// The replica's name, if this process is a container of compose; takes at most `limit`.
///
/// Asks nobody but Docker's own DNS, and only where `resolv.conf` names it.
pub async fn replica_name(files: Files<'_>, hostname: Option<&str>, limit: Micros) -> Option<AgentName> {
    if !read(files.resolv_conf).lines().any(names_docker) {
        return None;
    }
    let hosts = read(files.hosts);
    let addresses: Vec<IpAddr> = own_addresses(&hosts, hostname?).collect();
    timeout(limit.into(), ask_until_named(DOCKER_DNS, &addresses)).await.ok().flatten()
}

/// Asks for the names of `addresses` until there is one; gives the first that is a replica's.
async fn ask_until_named(server: SocketAddr, addresses: &[IpAddr]) -> Option<AgentName> {
    loop {
        let mut named = addresses.is_empty();
        for &address in addresses {
            if let Ok(Some(name)) = ask(server, address).await {
                named = true;
                if let Some(replica) = compose::replica_of(&name) {
                    return Some(replica);
                }
            }
        }
        if named {
            return None;
        }
        // A container may run before the DNS knows it.
        sleep(RETRY).await;
    }
}

fn read(path: &Path) -> String {
    let mut text = String::new();
    let read = std::fs::File::open(path).and_then(|file| {
        let mut limited = io::Read::take(file, FILE_MAX);
        io::Read::read_to_string(&mut limited, &mut text)
    });
    if read.is_err() {
        text.clear();
    }
    text
}

/// Whether a line of `resolv.conf` names Docker's DNS.
fn names_docker(line: &str) -> bool {
    let mut words = line.split_whitespace();
    words.next() == Some("nameserver")
        && words.next().and_then(|word| word.parse::<IpAddr>().ok()) == Some(DOCKER_DNS.ip())
}

/// The addresses that a hosts file gives for `hostname`, but for those of the machine to itself.
fn own_addresses<'a>(hosts: &'a str, hostname: &'a str) -> impl Iterator<Item = IpAddr> + 'a {
    hosts.lines().filter_map(move |line| {
        let mut words = line.split('#').next()?.split_whitespace();
        let address: IpAddr = words.next()?.parse().ok()?;
        (words.any(|name| name == hostname) && !address.is_loopback()).then_some(address)
    })
}

async fn ask(server: SocketAddr, address: IpAddr) -> io::Result<Option<String>> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await?;
    // Of a connected socket only that server's datagrams are read.
    socket.connect(server).await?;
    let identifier = fastrand::u16(..);
    socket.send(&dns::question(identifier, address)).await?;
    let mut answer = [0; dns::MESSAGE_MAX];
    let length = socket.recv(&mut answer).await?;
    Ok(answer.get(..length).and_then(|message| dns::name_in_answer(identifier, message)))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn finds_docker_in_resolv_conf() {
        for (line, expected) in [
            ("nameserver 127.0.0.11", true),
            ("nameserver\t127.0.0.11 ", true),
            ("# nameserver 127.0.0.11", false),
            ("nameserver 127.0.0.1", false),
            ("nameserver 127.0.0.111", false),
            ("search 127.0.0.11", false),
            ("", false),
        ] {
            assert_eq!(names_docker(line), expected, "{line:?}");
        }
    }

    #[test]
    fn finds_its_own_addresses() {
        let hosts = "127.0.0.1 localhost\n::1\tlocalhost ip6-localhost\n\n# 10.0.0.9 c0ffee\n\
                     172.18.0.3\tc0ffee\nfd00::3 other c0ffee # ours\n127.0.1.1 c0ffee\nnonsense c0ffee\n10.0.0.1 c0ffee2\n";
        let own: Vec<_> = own_addresses(hosts, "c0ffee").map(|address| address.to_string()).collect();
        assert_eq!(own, ["172.18.0.3", "fd00::3"]);
    }

    /// A DNS server that gives these answers, `None` for one without a name; gives its address.
    async fn serve(names: &'static [Option<&'static str>]) -> SocketAddr {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = socket.local_addr().unwrap();
        tokio::spawn(async move {
            for name in names {
                let mut question = [0; dns::MESSAGE_MAX];
                let (length, client) = socket.recv_from(&mut question).await.unwrap();
                socket.send_to(&answer(&question[..length], *name), client).await.unwrap();
            }
        });
        address
    }

    fn answer(question: &[u8], name: Option<&str>) -> Vec<u8> {
        let mut answer = question.to_vec();
        answer[2] |= 0x80;
        if let Some(name) = name {
            answer[7] = 1;
            let labels = name
                .split('.')
                .flat_map(|label| std::iter::once(u8::try_from(label.len()).unwrap()).chain(label.bytes()));
            let data: Vec<u8> = labels.chain([0]).collect();
            answer.extend([0xc0, 12, 0, 12, 0, 1, 0, 0, 2, 88, 0, u8::try_from(data.len()).unwrap()]);
            answer.extend(data);
        }
        answer
    }

    #[tokio::test]
    async fn a_server_names_the_replica() {
        let addresses = ["10.0.0.3".parse().unwrap(), "172.18.0.3".parse().unwrap()];
        for (names, expected) in [
            (&[Some("cpumon-agent-3.cpumon_default")][..], Some("agent-3")),
            (&[Some("else.bridge"), Some("cpumon-agent-3.cpumon_default")], Some("agent-3")),
            (&[None, Some("friendly_turing.bridge")], None),
            (&[None, None, None, Some("cpumon-agent-4.cpumon_default")], Some("agent-4")),
        ] {
            let replica = ask_until_named(serve(names).await, &addresses).await;
            assert_eq!(replica.as_ref().map(AgentName::as_str), expected, "{names:?}");
        }
    }

    #[tokio::test]
    async fn asks_nobody_where_resolv_conf_does_not_name_docker() {
        let directory = tempfile::tempdir().unwrap();
        let (resolv_conf, hosts) = (directory.path().join("resolv.conf"), directory.path().join("hosts"));
        fs::write(&resolv_conf, "nameserver 192.0.2.1\n").unwrap();
        fs::write(&hosts, "172.18.0.3 c0ffee\n").unwrap();
        let files = Files { resolv_conf: &resolv_conf, hosts: &hosts };
        assert_eq!(replica_name(files, Some("c0ffee"), Micros::from_secs(60)).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn waits_for_an_answer_no_longer_than_the_limit() {
        let directory = tempfile::tempdir().unwrap();
        let (resolv_conf, hosts) = (directory.path().join("resolv.conf"), directory.path().join("hosts"));
        fs::write(&resolv_conf, "nameserver 127.0.0.11\n").unwrap();
        fs::write(&hosts, "172.18.0.3 c0ffee\n172.19.0.3 c0ffee\n").unwrap();
        let files = Files { resolv_conf: &resolv_conf, hosts: &hosts };
        let start = tokio::time::Instant::now();
        assert_eq!(replica_name(files, Some("c0ffee"), Micros::from_secs(1)).await, None);
        assert!(start.elapsed() <= Duration::from_secs(1));
    }
}
