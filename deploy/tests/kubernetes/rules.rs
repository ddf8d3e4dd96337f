//! The rules and limits of the operator's resources are those that the compose stack has.

use std::fs;
use std::path::PathBuf;

use cpumon_deploy::manifest::{self, Object};
use cpumon_deploy::operator::RuleGroups;
use serde_json::Value;

use super::{objects, top};

const HEAD: &str = "\
# The rules of prometheus/rules, made of its files by
#     UPDATE_DOCS=1 cargo test --manifest-path deploy/Cargo.toml
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: cpumon
  labels:
    app.kubernetes.io/name: cpumon-exporter
spec:
  groups:
";

fn rule_files() -> Vec<PathBuf> {
    let mut files: Vec<_> =
        fs::read_dir(top().join("prometheus/rules")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// The groups of all files, indented as the resource wants them.
fn generated() -> String {
    let mut text = HEAD.to_owned();
    for path in rule_files() {
        let file = fs::read_to_string(&path).unwrap();
        let (_, groups) = file.split_once("\ngroups:\n").expect("a line with groups: alone");
        for line in groups.lines() {
            let line = if line.is_empty() { String::new() } else { format!("  {line}") };
            text += line.trim_end();
            text.push('\n');
        }
    }
    text
}

#[test]
fn the_resource_has_the_rules_of_the_files() {
    let path = top().join("deploy/kubernetes/prometheus-operator/rules.yaml");
    #[allow(clippy::disallowed_methods, reason = "asks whoever runs the test, not a program's user")]
    let is_update = std::env::var("UPDATE_DOCS").is_ok();
    if is_update {
        fs::write(&path, generated()).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap();
    assert!(
        found == generated(),
        "rules.yaml is behind prometheus/rules: UPDATE_DOCS=1 cargo test --manifest-path deploy/Cargo.toml"
    );

    // Not only the text: what is read of both is the same.
    let mut groups = Vec::new();
    for path in rule_files() {
        let file: Value = serde_saphyr::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        groups.extend(manifest::typed::<RuleGroups>("rules", file).unwrap().groups);
    }
    let of_resource = objects("prometheus-operator").into_iter().find_map(|object| match object {
        Object::PrometheusRule(rule) => Some(rule.spec.groups),
        _ => None,
    });
    assert_eq!(of_resource.unwrap(), groups);
    assert!(groups.iter().any(|group| !group.rules.is_empty()));
}

#[test]
fn the_monitor_has_the_limits_of_the_scrape_configuration() {
    let file = fs::read_to_string(top().join("prometheus/prometheus.yml")).unwrap();
    let configuration: Value = serde_saphyr::from_str(&file).unwrap();
    let job = configuration["scrape_configs"]
        .as_array()
        .unwrap()
        .iter()
        .find(|job| job["job_name"] == "my_cpu")
        .unwrap();
    let spec = objects("prometheus-operator")
        .into_iter()
        .find_map(|object| match object {
            Object::ServiceMonitor(monitor) => Some(monitor.spec),
            _ => None,
        })
        .unwrap();
    assert_eq!(job["sample_limit"], spec.sample_limit);
    assert_eq!(job["body_size_limit"], *spec.body_size_limit);
    assert_eq!(job["label_limit"], spec.label_limit);
    assert_eq!(job["label_value_length_limit"], spec.label_value_length_limit);
    let [endpoint] = &spec.endpoints[..] else { panic!("one endpoint") };
    assert_eq!(configuration["global"]["scrape_interval"], *endpoint.interval);
    assert!(!endpoint.honor_labels);
    assert!(
        endpoint.relabelings.iter().any(|it| it.target_label == "job" && job["job_name"] == *it.replacement)
    );

    let service = objects("base").into_iter().find_map(|object| match object {
        Object::Service(service) => Some(service),
        _ => None,
    });
    let service = service.unwrap();
    let labels = service.metadata.labels.unwrap();
    assert!(spec.selector.match_labels.unwrap().iter().all(|(key, value)| labels.get(key) == Some(value)));
    assert!(
        service.spec.unwrap().ports.unwrap().iter().any(|port| port.name.as_deref() == Some(&*endpoint.port))
    );
}
