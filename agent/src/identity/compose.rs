//! The replica's name, out of what Docker's DNS answers.

use cpumon_protocol::model::AgentName;

/// The service that compose starts this program as, where its name cannot be told from the project's.
const USUAL_SERVICE: &str = "agent";

/// The name of a compose replica by the DNS name of its container: `shop-agent-3.shop_default` gives `agent-3`.
///
/// Compose calls a container `<project>-<service>-<number>` and a network `<project>_<network>`, so the two
/// together say where the project ends. On a network with a name of its own they do not, and then only the
/// service called `agent` is recognized. Anything else is `None`: it is better to be called by the host name
/// than by half a name.
pub(super) fn replica_of(dns_name: &str) -> Option<AgentName> {
    let (container, network) = dns_name.trim_end_matches('.').split_once('.')?;
    let replica = projects(network)
        .filter_map(|project| container.strip_prefix(project)?.strip_prefix('-'))
        .find(|replica| split_number(replica).is_some())
        .or_else(|| usual_replica(container))?;
    AgentName::new(replica).ok()
}

/// What may be the project's name in a network's: all before an underscore. The longest first, as
/// projects may have underscores too.
fn projects(network: &str) -> impl Iterator<Item = &str> {
    network.rmatch_indices('_').filter_map(|(end, _)| network.get(..end))
}

fn usual_replica(container: &str) -> Option<&str> {
    let (before, _) = split_number(container)?;
    let project = before.strip_suffix(USUAL_SERVICE)?.strip_suffix('-')?;
    container.get(project.len() + 1..).filter(|_| !project.is_empty())
}

/// Splits `service-3` into the service and the number of its replica, both of which are there.
fn split_number(replica: &str) -> Option<(&str, u32)> {
    let (service, number) = replica.rsplit_once('-')?;
    let is_number = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    if service.is_empty() || !is_number { None } else { Some((service, number.parse().ok()?)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replicas_and_others() {
        for (dns_name, expected) in [
            ("cpumon-agent-3.cpumon_default", Some("agent-3")),
            ("cpumon-agent-3.cpumon_default.", Some("agent-3")),
            ("my-shop-agent-12.my-shop_ingest", Some("agent-12")),
            ("my_shop-agent-1.my_shop_ingest_net", Some("agent-1")),
            ("cpumon-host-watch-2.cpumon_default", Some("host-watch-2")),
            ("agent-agent-1.agent_default", Some("agent-1")),
            // A network that another project made, or one with a name of its own.
            ("cpumon-agent-3.shared", Some("agent-3")),
            ("cpumon-agent-3.other_default", Some("agent-3")),
            ("cpumon-watch-3.shared", None),
            ("agent-3.shared", None),
            // Containers that compose did not name.
            ("friendly_turing.bridge", None),
            ("cpumon-agent.cpumon_default", None),
            ("cpumon-agent-x.cpumon_default", None),
            ("cpumon-3.cpumon_default", None),
            ("cpumon--3.cpumon_default", None),
            ("cpumon-agent-run-4f2ab81c90de.cpumon_default", None),
            ("cpumon-agent-99999999999.cpumon_default", None),
            ("host.example.com", None),
            ("localhost", None),
            ("", None),
            (".", None),
            ("cpumon-a b-3.cpumon_default", None),
        ] {
            let got = replica_of(dns_name);
            assert_eq!(got.as_ref().map(AgentName::as_str), expected, "{dns_name}");
        }
    }
}
