//! Custom resources of the Prometheus operator (`monitoring.coreos.com/v1`), as far as they are used here.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Whom Prometheus scrapes, and within which limits.
#[derive(Clone, Debug, Deserialize)]
#[allow(missing_docs, reason = "the fields are the operator's")]
pub struct ServiceMonitor {
    pub metadata: ObjectMeta,
    pub spec: ServiceMonitorSpec,
}

/// See [`ServiceMonitor`].
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the fields are the operator's")]
pub struct ServiceMonitorSpec {
    pub selector: LabelSelector,
    pub sample_limit: u64,
    pub body_size_limit: String,
    pub label_limit: u64,
    pub label_value_length_limit: u64,
    pub endpoints: Vec<Endpoint>,
}

/// One port of the services that are selected.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the fields are the operator's")]
pub struct Endpoint {
    pub port: String,
    pub interval: String,
    pub honor_labels: bool,
    pub relabelings: Vec<Relabeling>,
}

/// A label that is set.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the fields are the operator's")]
pub struct Relabeling {
    pub target_label: String,
    pub replacement: String,
}

/// Rules that Prometheus evaluates.
#[derive(Clone, Debug, Deserialize)]
#[allow(missing_docs, reason = "the fields are the operator's")]
pub struct PrometheusRule {
    pub metadata: ObjectMeta,
    pub spec: RuleGroups,
}

/// The content of a rule file, which is that of the resource, too.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are Prometheus's")]
pub struct RuleGroups {
    pub groups: Vec<RuleGroup>,
}

/// Rules that are evaluated one after the other.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are Prometheus's")]
pub struct RuleGroup {
    pub name: String,
    pub interval: Option<String>,
    pub rules: Vec<Rule>,
}

/// A recording rule or an alert.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are Prometheus's")]
pub struct Rule {
    pub record: Option<String>,
    pub alert: Option<String>,
    pub expr: String,
    #[serde(rename = "for")]
    pub pending: Option<String>,
    pub keep_firing_for: Option<String>,
    pub labels: Option<BTreeMap<String, String>>,
    pub annotations: Option<BTreeMap<String, String>>,
}
