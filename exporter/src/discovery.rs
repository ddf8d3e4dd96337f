//! `/sd`: every agent as a target of its own, in the form of Prometheus's HTTP service discovery.

use std::collections::BTreeMap;

use cpumon_protocol::model::Moment;
use serde::Serialize;

use crate::fleet::{AgentView, Client, SharedFleet};

/// Targets that share their labels; here always one.
#[derive(Serialize)]
struct Group<'a> {
    targets: [&'a str; 1],
    labels: BTreeMap<String, String>,
}

/// The targets as of `now`, each at `host`, which is this exporter as whoever asks calls it; nothing as long as agents
/// that were there before the exporter's start may not be back, so that nobody drops them.
///
/// Who is gone stays a target until it is forgotten, so that its `up` is 0; who has left in peace is none, nor are the
/// original's clients, of whom nothing is known that node_exporter has a name for.
pub(crate) fn targets(fleet: &SharedFleet, now: Moment, host: &str) -> Option<Vec<u8>> {
    if !fleet.read().is_settled(now) {
        return None;
    }
    let mut groups = Vec::new();
    fleet.show_all(now, |view| groups.extend(group(view, host)));
    groups.sort_by(|one, other| one.labels.cmp(&other.labels));
    // A structure with text for keys always has a JSON form.
    Some(serde_json::to_vec(&groups).unwrap_or_default())
}

fn group<'a>(view: &AgentView<'_>, host: &'a str) -> Option<Group<'a>> {
    if view.up().is_none() || view.client() == Some(Client::Original) {
        return None;
    }
    let name = view.name();
    let own =
        view.labels().iter().map(|(key, value)| (format!("__meta_cpumon_label_{key}"), value.to_string()));
    let labels = [
        ("__meta_cpumon_agent".to_owned(), name.to_owned()),
        ("__metrics_path__".to_owned(), format!("/agents/{name}/metrics")),
    ];
    Some(Group { targets: [host], labels: labels.into_iter().chain(own).collect() })
}
