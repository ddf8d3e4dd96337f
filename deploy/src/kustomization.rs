//! kustomize's file, as far as it is used here.

use std::collections::BTreeMap;

use serde::Deserialize;

/// `kustomization.yaml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the fields are kustomize's")]
pub struct Kustomization {
    pub namespace: String,
    pub resources: Vec<String>,
    pub labels: Vec<Labels>,
}

/// Labels for all resources; selectors stay as they are.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the fields are kustomize's")]
pub struct Labels {
    pub pairs: BTreeMap<String, String>,
}
