//! A manifest: YAML documents into typed objects.

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment};
use k8s_openapi::api::core::v1::{Namespace, Service, ServiceAccount};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::kustomization::Kustomization;
use crate::operator::{PrometheusRule, ServiceMonitor};

/// An object of a manifest.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the variants are Kubernetes's kinds")]
pub enum Object {
    Namespace(Namespace),
    ServiceAccount(ServiceAccount),
    Service(Box<Service>),
    Deployment(Box<Deployment>),
    DaemonSet(Box<DaemonSet>),
    PodDisruptionBudget(PodDisruptionBudget),
    ServiceMonitor(ServiceMonitor),
    PrometheusRule(PrometheusRule),
    Kustomization(Kustomization),
}

impl Object {
    /// The kind, as a manifest names it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Namespace(_) => "Namespace",
            Self::ServiceAccount(_) => "ServiceAccount",
            Self::Service(_) => "Service",
            Self::Deployment(_) => "Deployment",
            Self::DaemonSet(_) => "DaemonSet",
            Self::PodDisruptionBudget(_) => "PodDisruptionBudget",
            Self::ServiceMonitor(_) => "ServiceMonitor",
            Self::PrometheusRule(_) => "PrometheusRule",
            Self::Kustomization(_) => "Kustomization",
        }
    }
}

/// Why a manifest is refused.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// It is not YAML.
    #[error("no YAML: {0}")]
    Yaml(String),
    /// A document is no object of the kind that it claims to be.
    #[error("{kind}: {why}")]
    Type {
        /// The kind.
        kind: String,
        /// What is wrong.
        why: String,
    },
    /// A document has fields that its kind does not have.
    #[error("{kind} has no {}", .fields.join(", "))]
    UnknownFields {
        /// The kind.
        kind: String,
        /// Their paths.
        fields: Vec<String>,
    },
    /// No kind that is used here.
    #[error("{0} is not used here; teach this test to read it")]
    UnknownKind(String),
}

/// Reads every document of `text`.
///
/// # Errors
///
/// Says which document is wrong, and where.
pub fn read(text: &str) -> Result<Vec<Object>, ManifestError> {
    documents(text)?.into_iter().map(object).collect()
}

/// Every document of `text`, as it is.
///
/// # Errors
///
/// Says where it is no YAML.
pub fn documents(text: &str) -> Result<Vec<Value>, ManifestError> {
    serde_saphyr::from_multiple(text).map_err(|error| ManifestError::Yaml(error.to_string()))
}

/// A document as the object that it says it is.
///
/// # Errors
///
/// Says what is wrong, and where.
pub fn object(document: Value) -> Result<Object, ManifestError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Kind {
        api_version: String,
        kind: String,
    }
    let Kind { api_version, kind } = serde_json::from_value(document.clone())
        .map_err(|error| ManifestError::Type { kind: "a document".to_owned(), why: error.to_string() })?;
    let kind = format!("{api_version} {kind}");
    match kind.as_str() {
        "v1 Namespace" => typed(&kind, document).map(Object::Namespace),
        "v1 ServiceAccount" => typed(&kind, document).map(Object::ServiceAccount),
        "v1 Service" => typed(&kind, document).map(Box::new).map(Object::Service),
        "apps/v1 Deployment" => typed(&kind, document).map(Box::new).map(Object::Deployment),
        "apps/v1 DaemonSet" => typed(&kind, document).map(Box::new).map(Object::DaemonSet),
        "policy/v1 PodDisruptionBudget" => typed(&kind, document).map(Object::PodDisruptionBudget),
        "monitoring.coreos.com/v1 ServiceMonitor" => {
            typed(&kind, without_kind(document)).map(Object::ServiceMonitor)
        }
        "monitoring.coreos.com/v1 PrometheusRule" => {
            typed(&kind, without_kind(document)).map(Object::PrometheusRule)
        }
        "kustomize.config.k8s.io/v1beta1 Kustomization" => {
            typed(&kind, without_kind(document)).map(Object::Kustomization)
        }
        _ => Err(ManifestError::UnknownKind(kind)),
    }
}

/// What was looked at already.
fn without_kind(mut document: Value) -> Value {
    if let Value::Object(fields) = &mut document {
        fields.remove("apiVersion");
        fields.remove("kind");
    }
    document
}

/// Reads any value, refusing fields that its type does not have.
///
/// # Errors
///
/// Says what is wrong, and where.
pub fn typed<T: DeserializeOwned>(kind: &str, value: Value) -> Result<T, ManifestError> {
    let mut fields = Vec::new();
    let object = serde_ignored::deserialize(value, |path| {
        // It writes `?` for what may be absent.
        fields.push(path.to_string().replace(".?", ""));
    })
    .map_err(|error| ManifestError::Type { kind: kind.to_owned(), why: error.to_string() })?;
    if fields.is_empty() {
        Ok(object)
    } else {
        Err(ManifestError::UnknownFields { kind: kind.to_owned(), fields })
    }
}
