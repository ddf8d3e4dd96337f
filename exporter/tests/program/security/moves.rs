//! A real agent with a token that moves to the exporter that it prefers: it says hello there over a second connection.

use cpumon_agent::link::rendezvous::weight;
use cpumon_protocol::model::AgentName;

use super::agents::RealAgent;
use super::{AUTH, Stage, start};
use crate::support::Exporter;

const SECRET: &str = "a-secret-of-the-tests";
const UP: &str = r#"cpumon_agent_up{agent="web-1"}"#;
const BYES: &str = r#"cpumon_agent_disconnects_total{agent="web-1",reason="bye"}"#;

/// An address at which no other test binds a socket: a port that is free for a moment is taken by nobody else.
const OWN: &str = "127.0.77.1";

/// Where agents connect: over TLS, if it has a listener for that.
fn ingest(exporter: &Exporter) -> std::net::SocketAddr {
    exporter.ingest_tls.unwrap_or(exporter.ingest)
}

/// An agent at the one of two exporters that it prefers less, since the other is away; that one is started then, with
/// variables of its own besides those of both.
struct Away {
    agent: RealAgent,
    here: Exporter,
    preferred: Exporter,
}

fn away(
    both: &[(&'static str, String)],
    preferred: &[(&'static str, String)],
    agents: &[(&str, &str)],
) -> Away {
    let is_tls = both.iter().any(|(name, _)| *name == "EXPORTER_INGEST_TLS_LISTEN");
    let listen = if is_tls { "EXPORTER_INGEST_TLS_LISTEN" } else { "EXPORTER_INGEST_LISTEN" };
    let anywhere = [both, &[(listen, format!("{OWN}:0"))][..]].concat();
    let [one, two] = [start(&anywhere), start(&anywhere)];
    let name = AgentName::new("web-1").unwrap();
    let (gone, here) =
        if weight(&name, ingest(&one)) > weight(&name, ingest(&two)) { (one, two) } else { (two, one) };
    let address = ingest(&gone);
    gone.stop();

    let exporters = format!("{address},{}", ingest(&here));
    let own = [("AGENT_EXPORTERS", &*exporters), ("AGENT_LOOK_INTERVAL", "1s"), ("AGENT_TOKEN", SECRET)];
    let agent = RealAgent::start(&here, "web-1", &[&own[..], agents].concat());
    here.when_value(UP, Some(1.0));
    let variables = [both, preferred, &[(listen, address.to_string())][..]].concat();
    Away { agent, here, preferred: start(&variables) }
}

#[test]
fn it_shows_its_token_there_too() {
    let stage = Stage::new();
    stage.issue("server", &["localhost", OWN]);
    let token = ("EXPORTER_TOKEN", SECRET.to_owned());
    let over_tls = [stage.ingest(), vec![token.clone()]].concat();
    let ca = stage.text("ca.pem");
    for (what, variables, agents) in [
        ("plain", vec![token], vec![]),
        ("TLS", over_tls, vec![("AGENT_TLS", "true"), ("AGENT_TLS_CA_FILE", &*ca)]),
    ] {
        let Away { agent, here, preferred } = away(&variables, &[], &agents);
        preferred.when_value(UP, Some(1.0));
        here.when(&format!("it has said bye ({what})"), |metrics| {
            metrics.value(UP).is_none() && metrics.value(BYES) == Some(1.0)
        });
        for exporter in [&here, &preferred] {
            assert_eq!(exporter.value(AUTH), Some(0.0), "{what}");
        }
        drop(agent);
    }
}

#[test]
fn where_another_token_is_asked_for_it_is_not_let_in_and_stays() {
    let both = [("EXPORTER_TOKEN", SECRET.to_owned())];
    let Away { agent, here, preferred } =
        away(&both, &[("EXPORTER_TOKEN", "another-secret".to_owned())], &[]);
    preferred.when("it was refused twice", |metrics| metrics.value(AUTH) >= Some(2.0));
    let metrics = here.metrics();
    let connections = r#"cpumon_agent_connections_total{agent="web-1"}"#;
    assert_eq!((metrics.value(UP), metrics.value(connections)), (Some(1.0), Some(1.0)));
    assert_eq!(preferred.value(UP), None);
    drop(agent);
}
