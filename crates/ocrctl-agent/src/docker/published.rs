//! Ports by which containers are reached from outside.

use bollard::models::{ContainerInspectResponse, HostConfig};
use bollard::query_parameters::{InspectContainerOptions, ListContainersOptionsBuilder};

use super::Engine;
use ocrctl_protocol::{Context, Result};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    pub name: String,
    /// `ADDRESS:PORT->PORT/PROTOCOL`, of those that run and of those that would, if they ran.
    pub ports: Vec<String>,
    /// True if the container uses the host's network.
    pub host_network: bool,
}

impl Engine {
    /// All containers, running or not.
    pub async fn published(&self) -> Result<Vec<Published>> {
        let options = ListContainersOptionsBuilder::new().all(true).build();
        let listed = self
            .0
            .list_containers(Some(options))
            .await
            .context("listing the containers")?;
        let mut containers = Vec::new();
        for id in listed.into_iter().filter_map(|container| container.id) {
            let inspected = self
                .0
                .inspect_container(&id, None::<InspectContainerOptions>)
                .await;
            containers.push(published(
                &inspected.context(format_args!("inspecting the container {id}"))?,
            ));
        }
        containers.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(containers)
    }
}

fn published(container: &ContainerInspectResponse) -> Published {
    let name = container.name.as_deref().unwrap_or_default();
    let config = container.host_config.as_ref();
    let mut ports = config.map(ports).unwrap_or_default();
    ports.sort();
    Published {
        name: name.trim_start_matches('/').to_owned(),
        ports,
        host_network: config.and_then(|config| config.network_mode.as_deref()) == Some("host"),
    }
}

fn ports(config: &HostConfig) -> Vec<String> {
    let mut ports = Vec::new();
    for (inner, bindings) in config.port_bindings.iter().flatten() {
        for binding in bindings.iter().flatten() {
            let address = match binding.host_ip.as_deref() {
                None | Some("") => "0.0.0.0".to_owned(),
                Some(address) if address.contains(':') => format!("[{address}]"),
                Some(address) => address.to_owned(),
            };
            let port = match binding.host_port.as_deref() {
                None | Some("") => "(any)",
                Some(port) => port,
            };
            ports.push(format!("{address}:{port}->{inner}"));
        }
    }
    // `docker run -P`: every port that the image names, on a port that Docker chooses.
    if ports.is_empty() && config.publish_all_ports == Some(true) {
        ports.push("0.0.0.0:(any)->(all)".to_owned());
    }
    ports
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_published_ports() {
        let container = serde_json::json!({
            "Name": "/web",
            "HostConfig": {
                "NetworkMode": "bridge",
                "PortBindings": {
                    "80/tcp": [{"HostIp": "", "HostPort": "8080"}, {"HostIp": "::1", "HostPort": "8081"}],
                    "53/udp": null,
                },
            },
        });
        let container: ContainerInspectResponse = serde_json::from_value(container).unwrap();
        assert_eq!(
            published(&container),
            Published {
                name: "web".into(),
                ports: vec!["0.0.0.0:8080->80/tcp".into(), "[::1]:8081->80/tcp".into()],
                host_network: false,
            }
        );
    }
}
