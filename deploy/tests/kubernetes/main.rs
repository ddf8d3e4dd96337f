//! The manifests in `deploy/kubernetes` as typed objects, and what they have to say.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test's helpers end the test")]

mod misspelled;
mod pods;
mod rules;

use std::fs;
use std::path::{Path, PathBuf};

use cpumon_deploy::kustomization::Kustomization;
use cpumon_deploy::manifest::{self, Object};

/// The top of the checkout.
fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn read(path: &Path) -> Vec<Object> {
    let text = fs::read_to_string(path).unwrap();
    manifest::read(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every file of a folder of `deploy/kubernetes`, by its name.
fn folder(name: &str) -> Vec<(String, Vec<Object>)> {
    let folder = top().join("deploy/kubernetes").join(name);
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    files.iter().map(|path| (name(path), read(path))).collect()
}

fn objects(name: &str) -> Vec<Object> {
    folder(name).into_iter().flat_map(|(_, objects)| objects).collect()
}

fn kustomization(name: &str) -> Kustomization {
    let mut found = objects(name).into_iter().filter_map(|object| match object {
        Object::Kustomization(kustomization) => Some(kustomization),
        _ => None,
    });
    found.next().unwrap()
}

#[test]
fn every_manifest_is_read_and_every_file_is_listed() {
    for (name, others) in [("base", 0), ("prometheus-operator", 1)] {
        let files: Vec<_> = folder(name).into_iter().map(|(file, _)| file).collect();
        let listed = kustomization(name).resources;
        for file in files.iter().filter(|file| *file != "kustomization.yaml") {
            assert!(listed.contains(file), "{name}: {file} is not among the resources");
        }
        assert_eq!(listed.len(), files.len() - 1 + others, "{name}: {listed:?}");
        assert_eq!(kustomization(name).namespace, "cpumon");
    }
    assert!(kustomization("prometheus-operator").resources.contains(&"../base".to_owned()));
}

#[test]
fn what_no_kind_has_is_refused() {
    let good = "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {clusterIP: None}\n";
    assert!(matches!(&manifest::read(good).unwrap()[..], [Object::Service(_)]));
    for (from, to, complaint) in [
        ("clusterIP", "clusterIp", "v1 Service has no spec.clusterIp"),
        ("metadata", "meta", "v1 Service has no meta"),
        ("spec: {clusterIP: None}", "spec: 7", "v1 Service: "),
        ("kind: Service", "kind: Servant", "v1 Servant is not used here"),
        ("kind: Service", "kind: [", "no YAML: "),
    ] {
        let error = manifest::read(&good.replace(from, to)).unwrap_err().to_string();
        assert!(error.starts_with(complaint), "{error}");
    }
    let monitor = "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: {name: a}\n";
    let rule = format!("{monitor}spec: {{groups: [{{name: g, rules: [{{record: r, exp: e}}]}}]}}\n");
    assert!(manifest::read(&rule).is_err());
}
