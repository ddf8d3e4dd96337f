//! What runs: names, security, how it is found.

use cpumon_deploy::manifest::Object;
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment};
use k8s_openapi::api::core::v1::{Container, EnvVar, PodSpec, Service};

use super::objects;

fn deployment() -> Deployment {
    objects("base")
        .into_iter()
        .find_map(|o| if let Object::Deployment(it) = o { Some(*it) } else { None })
        .unwrap()
}

fn daemon_set() -> DaemonSet {
    objects("base")
        .into_iter()
        .find_map(|o| if let Object::DaemonSet(it) = o { Some(*it) } else { None })
        .unwrap()
}

fn service() -> Service {
    objects("base")
        .into_iter()
        .find_map(|o| if let Object::Service(it) = o { Some(*it) } else { None })
        .unwrap()
}

fn pods() -> [PodSpec; 2] {
    let of_exporter = deployment().spec.unwrap().template.spec.unwrap();
    let of_agent = daemon_set().spec.unwrap().template.spec.unwrap();
    [of_exporter, of_agent]
}

fn container(pod: &PodSpec) -> &Container {
    assert_eq!(pod.containers.len(), 1);
    &pod.containers[0]
}

fn variable<'a>(container: &'a Container, name: &str) -> &'a EnvVar {
    container.env.iter().flatten().find(|variable| variable.name == name).unwrap()
}

/// The Pod Security Standards' restricted level, and a read-only root.
#[test]
fn pods_are_restricted() {
    for pod in pods() {
        assert_eq!((pod.host_network, pod.host_pid, pod.host_ipc), (None, None, None));
        for volume in pod.volumes.iter().flatten() {
            assert!(volume.empty_dir.is_some(), "{} is no emptyDir", volume.name);
        }
        let of_pod = pod.security_context.as_ref().unwrap();
        assert_eq!((of_pod.run_as_non_root, of_pod.run_as_user), (Some(true), Some(65_532)));
        assert_eq!(of_pod.seccomp_profile.as_ref().unwrap().type_, "RuntimeDefault");
        let container = container(&pod);
        let security = container.security_context.as_ref().unwrap();
        assert_eq!(security.allow_privilege_escalation, Some(false));
        assert_eq!(security.read_only_root_filesystem, Some(true));
        assert_eq!(security.privileged, None);
        let capabilities = security.capabilities.as_ref().unwrap();
        assert_eq!((&capabilities.drop, &capabilities.add), (&Some(vec!["ALL".to_owned()]), &None));
        assert!(container.ports.iter().flatten().all(|port| port.host_port.is_none()));
        assert!(container.resources.as_ref().unwrap().limits.as_ref().unwrap().contains_key("memory"));
        assert_eq!(pod.automount_service_account_token, Some(false));
    }
}

#[test]
fn no_service_sets_a_variable_of_the_programs() {
    for pod in pods() {
        assert_eq!(pod.enable_service_links, Some(false));
    }
    let name = service().metadata.name.unwrap();
    assert!(name != "exporter" && name != "agent", "{name}");
}

#[test]
fn an_agent_is_called_like_its_node_and_finds_every_exporter() {
    let [exporter, agent] = pods();
    let agent = container(&agent);
    let name = variable(agent, "AGENT_NAME").value_from.as_ref().unwrap();
    assert_eq!(name.field_ref.as_ref().unwrap().field_path, "spec.nodeName");

    let service = service();
    let spec = service.spec.unwrap();
    assert_eq!(spec.cluster_ip.as_deref(), Some("None"), "agents choose, no virtual address does");
    let port = spec.ports.iter().flatten().find(|port| port.name.as_deref() == Some("ingest")).unwrap();
    let exporters = format!("{}:{}", service.metadata.name.unwrap(), port.port);
    assert_eq!(variable(agent, "AGENT_EXPORTERS").value.as_deref(), Some(&*exporters));
    let pod_labels = deployment().spec.unwrap().template.metadata.unwrap().labels.unwrap();
    assert!(spec.selector.unwrap().iter().all(|(key, value)| pod_labels.get(key) == Some(value)));
    let ports: Vec<_> = container(&exporter).ports.iter().flatten().map(|port| port.container_port).collect();
    assert_eq!(ports, [8_080, 8_000]);
}

#[test]
fn exporters_may_go_one_at_a_time_and_agents_run_everywhere() {
    let deployment = deployment();
    assert!(deployment.spec.unwrap().replicas.unwrap() >= 2);
    let budget = objects("base")
        .into_iter()
        .find_map(|o| if let Object::PodDisruptionBudget(it) = o { it.spec } else { None })
        .unwrap();
    assert!(format!("{:?}", budget.max_unavailable).contains("Int(1)"));
    let tolerations = daemon_set().spec.unwrap().template.spec.unwrap().tolerations.unwrap();
    assert!(tolerations.iter().any(|it| it.operator.as_deref() == Some("Exists") && it.key.is_none()));
}

/// Every variable that is set is one that the program knows.
#[test]
fn variables_are_known() {
    let known = std::fs::read_to_string(super::top().join("docs/configuration.md")).unwrap();
    for pod in pods() {
        for variable in container(&pod).env.iter().flatten() {
            assert!(known.contains(&format!("| `{}` |", variable.name)), "{}", variable.name);
        }
    }
}
