//! What the files in `deploy/` are, as types: used by their tests alone.
//!
//! - [`manifest`]: a Kubernetes manifest, read into typed objects with unknown fields refused;
//! - [`operator`]: the two custom resources of the Prometheus operator that are used, as far as they are used;
//! - [`kustomization`]: the same for kustomize.

pub mod kustomization;
pub mod manifest;
pub mod operator;
